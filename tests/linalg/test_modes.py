from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.linalg import (
    decay,
    descent_factors,
    eigendecomposition,
    flow_factors,
    growth,
    predicted_outputs,
    project,
    training_outputs,
    trajectories as trajectories_module,
)

EPSILON = float(np.finfo(float).eps)
INF = float("inf")


def predict(kernel, test_train, targets, times, ridge=0.0):
    """Predictions from a zero start, at training and at test points."""
    spectrum = eigendecomposition(kernel)
    factors = flow_factors(spectrum, np.asarray(times, dtype=float), ridge)
    zero, test_zero = np.zeros_like(targets), np.zeros((len(test_train), targets.shape[1]))
    projection = project(spectrum, test_train)
    return (
        training_outputs(spectrum, factors, targets, zero),
        predicted_outputs(spectrum, projection, factors, targets, zero, test_zero),
    )


@pytest.mark.parametrize("time", [1e-6, 1.0, 1e6])
def test_hilbert_matrix_loses_no_digits(time: float) -> None:
    """G(t) of the 12×12 Hilbert matrix, condition 1e16, where K⁻¹(I − e^{−Kt}) has none right."""
    n = 12
    hilbert = 1.0 / (np.arange(n)[:, None] + np.arange(n) + 1)
    spectrum = eigendecomposition(hilbert)
    factor = flow_factors(spectrum, np.array([time])).growth[0]
    computed = (spectrum.eigenvectors * factor) @ spectrum.eigenvectors.T
    with mpmath.workdps(60):
        values, vectors = mpmath.eigsy(mpmath.matrix(hilbert.tolist()))
        diagonal = mpmath.diag([-mpmath.expm1(-v * time) / v for v in values])
        exact = np.array((vectors * diagonal * vectors.T).tolist(), dtype=float)
    # Rounding of K moves G by at most eps |K| t relative to |G| = t; at t = 1e6 that is 2e-10
    # times a factor from the number of rows.
    bound = 10 * EPSILON * (n + 2 * time)
    assert np.abs(computed - exact).max() <= bound * np.abs(exact).max()


@given(st.integers(0, 2**32), st.floats(0, 2), st.floats(0, 50))
@settings(max_examples=30, deadline=None)
def test_residual_and_growth_are_one_solution(seed: int, ridge: float, time: float) -> None:
    """Residual factor + λ g(λ+ρ) = 1: training points and test points obey one rule."""
    features = np.random.default_rng(seed).standard_normal((5, 7))
    spectrum = eigendecomposition(features @ features.T)
    factors = flow_factors(spectrum, np.array([time, INF]), ridge)
    np.testing.assert_allclose(
        factors.residual + spectrum.eigenvalues * factors.growth, 1.0, rtol=20 * EPSILON
    )


def test_late_residuals_keep_their_relative_accuracy() -> None:
    spectrum = eigendecomposition(np.diag([4.0, 1.0]))
    factors = flow_factors(spectrum, np.array([150.0]))
    np.testing.assert_allclose(factors.residual[0], np.exp([-600.0, -150.0]), rtol=1e-13)


def test_training_on_a_test_point_gives_the_same_output() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((6, 9))
    kernel = features @ features.T
    for ridge in (0.0, 0.3):
        train, test = predict(kernel, kernel, rng.standard_normal((6, 2)), [0, 0.1, 3, INF], ridge)
        np.testing.assert_allclose(
            train, test, rtol=0, atol=1e-12
        )  # eps times the condition, about 1e3


@pytest.mark.parametrize("conflict", [1.0, 1e-6, 1e6])
def test_oracle_23_conflicting_duplicates_stay_at_their_mean(conflict: float) -> None:
    """Equal inputs with unequal targets, for every time up to 1e15 and beyond."""
    kernel = np.array([[2.0, 2.0, 1.0], [2.0, 2.0, 1.0], [1.0, 1.0, 3.0]])
    targets = np.array([[0.0], [conflict], [2.0]])
    test_train = np.array([[2.0, 2.0, 1.0], [0.3, 0.3, 0.5]])
    times = [1e2, 1e6, 1e12, 1e14, 1e15, 1e18, 1e300, INF]
    train, test = predict(kernel, test_train, targets, times)
    mean = conflict / 2
    scale = max(1.0, conflict)
    # All resolved modes have decayed (eigenvalues above 2): only rounding of the targets is left.
    np.testing.assert_allclose(train[:, :2, 0], mean, rtol=0, atol=20 * EPSILON * scale)
    np.testing.assert_allclose(train[:, 2, 0], 2.0, rtol=0, atol=20 * EPSILON * scale)
    # The predictor that interpolates (mean, 2) on the two distinct points.
    weights = np.linalg.solve(np.array([[2.0, 1.0], [1.0, 3.0]]), [mean, 2.0])
    expected = np.array([[2.0, 1.0], [0.3, 0.5]]) @ weights
    np.testing.assert_allclose(
        test[:, :, 0], np.broadcast_to(expected, (8, 2)), rtol=0, atol=50 * EPSILON * scale
    )


@pytest.mark.parametrize("seed", range(5))
def test_more_points_than_parameters_on_an_ill_conditioned_kernel(seed: int) -> None:
    """Null vectors are contaminated by ε λ₁/λ_j of small modes j; it must not grow with time."""
    rng = np.random.default_rng(seed)
    scales = np.array([1.0, 1e-2, 1e-4])
    features = rng.standard_normal((8, 3))
    # Points that see only the small modes have small kernels but large weights k* K⁺.
    test_features = np.vstack([rng.standard_normal((2, 3)), 10 * np.eye(3)])
    jacobian, test_jacobian = features * scales, test_features * scales
    targets = rng.standard_normal((8, 1))
    _, test = predict(
        jacobian @ jacobian.T, test_jacobian @ jacobian.T, targets, [1e11, 1e13, 1e14, 1e15, INF]
    )
    # Least squares in the parameters does not care how their columns are scaled.
    expected = test_features @ np.linalg.lstsq(features, targets)[0]
    # eps lambda_1/lambda_3 = 2e-8 times sqrt(n), the spread of random features, and 10.
    np.testing.assert_allclose(test, np.broadcast_to(expected, test.shape), rtol=0, atol=1e-5)


def test_a_null_mode_that_can_be_resolved_elsewhere_grows_until_rounding_rules() -> None:
    """λ₂ = 1e-20 is below rounding, yet a test point projects on its mode by √(k** λ₂)/2."""
    kernel, test_train = np.diag([1.0, 1e-20]), np.array([[0.5, 0.5e-10]])
    targets = np.ones((2, 1))
    horizon = 1 / (2 * EPSILON)
    times = [1.0, 1e9, 0.99 * horizon, 1.01 * horizon, INF]
    train, test = predict(kernel, test_train, targets, times)
    first = 0.5 * -np.expm1(-np.array(times))
    second = 0.5e-10 * np.array([1.0, 1e9, 0.99 * horizon, 0.0, 0.0])
    # g(1e-20, t) = t but for a factor 1 - 1e-20 t/2, at most 2e-5 before the horizon.
    np.testing.assert_allclose(test[:, 0, 0], first + second, rtol=3e-5)
    np.testing.assert_array_equal(train[:, 1, 0], 0.0)


def test_ridge_bounds_what_time_does_not() -> None:
    kernel, test_train = np.diag([1.0, 1e-20]), np.array([[0.5, 0.5e-10]])
    targets = np.ones((2, 1))
    _, kept = predict(kernel, test_train, targets, [INF], ridge=1e-9)
    np.testing.assert_allclose(kept[0, 0, 0], 0.5 / (1 + 1e-9) + 0.05, rtol=1e-10)
    _, dropped = predict(kernel, test_train, targets, [INF], ridge=1e-17)
    np.testing.assert_allclose(dropped[0, 0, 0], 0.5, rtol=4 * EPSILON)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_scale_of_the_kernel_is_scale_of_time(scale: float) -> None:
    rng = np.random.default_rng(3)
    features = rng.standard_normal((5, 3))  # two null modes
    kernel, targets = features @ features.T, rng.standard_normal((5, 2))
    times = np.array([0.0, 0.5, 10.0, 1e8, INF])
    plain = predict(kernel, kernel, targets, times)
    scaled = predict(scale * kernel, scale * kernel, targets, times / scale)
    for one, other in zip(plain, scaled, strict=True):
        # The scaled entries are rounded: eps times the condition of the resolved modes.
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)


def test_zero_kernel_moves_nothing() -> None:
    train, test = predict(np.zeros((2, 2)), np.zeros((1, 2)), np.ones((2, 1)), [0, 1, 1e300, INF])
    np.testing.assert_array_equal(train, 0.0)
    np.testing.assert_array_equal(test, 0.0)


def test_projection_keeps_what_is_resolved_to_the_bit() -> None:
    rng = np.random.default_rng(1)
    features, test_features = rng.standard_normal((4, 6)), rng.standard_normal((3, 6))
    spectrum = eigendecomposition(features @ features.T)
    test_train = test_features @ features.T
    np.testing.assert_array_equal(project(spectrum, test_train), test_train @ spectrum.eigenvectors)


def test_blocks_of_times_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    features = rng.standard_normal((5, 8))
    arguments = (features @ features.T, rng.standard_normal((3, 5)), rng.standard_normal((5, 2)))
    times = np.linspace(0, 3, 23)
    whole = predict(*arguments, times)
    monkeypatch.setattr(trajectories_module, "BLOCK", 30)  # three times of 5 modes, 2 outputs
    pieces = predict(*arguments, times)
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(
            one, other, rtol=0, atol=1e-14
        )  # order of summation in a product


def test_start_is_returned_to_the_bit() -> None:
    rng = np.random.default_rng(4)
    features, start = rng.standard_normal((5, 8)), rng.standard_normal((5, 2))
    spectrum = eigendecomposition(features @ features.T)
    factors = flow_factors(spectrum, np.array([0.0, 1.0]))
    outputs = training_outputs(spectrum, factors, rng.standard_normal((5, 2)), start)
    np.testing.assert_array_equal(outputs[0], start)
    assert np.abs(outputs[1] - start).max() > 0.1


def test_descent_and_flow_share_their_limits() -> None:
    features = np.random.default_rng(5).standard_normal((5, 3))
    spectrum = eigendecomposition(features @ features.T)
    flow = flow_factors(spectrum, np.array([0.0, INF]), 0.1)
    descent = descent_factors(spectrum, np.array([0.0, INF]), 0.01, 0.1)
    np.testing.assert_array_equal(flow.residual, descent.residual)
    np.testing.assert_allclose(flow.growth, descent.growth, rtol=4 * EPSILON)


def test_factors_are_the_functions_of_time_where_nothing_is_null() -> None:
    spectrum = eigendecomposition(np.diag([3.0, 2.0, 0.1]))
    times = np.array([0.2, 5.0])
    factors = flow_factors(spectrum, times)
    np.testing.assert_allclose(
        factors.residual, decay(spectrum.eigenvalues, times[:, None]), rtol=2 * EPSILON
    )
    np.testing.assert_array_equal(factors.growth, growth(spectrum.eigenvalues, times[:, None]))
