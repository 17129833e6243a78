"""Points on a line, a circle, a sphere, and a linear teacher."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import scipy.special
from hypothesis import given, strategies as st

from ntksim_builtin.datasets import Circle, LinearTeacher, LineFunction, Sphere, ThreePoints
from ntksim_builtin.datasets.harmonics import SphereTargets, zonal_harmonic
from ntksim_builtin.datasets.line_function import FUNCTIONS, FunctionName

# Rounding of a few operations on numbers of order 1.
ROUNDING = 1e-12


def test_three_points_are_those_of_the_example() -> None:
    data = ThreePoints().load()
    assert data.x_train.tolist() == [[0.2], [0.4], [0.8]]
    assert data.y_train.tolist() == [[-0.05], [-0.2], [0.3]]
    np.testing.assert_allclose(data.x_test[:, 0], np.arange(101) / 100, rtol=ROUNDING)
    assert not data.test_targets
    assert np.isnan(data.y_test).all()
    assert ThreePoints(targets="part1").load().y_train.tolist() == [[-0.1], [0.15], [0.3]]


def test_three_points_can_be_watched_at_themselves_or_on_another_grid() -> None:
    data = ThreePoints(test="train").load()
    assert data.test_targets
    np.testing.assert_array_equal(data.y_test, data.y_train)
    grid = ThreePoints(points=3, interval=(-6.0, 6.0)).load().x_test
    assert grid.tolist() == [[-6], [0], [6]]


@pytest.mark.parametrize("interval", [(1.0, 0.0), (1.0, 1.0), (0.0, float("inf"))])
def test_intervals_that_are_none_are_refused(interval: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="the smaller one first"):
        ThreePoints(interval=interval)
    with pytest.raises(ValueError, match="the smaller one first"):
        LineFunction(interval=interval)


def test_circle_by_hand() -> None:
    data = Circle(train=4, test=2, frequency=2).load()
    np.testing.assert_allclose(data.x_train, [[1, 0], [0, 1], [-1, 0], [0, -1]], atol=ROUNDING)
    np.testing.assert_allclose(data.y_train[:, 0], [1, -1, 1, -1], atol=ROUNDING)
    # Half a step of the two test points is a quarter turn.
    np.testing.assert_allclose(data.x_test, [[0, 1], [0, -1]], atol=ROUNDING)
    assert not data.classification


@given(st.integers(2, 8), st.integers(0, 7), st.floats(-1, 1))
def test_zonal_harmonics_are_gegenbauer_polynomials(d: int, degree: int, cosine: float) -> None:
    value = zonal_harmonic(np.array([cosine]), degree, d)[0]
    if d == 2:
        expected = np.cos(degree * np.arccos(cosine))
    else:
        index = (d - 2) / 2
        expected = scipy.special.eval_gegenbauer(degree, index, cosine) / (
            scipy.special.eval_gegenbauer(degree, index, 1.0)
        )
    # Both recurrences are stable on [−1, 1]: rounding of at most 8 steps.
    assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dimension", [3, 4, 7])
def test_zonal_harmonics_are_orthogonal_with_mean_square_one_over_their_number(
    dimension: int,
) -> None:
    # Gauss quadrature with 20 nodes is exact to degree 39 under the sphere's measure of a cosine.
    nodes, weights = scipy.special.roots_gegenbauer(20, (dimension - 2) / 2)
    values = np.array([zonal_harmonic(nodes, k, dimension) for k in range(6)])
    gram = (values * weights) @ values.T / weights.sum()
    number = [
        scipy.special.comb(k + dimension - 1, k) - scipy.special.comb(k + dimension - 3, k - 2)
        for k in range(6)
    ]
    np.testing.assert_allclose(gram, np.diag(1 / np.array(number)), atol=1e-12)


def test_sphere_has_unit_vectors_and_targets_along_the_first_axis() -> None:
    data = Sphere(dimension=4, train=50, test=7, degree=2).load()
    np.testing.assert_allclose(np.linalg.norm(data.x_train, axis=1), 1, rtol=ROUNDING)
    np.testing.assert_allclose(np.linalg.norm(data.x_test, axis=1), 1, rtol=ROUNDING)
    # P₂(t) = (d t² − 1)/(d − 1).
    np.testing.assert_allclose(data.y_test[:, 0], (4 * data.x_test[:, 0] ** 2 - 1) / 3, atol=1e-12)


def test_points_of_the_sphere_are_uniform() -> None:
    x = Sphere(dimension=3, train=4000, test=0).load().x_train
    # On S² every coordinate is uniform on [−1, 1] (Archimedes). Kolmogorov-Smirnov at 4000 points:
    # 1.95/√4000 has probability 1e-3, and the seed is fixed.
    for coordinate in x.T:
        ranks = (np.sort(coordinate) + 1) / 2
        assert np.abs(ranks - (np.arange(4000) + 0.5) / 4000).max() < 1.95 / np.sqrt(4000)


@pytest.mark.parametrize("source", [Circle(spacing="uniform"), Sphere()])
def test_smaller_sets_are_the_beginning_of_larger_ones(source: Sphere | Circle) -> None:
    for targets in get_args(SphereTargets):
        first = replace(source, train=5, targets=targets).load()
        second = replace(source, train=9, targets=targets).load()
        np.testing.assert_array_equal(first.x_train, second.x_train[:5])
        np.testing.assert_array_equal(first.y_train, second.y_train[:5])
        np.testing.assert_array_equal(first.x_test, second.x_test)


@pytest.mark.parametrize("kind", [Circle, Sphere])
def test_random_targets(kind: type[Circle] | type[Sphere]) -> None:
    signs = kind(train=400, targets="random_sign").load()
    assert signs.classification
    assert set(signs.y_train.ravel()) == {-1.0, 1.0}
    # A fair coin has standard deviation 20 in the sum of 400; five of them.
    assert abs(signs.y_train.sum()) < 100
    noise = kind(train=400, targets="noise").load()
    assert not noise.classification
    # The variance of 400 normal draws has standard deviation √(2/400) = 0.07; five of them.
    assert abs(noise.y_train.var() - 1) < 0.36


def test_noise_is_added_in_training_alone() -> None:
    for clean, noisy in (
        (Circle(), Circle(noise=0.5)),
        (Sphere(), Sphere(noise=0.5)),
        (LineFunction(train=100), LineFunction(train=100, noise=0.5)),
        (LinearTeacher(), LinearTeacher(noise=0.5)),
    ):
        before, after = clean.load(), noisy.load()
        np.testing.assert_array_equal(before.x_train, after.x_train)
        np.testing.assert_array_equal(before.y_test, after.y_test)
        # At least 32 draws of standard deviation 0.5: their root mean square within 5 × 0.5/√64.
        spread = np.sqrt(np.mean((after.y_train - before.y_train) ** 2))
        assert abs(spread - 0.5) < 0.32


@pytest.mark.parametrize("kind", [Circle, Sphere])
def test_options_of_a_harmonic_are_refused_without_one(kind: type[Circle] | type[Sphere]) -> None:
    with pytest.raises(ValueError, match="'noise' belongs to targets: harmonic"):
        kind(targets="noise", noise=0.1)


def test_a_frequency_or_degree_is_refused_without_a_harmonic() -> None:
    with pytest.raises(ValueError, match="'frequency' belongs to targets: harmonic"):
        Circle(targets="random_sign", frequency=2)
    with pytest.raises(ValueError, match="'degree' belongs to targets: harmonic"):
        Sphere(targets="random_sign", degree=2)


def test_linear_teacher_is_linear() -> None:
    data = LinearTeacher(dimension=4, outputs=2, train=30, test=10).load()
    teacher, residual, rank, _ = np.linalg.lstsq(data.x_train, data.y_train)
    assert rank == 4
    assert residual.max() < 1e-25  # squares of rounding
    np.testing.assert_allclose(data.x_test @ teacher, data.y_test, atol=1e-12)


def test_teachers_have_norm_one_on_average() -> None:
    norms = [
        np.sum(np.linalg.lstsq(d.x_train, d.y_train)[0] ** 2)
        for d in (LinearTeacher(train=12, test=0, seed=seed).load() for seed in range(200))
    ]
    # |w|² is chi-square with 10 degrees of freedom over 10: standard deviation √(2/10), of the
    # mean over 200 seeds 0.032; five of them.
    assert abs(np.mean(norms) - 1) < 0.16


def test_functions_of_a_line_at_points_known_by_hand() -> None:
    assert set(FUNCTIONS) == set(get_args(FunctionName))
    u = np.array([-0.75, -0.25, 0.0, 0.25, 0.75])
    expected = {
        "sin": [1, -1, 0, 1, -1],
        "cos": [0, 0, 1, 0, 0],
        "square": [1, -1, 1, 1, -1],
        "triangle": [1, -1, 0, 1, -1],
        "step": [0, 0, 1, 1, 1],
        "absolute": [0.75, 0.25, 0, 0.25, 0.75],
        "gaussian": np.exp([-0.28125, -0.03125, 0, -0.03125, -0.28125]),
        "sinc": np.sqrt(0.5) / np.pi / np.array([0.75, 0.25, np.sqrt(0.5) / np.pi, 0.25, 0.75]),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(FUNCTIONS[name](u), values, atol=1e-12, err_msg=name)


def test_line_function_scales_its_argument() -> None:
    data = LineFunction("sin", frequency=2.0, interval=(0.0, 0.5), train=5, test=3).load()
    np.testing.assert_allclose(data.x_train[:, 0], [0, 0.125, 0.25, 0.375, 0.5], rtol=ROUNDING)
    np.testing.assert_allclose(data.y_train[:, 0], [0, 1, 0, -1, 0], atol=ROUNDING)
    np.testing.assert_allclose(data.x_test[:, 0], [0, 0.25, 0.5], rtol=ROUNDING)
    uniform = LineFunction(interval=(3.0, 5.0), spacing="uniform").load().x_train
    assert uniform.min() >= 3
    assert uniform.max() <= 5


def test_a_step_has_no_frequency() -> None:
    with pytest.raises(ValueError, match="a step is the same at every frequency"):
        LineFunction("step", frequency=2.0)
