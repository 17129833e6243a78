"""Gradient descent of the linearised network, in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from kernel_problems import features_problem, kernel_problem
from ntksim_builtin.solvers import Eigh, GradientDescent

INF = float("inf")


def loop(jacobian, test_jacobian, problem, rate, steps, ridge):
    """Descend on the parameters, step by step."""
    theta = np.zeros((jacobian.shape[1], problem.y_train.shape[1]))
    train, test = [], []
    for _ in range(steps + 1):
        train.append(problem.f0_train + jacobian @ theta)
        test.append(problem.f0_test + test_jacobian @ theta)
        theta = theta - rate * (jacobian.T @ (train[-1] - problem.y_train) + ridge * theta)
    return np.array(train), np.array(test)


@given(st.integers(0, 2**32), st.floats(0.05, 2.3), st.floats(0, 3))
@settings(max_examples=40, deadline=None)
def test_closed_form_is_the_loop(seed: int, share: float, ridge: float) -> None:
    """Stable, oscillating and divergent rates, up to 2.3/λ₁, more points than parameters or not."""
    rng = np.random.default_rng(seed)
    problem, jacobian, test_jacobian = features_problem(
        rng, points=int(rng.integers(1, 7)), parameters=4, outputs=2
    )
    assert problem.spectrum is not None
    rate = share / (problem.spectrum.eigenvalues[0] + ridge)
    steps = 30
    train, test = loop(jacobian, test_jacobian, problem, rate, steps, ridge)
    solver = GradientDescent(learning_rate=rate, ridge=ridge)
    evolution = solver.evolve(problem, rate * np.arange(steps + 1))
    # Rounding a step, amplified by at most 1.3^30 = 3e3 in the divergent cases.
    scale = max(1.0, np.abs(train).max(), np.abs(test).max())
    np.testing.assert_allclose(evolution.train, train, rtol=0, atol=1e-11 * scale)
    np.testing.assert_allclose(evolution.test, test, rtol=0, atol=1e-11 * scale)
    np.testing.assert_allclose(evolution.reached, rate * np.arange(steps + 1), rtol=1e-15)
    assert evolution.diverged == (share > 2)


def test_times_are_those_of_whole_steps() -> None:
    problem, _, _ = features_problem(np.random.default_rng(0), 3, 5)
    evolution = GradientDescent(learning_rate=0.02).evolve(
        problem, np.array([0.0, 0.009, 0.011, 0.05, INF])
    )
    np.testing.assert_allclose(evolution.reached, [0.0, 0.0, 0.02, 0.04, INF], rtol=1e-15)
    np.testing.assert_array_equal(evolution.train[1], problem.f0_train)


def test_oracle_18_descent_approaches_flow_at_first_order() -> None:
    problem, _, _ = features_problem(np.random.default_rng(1), 4, 6)
    assert problem.spectrum is not None
    time = np.array([0.5])
    exact = Eigh().evolve(problem, time)
    largest = problem.spectrum.eigenvalues[0]
    rates = 0.5 / np.ceil(0.5 * largest * 10.0 * 2.0 ** np.arange(5))
    errors = {"train": [], "test": []}
    for rate in rates:
        evolution = GradientDescent(learning_rate=float(rate)).evolve(problem, time)
        np.testing.assert_allclose(evolution.reached, time, rtol=1e-14)
        errors["train"].append(np.abs(evolution.train - exact.train).max())
        errors["test"].append(np.abs(evolution.test - exact.test).max())
    for values in errors.values():
        orders = np.diff(np.log(values)) / np.diff(np.log(rates))
        # The second order term is a few times eta lambda_1 <= 0.1/16 at the finest pair.
        assert abs(orders[-1] - 1) < 0.03


def test_limit_is_that_of_flow() -> None:
    problem, _, _ = features_problem(np.random.default_rng(2), 5, 3, outputs=2)
    for ridge in (0.0, 0.4):
        descent = GradientDescent(ridge=ridge).evolve(problem, np.array([INF]))
        flow = Eigh(ridge=ridge).evolve(problem, np.array([INF]))
        np.testing.assert_allclose(descent.train, flow.train, rtol=0, atol=1e-13)
        np.testing.assert_allclose(descent.test, flow.test, rtol=0, atol=1e-12)


@pytest.mark.parametrize("ridge", [0.0, 3.0])
def test_auto_reaches_the_leading_mode_in_one_step(ridge: float) -> None:
    """η = 1/(λ₁ + ridge) annihilates what is left in the first mode."""
    problem = kernel_problem(np.diag([4.0, 1.0]), np.ones((2, 1)))
    evolution = GradientDescent(ridge=ridge).evolve(problem, np.array([1 / (4.0 + ridge)]))
    np.testing.assert_allclose(
        evolution.train[0, :, 0], [4 / (4 + ridge), 1 / (4 + ridge)], rtol=1e-14
    )


def test_divergence_is_kept_while_finite_and_never_infinite() -> None:
    """S8: stable below 2/λ₁ only; here |1 − ηλ₁| = 2 and the largest float is 2^1024."""
    problem = kernel_problem(np.diag([3.0, 1.0]), np.ones((2, 1)), np.array([[0.5, 0.5]]))
    times = np.array([0.0, 1.0, 2.0, 1000.0, 1030.0, 1e6, INF])
    evolution = GradientDescent(learning_rate=1.0).evolve(problem, times)
    assert evolution.diverged
    assert (
        evolution.note
    ) == "learning rate 1 is not stable: the largest stable one is below 0.666667"
    np.testing.assert_allclose(evolution.train[:3, 0, 0], [0, 3, -3], rtol=1e-13)
    # 2^1000 through exp(1000 log 2): eps times 693 in the exponent
    np.testing.assert_allclose(evolution.train[3, 0, 0], -(2.0**1000), rtol=1e-12)
    np.testing.assert_allclose(evolution.train[1:4, 1, 0], 1.0, rtol=1e-15)
    for values in (evolution.train, evolution.test, evolution.reached):
        assert np.isfinite(values[:4]).all()
        assert np.isnan(values[4:]).all()


def test_an_unstable_mode_without_residual_does_not_diverge() -> None:
    features = np.random.default_rng(3).standard_normal((6, 6))
    orthogonal = np.linalg.qr(features)[0]
    kernel = (orthogonal * np.array([5.0, 1.0, 0.9, 0.8, 0.7, 0.6])) @ orthogonal.T
    targets = orthogonal[:, 1:3] @ np.array([[1.0], [2.0]])
    problem = kernel_problem(kernel, targets, kernel[:2])
    evolution = GradientDescent(learning_rate=0.9).evolve(problem, np.array([9.0, 9e5, INF]))
    assert not evolution.diverged
    assert evolution.note == ""
    np.testing.assert_allclose(evolution.train[1:], [targets, targets], rtol=0, atol=1e-13)
    np.testing.assert_allclose(evolution.test[1:], [targets[:2], targets[:2]], rtol=0, atol=1e-13)


def test_at_the_edge_of_stability_it_oscillates() -> None:
    problem = kernel_problem(np.array([[2.0]]), np.array([[1.0]]))
    evolution = GradientDescent(learning_rate=1.0).evolve(problem, np.array([1.0, 2.0, 1e9, INF]))
    np.testing.assert_array_equal(evolution.train[:3, 0, 0], [2.0, 0.0, 0.0])
    assert np.isnan(evolution.train[3]).all()
    assert np.isnan(evolution.reached[3])
    assert not evolution.diverged
    assert "not stable" in evolution.note


@pytest.mark.parametrize("rate", ["auto", 0.3])
def test_zero_kernel_moves_nothing(rate: float | str) -> None:
    problem = kernel_problem(np.zeros((2, 2)), np.ones((2, 1)), np.zeros((1, 2)))
    evolution = GradientDescent(learning_rate=rate).evolve(  # pyright: ignore[reportArgumentType]
        problem, np.array([0.0, 0.6, 1e300, INF])
    )
    np.testing.assert_array_equal(evolution.train, 0.0)
    np.testing.assert_array_equal(evolution.test, 0.0)
    np.testing.assert_allclose(evolution.reached, [0.0, 0.6, 1e300, INF], rtol=1e-15)
    assert not evolution.diverged


def test_nothing_to_learn_is_stable_at_any_rate() -> None:
    problem, _, _ = features_problem(np.random.default_rng(4), 3, 5)
    problem = replace(problem, y_train=problem.f0_train)
    evolution = GradientDescent(learning_rate=1e3).evolve(problem, np.array([0.0, 1e6, INF]))
    assert not evolution.diverged
    np.testing.assert_array_equal(evolution.train, np.repeat(problem.f0_train[None], 3, axis=0))


@pytest.mark.parametrize(
    ("solver", "label"),
    [
        (GradientDescent(), "gradient_descent"),
        (GradientDescent(learning_rate=0.1), "gradient_descent-lr-0.1"),
        (GradientDescent(learning_rate=0.1, ridge=2.0), "gradient_descent-lr-0.1-ridge-2"),
    ],
)
def test_labels_tell_options_apart(solver: GradientDescent, label: str) -> None:
    assert solver.label() == label
