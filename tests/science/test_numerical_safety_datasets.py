"""Data of awkward shapes and sizes: scaled as exact arithmetic says, or refused in words."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim import DataError
from ntksim.types import Array

from ntksim_builtin.datasets import Circle, File, LinearTeacher, Sphere
from ntksim_builtin.datasets.line_function import LineFunction
from ntksim_builtin.datasets.preparing.scaling import scale_inputs, standardise

EPSILON = float(np.finfo(np.float64).eps)
SIZES = [5e-324, 1e-300, 1e-170, 1.0, 1e170, 1.7e308]

SHAPES: dict[str, Array] = {
    "ordinary": np.array([[1.0, -2.0], [0.5, 4.0], [-1.0, 0.25]]),
    "a constant feature": np.array([[1.0, 0.1], [0.5, 0.1], [-1.0, 0.1]]),
    "one sample": np.array([[0.3, -0.7]]),
    "one feature": np.array([[1.0], [0.5], [-1.0]]),
    "duplicates": np.array([[1.0, -1.0], [1.0, -1.0], [0.5, 0.25]]),
    "both ends": np.array([[1.0], [-1.0]]),
}


def exact_standard(train: Array) -> list[list[Any]]:
    """(x − mean)/standard deviation of every column in 60 digits; 0 for a constant column."""
    with mp.workdps(60):
        columns = []
        for column in train.T.tolist():
            values = [mp.mpf(value) for value in column]
            mean = mp.fsum(values) / len(values)
            spread = mp.sqrt(mp.fsum((value - mean) ** 2 for value in values) / len(values))
            columns.append([(value - mean) / spread if spread else mp.mpf(0) for value in values])
        return [list(row) for row in zip(*columns, strict=True)]


def as_floats(exact: list[list[Any]]) -> Array:
    return np.array([[float(value) for value in row] for row in exact])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_standardised_inputs_are_right(shape: str, size: float) -> None:
    train = SHAPES[shape] * (size / 4 if size > 1e308 else size)
    found, test = scale_inputs("standard", train, train[:1])
    expected = as_floats(exact_standard(train))
    # Differences from the mean have ε of the largest value.
    np.testing.assert_allclose(found, expected, rtol=0, atol=60 * EPSILON)
    np.testing.assert_array_equal(test, found[:1])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_inputs_between_0_and_1_are_right(shape: str, size: float) -> None:
    train = SHAPES[shape] * (size / 4 if size > 1e308 else size)
    found, _ = scale_inputs("min_max", train, train)
    for column in range(train.shape[1]):
        values = [Fraction(value) for value in train[:, column].tolist()]
        low, high = min(values), max(values)
        for row, value in enumerate(values):
            right = (value - low) / (high - low) if high > low else Fraction(0)
            assert abs(Fraction(found[row, column]) - right) < 1e-15


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scaling", ["unit_norm", "unit_max"])
def test_norms_of_inputs_of_any_size(scaling: Any, size: float) -> None:
    train = SHAPES["ordinary"] * (size / 4 if size > 1e308 else size)
    found, _ = scale_inputs(scaling, train, train)
    if scaling == "unit_norm":
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=4 * EPSILON)
    else:
        assert np.abs(found).max() == 1.0


@pytest.mark.parametrize("scaling", ["unit_norm", "unit_max", "standard_unit_norm"])
def test_a_norm_of_zero_is_refused(scaling: Any) -> None:
    zeros = np.zeros((2, 2))
    with pytest.raises(DataError, match=r"all training inputs are 0|is 0 in all features"):
        scale_inputs(scaling, zeros, zeros)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-1e300, 1e300, allow_subnormal=False), min_size=1, max_size=5),
    st.booleans(),
    st.booleans(),
)
def test_any_column_is_standardised_or_constant(
    values: list[float], centre: bool, scale: bool
) -> None:
    column = np.array(values)[:, None]
    found, _ = standardise(column, column, centre=centre, scale=scale)
    assert not np.isnan(found).any()
    if centre and scale:
        # Within √N of 0, for any numbers (Samuelson 1968).
        assert np.abs(found).max() <= np.sqrt(len(values)) * (1 + 1e-12)


def test_targets_of_other_outputs_are_refused_and_not_repeated() -> None:
    with pytest.raises(DataError, match="y_train has 2 outputs, y_test 1"):
        standardise(np.ones((3, 2)), np.ones((2, 1)))


def saved(folder: Path, **arrays: Any) -> str:
    np.savez(folder / "data.npz", **arrays)
    return str(folder / "data.npz")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["x_train", "y_train", "x_test", "y_test"])
def test_a_number_that_is_none_is_refused_with_its_place(
    tmp_path: Path, name: str, bad: float
) -> None:
    arrays = {part: np.ones((3, 1)) for part in ("x_train", "y_train", "x_test", "y_test")}
    arrays[name][2, 0] = bad
    with pytest.raises(DataError, match=rf"{name} holds {bad} in row 2"):
        File(saved(tmp_path, **arrays)).load()


def test_data_of_one_point_of_one_feature(tmp_path: Path) -> None:
    one = np.array([[2.0]])
    data = File(
        saved(tmp_path, x_train=one, y_train=one, x_test=one[:0], y_test=one[:0]),
        scaling="standard",
        centre_targets=True,
        scale_targets=True,
    ).load()
    # A single point has no deviation: it is shifted to 0 and not divided by anything.
    np.testing.assert_array_equal(data.x_train, [[0.0]])
    np.testing.assert_array_equal(data.y_train, [[0.0]])


def test_one_class_is_refused_and_constant_targets_are_not(tmp_path: Path) -> None:
    x, y = np.arange(3.0)[:, None], np.full((3, 1), 7.0)
    path = saved(tmp_path, x_train=x, y_train=y, x_test=x, y_test=y)
    with pytest.raises(DataError, match="has the one label 7"):
        File(path, task="classification").load()
    data = File(path, centre_targets=True, scale_targets=True).load()
    np.testing.assert_array_equal(data.y_train, np.zeros((3, 1)))


def test_targets_of_extreme_size_are_scaled(tmp_path: Path) -> None:
    x, y = np.arange(3.0)[:, None], np.array([[1e-200], [3e-200], [2e-200]])
    path = saved(tmp_path, x_train=x, y_train=y, x_test=x, y_test=y)
    data = File(path, centre_targets=True, scale_targets=True).load()
    # Mean 2, variance 2/3.
    np.testing.assert_allclose(data.y_train[:, 0], np.array([-1, 1, 0]) * np.sqrt(1.5), atol=1e-15)


@pytest.mark.parametrize(
    "source",
    [
        LineFunction(train=1, test=0),
        LineFunction(function="gaussian", frequency=1e200),
        LineFunction(function="sinc", interval=(-1e-300, 1e-300)),
        Circle(train=1, test=0),
        Sphere(train=1, test=0, dimension=2),
        LinearTeacher(dimension=1, train=1, test=0),
    ],
    ids=str,
)
def test_small_and_extreme_generated_data_are_finite(source: Any) -> None:
    with np.errstate(over="ignore"):  # as a study does that loads it
        data = source.load()
    assert np.isfinite(data.x_train).all()
    assert np.isfinite(data.y_train).all()


@pytest.mark.parametrize(
    "source",
    [
        LineFunction(noise=1.7e308),
        LineFunction(frequency=1e300, interval=(-1e300, 1e300)),
        LinearTeacher(noise=1.7e308),
    ],
    ids=str,
)
def test_generated_data_beyond_the_floats_are_refused(source: Any) -> None:
    with (
        pytest.raises(DataError, match="it must be finite"),
        np.errstate(over="ignore", invalid="ignore"),
    ):
        source.load()
