"""Splitting, scaling and coding of points."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays
from ntksim import DataError
from ntksim.types import Array

from ntksim_builtin.datasets.preparing.coding import (
    check_classes,
    check_coding,
    encode,
    find_class,
    positions,
)
from ntksim_builtin.datasets.preparing.scaling import InputScaling, scale_inputs, standardise
from ntksim_builtin.datasets.preparing.splitting import split, subset

# Rounding of a few operations on numbers of order 1.
ROUNDING = 1e-12


def stream() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(5))


@given(st.integers(1, 60), st.data())
def test_a_split_has_the_sizes_asked_for_and_no_point_twice(
    points: int, data: st.DataObject
) -> None:
    train_size = data.draw(st.integers(1, points))
    test_size = data.draw(st.integers(0, points - train_size))
    train, test = split(points, train_size, test_size, stream())
    assert (len(train), len(test)) == (train_size, test_size)
    assert len({*train.tolist(), *test.tolist()}) == train_size + test_size


def test_sizes_that_are_not_given() -> None:
    assert [len(part) for part in split(100, None, None, stream())] == [80, 20]
    assert [len(part) for part in split(100, 30, None, stream())] == [30, 70]
    assert [len(part) for part in split(100, None, 30, stream())] == [70, 30]
    assert [len(part) for part in split(4, None, None, stream())] == [4, 0]
    assert [len(part) for part in split(10, 0.75, None, stream())] == [8, 2]


def test_a_smaller_training_set_is_part_of_a_larger_one_with_the_same_test_set() -> None:
    small, test_of_small = split(50, 10, 20, stream())
    large, test_of_large = split(50, 30, 20, stream())
    assert set(small.tolist()) < set(large.tolist())
    assert test_of_small.tolist() == test_of_large.tolist()


@pytest.mark.parametrize(
    ("train", "test"), [(8, 3), (11, None), (None, 11), (None, 10), (0.001, None)]
)
def test_a_split_of_too_few_points_is_refused(train: int | None, test: int | None) -> None:
    with pytest.raises(DataError, match="cannot be taken from 10 points"):
        split(10, train, test, stream())


def test_a_subset_of_too_few_points_is_refused() -> None:
    assert subset(3, None, "test", stream()).tolist() == [0, 1, 2]
    assert sorted(subset(3, 3, "test", stream()).tolist()) == [0, 1, 2]
    with pytest.raises(DataError, match="4 test points were asked for, but there are only 3"):
        subset(3, 4, "test", stream())


def test_standard_scaling_by_hand() -> None:
    # Feature 0: 1, 3 has mean 2 and standard deviation 1. Feature 1 is constant in training.
    train, test = scale_inputs(
        "standard", np.array([[1.0, 0.1], [3.0, 0.1]]), np.array([[5.0, 0.3]])
    )
    np.testing.assert_array_equal(train, [[-1, 0], [1, 0]])
    np.testing.assert_allclose(test, [[3, 0.2]], rtol=ROUNDING)


def test_a_constant_feature_becomes_exactly_zero() -> None:
    # The mean of seven times 0.1 is not 0.1 in floating point: a naive scaling divides rounding
    # by rounding.
    train, _ = scale_inputs("standard", np.full((7, 1), 0.1), np.empty((0, 1)))
    np.testing.assert_array_equal(train, np.zeros((7, 1)))


def test_the_other_scalings_by_hand() -> None:
    train, test = np.array([[3.0, -4.0], [0.0, 2.0]]), np.array([[6.0, 8.0]])
    scaled, scaled_test = scale_inputs("min_max", train, test)
    np.testing.assert_array_equal(scaled, [[1, 0], [0, 1]])
    np.testing.assert_array_equal(scaled_test, [[2, 2]])
    scaled, scaled_test = scale_inputs("unit_max", train, test)
    np.testing.assert_array_equal(scaled, [[0.75, -1], [0, 0.5]])
    np.testing.assert_array_equal(scaled_test, [[1.5, 2]])
    scaled, scaled_test = scale_inputs("unit_norm", train, test)
    np.testing.assert_allclose(scaled, [[0.6, -0.8], [0, 1]], rtol=ROUNDING)
    np.testing.assert_allclose(scaled_test, [[0.6, 0.8]], rtol=ROUNDING)
    scaled, _ = scale_inputs("standard_unit_norm", train, test)
    np.testing.assert_allclose(scaled, np.array([[1, -1], [-1, 1]]) / np.sqrt(2), rtol=ROUNDING)
    scaled, scaled_test = scale_inputs("none", train, test)
    np.testing.assert_array_equal(scaled, train)
    np.testing.assert_array_equal(scaled_test, test)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_unit_norm_of_tiny_and_huge_points(size: float) -> None:
    train, _ = scale_inputs("unit_norm", np.array([[3 * size, 4 * size]]), np.empty((0, 2)))
    np.testing.assert_allclose(train, [[0.6, 0.8]], rtol=ROUNDING)


def test_images_are_scaled_pixel_by_pixel_and_normed_as_a_whole() -> None:
    images = stream().normal(size=(5, 2, 3, 1))
    flat, _ = scale_inputs("standard_unit_norm", images.reshape(5, 6), np.empty((0, 6)))
    scaled, _ = scale_inputs("standard_unit_norm", images, np.empty((0, 2, 3, 1)))
    np.testing.assert_allclose(scaled.reshape(5, 6), flat, rtol=ROUNDING)


@pytest.mark.parametrize(
    "scaling", ["standard", "min_max", "unit_max", "unit_norm", "standard_unit_norm"]
)
def test_statistics_come_from_training_points_alone(scaling: InputScaling) -> None:
    train = stream().normal(size=(6, 3))
    alone, _ = scale_inputs(scaling, train, np.empty((0, 3)))
    beside, _ = scale_inputs(scaling, train, np.full((4, 3), 1e6))
    np.testing.assert_array_equal(alone, beside)


def test_points_that_have_no_direction_are_refused() -> None:
    with pytest.raises(DataError, match="test point 1 is 0 in all features"):
        scale_inputs("unit_norm", np.ones((2, 2)), np.array([[1.0, 0], [0, 0]]))
    with pytest.raises(DataError, match="all training inputs are 0"):
        scale_inputs("unit_max", np.zeros((2, 2)), np.ones((1, 2)))


@given(arrays.arrays(np.float64, (7, 2), elements=st.floats(-1e6, 1e6, width=32)))
def test_standardised_columns_have_mean_0_and_variance_1(values: Array) -> None:
    scaled, again = standardise(values, values)
    np.testing.assert_array_equal(scaled, again)
    for column, original in zip(scaled.T, values.T, strict=True):
        # Rounding of the mean relative to the spread: a column whose spread is below 1e-6 of its
        # size has lost its digits before.
        if np.ptp(original) > 1e-6 * np.abs(original).max():
            assert abs(column.mean()) < 1e-8
            assert abs(column.std() - 1) < 1e-8
        elif np.ptp(original) == 0:
            assert not column.any()


def test_centring_and_scaling_can_be_asked_for_one_by_one() -> None:
    train, test = np.array([[1.0], [3.0]]), np.array([[np.nan]])
    np.testing.assert_array_equal(standardise(train, test, scale=False)[0], [[-1], [1]])
    np.testing.assert_array_equal(standardise(4 * train, test, centre=False)[0], train)
    np.testing.assert_array_equal(standardise(train, test, centre=False, scale=False)[0], train)
    assert np.isnan(standardise(train, test)[1]).all()


def test_codes_by_hand() -> None:
    classes = np.array([1, 0, 2])
    np.testing.assert_array_equal(encode(classes, 3, "one_hot"), [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    centred = encode(classes, 3, "centred_one_hot")
    np.testing.assert_allclose(centred[0], [-1 / 3, 2 / 3, -1 / 3], rtol=ROUNDING)
    np.testing.assert_array_equal(encode(classes, 3, "auto"), centred)
    np.testing.assert_array_equal(encode(np.array([1, 0]), 2, "sign"), [[1], [-1]])
    np.testing.assert_array_equal(encode(np.array([1, 0]), 2, "auto"), [[1], [-1]])
    np.testing.assert_array_equal(encode(np.array([1]), 2, "centred_one_hot"), [[-0.5, 0.5]])


def test_a_sign_does_not_tell_three_classes_apart() -> None:
    check_coding("sign", 2)
    with pytest.raises(ValueError, match="2 classes apart, and there are 3"):
        check_coding("sign", 3)


def test_positions_of_kept_classes() -> None:
    where, classes = positions(np.array([8, 3, 5, 3, 9]), [3, 8])
    assert where.tolist() == [0, 1, 3]
    assert classes.tolist() == [1, 0, 0]


def test_choices_of_classes_that_are_none() -> None:
    check_classes(())
    with pytest.raises(ValueError, match="only 3; at least two"):
        check_classes((3,))
    with pytest.raises(ValueError, match="names 3 more than once"):
        check_classes((3, 8, 3))
    with pytest.raises(DataError, match=r"no class 'setose'; there are .*did you mean setosa"):
        find_class("setose", ("setosa", "virginica"))
