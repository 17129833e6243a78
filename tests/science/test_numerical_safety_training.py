"""Training of the network itself on data that break naive code: right to 50 digits, or refused.

The reference takes every step of gradient descent on the weights as they are, by the chain rule.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from ntksim.types import Array, Evolution, Model, Problem, SeedTree

from kernel_problems import kernel_problem
from ntksim_builtin.architectures import Mlp
from ntksim_builtin.solvers import NetworkGradientDescent

DIGITS = 50
EPSILON = float(np.finfo(np.float64).eps)
HUGE, TINY = 2.0**498, 2.0**-498
"""About 1e±150."""

DATA: dict[str, tuple[Array, Array]] = {
    "duplicates with conflicting targets": (
        np.array([[1.0, 0.5], [1.0, 0.5], [-0.5, 1.0]]),
        np.array([[1.0], [-1.0], [0.5]]),
    ),
    "a zero vector": (np.array([[0.0, 0.0], [1.0, -0.5]]), np.array([[1.0], [2.0]])),
    "nothing but zero vectors": (np.zeros((2, 2)), np.array([[1.0], [2.0]])),
    "one sample": (np.array([[0.3, -1.2]]), np.array([[0.7]])),
    "constant targets": (np.array([[1.0, 0.2], [0.3, 1.0]]), np.full((2, 1), 3.0)),
    "targets of zero": (np.array([[1.0, 0.2], [0.3, 1.0]]), np.zeros((2, 1))),
    "more points than parameters": (
        np.random.default_rng(0).standard_normal((6, 2)),
        np.random.default_rng(1).standard_normal((6, 1)),
    ),
}


def problem_of(x: Array, y: Array, width: int, seed: int = 0, **options: Any) -> Problem:
    """A problem of a ReLU network without biases, f = w₁ relu(w₀ x/√d)/√width."""
    network = Mlp(depth=1, weight_std=1.0).network(x.shape[1:], 1)
    model = Model(network, width, SeedTree(seed))
    f0 = network.apply(model.params, x)
    start = np.zeros_like(f0) if options.get("zero_initial_output") else f0
    problem = kernel_problem(np.eye(len(x)), y, np.zeros((len(x), len(x))), start, start)
    return replace(problem, x_train=x, x_test=x, model=model, **options)


def alive(x: Array, y: Array, width: int, **options: Any) -> Problem:
    """The first of these problems whose network is not off at all points."""
    for seed in range(100):
        problem = problem_of(x, y, width, seed, **options)
        assert problem.model is not None
        if problem.model.network.tangent_kernel(problem.model.params, np.sign(x)).all():
            return problem
    raise AssertionError


def exact_descent(problem: Problem, rate: float, steps: int) -> list[Array]:
    """Outputs after 0 … ``steps`` steps of gradient descent, to 50 digits."""
    assert problem.model is not None
    with mp.workdps(DIGITS):
        first = _exact(problem.model.params["0.weight"])
        readout = _exact(problem.model.params["1.weight"])
        x, y, eta = _exact(problem.x_train), _exact(problem.y_train), mp.mpf(rate)
        scales = 1 / mp.sqrt(first.shape[0]), 1 / mp.sqrt(first.shape[1])
        found, offset = [], 0
        if problem.zero_initial_output:
            offset = scales[1] * (_relu(scales[0] * (x @ first)) @ readout)
        for _ in range(steps + 1):
            before = scales[0] * (x @ first)
            hidden = _relu(before)
            outputs = scales[1] * (hidden @ readout) - offset
            found.append(np.array([[float(value) for value in row] for row in outputs]))
            residual = outputs - y
            on = _exact(before > 0)
            back = scales[1] * (residual @ readout.T) * on
            change = scales[1] * (hidden.T @ residual), scales[0] * (x.T @ back)
            readout, first = readout - eta * change[0], first - eta * change[1]
        return found


def _exact(values: np.ndarray) -> np.ndarray:
    return np.vectorize(lambda value: mp.mpf(float(value)), otypes=[object])(values)


def _relu(values: np.ndarray) -> np.ndarray:
    return values * _exact(values > 0)


def trained(problem: Problem, times: Array, **options: Any) -> Evolution:
    return NetworkGradientDescent(**options).evolve(problem, times)


@pytest.mark.parametrize("scale", [1.0, HUGE, TINY])
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("data", DATA)
def test_every_step_is_right(data: str, width: int, zero: bool, scale: float) -> None:
    x, y = DATA[data]
    steps = 12
    for seed in range(2):  # of width 1 some units are off everywhere and nothing moves
        # Outputs are linear in inputs: with targets of the same size the weights take one path.
        problem = problem_of(x * scale, y * scale, width, seed, zero_initial_output=zero)
        rate = trained(problem, np.array([0.0])).learning_rate
        assert rate is not None
        assert math.isfinite(rate)
        # No state is close enough to the end to stand for those that follow.
        found = trained(problem, rate * np.arange(steps + 1.0), tolerance=1e-300)
        assert not found.diverged
        exact = np.array(exact_descent(problem, rate, steps))
        # Half of the largest stable rate: steps contract, and their rounding does not add up.
        size = np.abs(exact).max() + np.abs(y * scale).max()
        np.testing.assert_allclose(found.train, exact, rtol=0, atol=200 * EPSILON * size)
        np.testing.assert_array_equal(found.test, found.train)


@pytest.mark.parametrize("data", DATA)
def test_the_end_is_a_stationary_point(data: str) -> None:
    x, y = DATA[data]
    problem = problem_of(x, y, 2)
    found = trained(problem, np.array([0.0, math.inf]), max_steps=2_000, tolerance=1e-6)
    assert not found.diverged
    if np.isnan(found.reached[1]):
        assert "stopped at max_steps" in found.note
        assert np.isnan(found.train[1]).all()
    else:
        assert np.isfinite(found.train).all()
        # The loss never rises above where it began.
        assert np.square(found.train[1] - y).sum() <= np.square(found.train[0] - y).sum() + 1e-12


def test_conflicting_targets_end_at_their_mean() -> None:
    x, y = np.array([[1.0, 0.5], [1.0, 0.5]]), np.array([[1.0], [-0.5]])
    found = trained(alive(x, y, 2), np.array([math.inf]), tolerance=1e-10)
    np.testing.assert_allclose(found.train[0], 0.25, atol=1e-9)


@pytest.mark.parametrize("scale", [1e-170, 1e-200])
def test_targets_whose_loss_is_no_float_are_refused(scale: float) -> None:
    x, y = DATA["one sample"]
    rate = {"learning_rate": 1e-3}  # that of the kernel would be no float
    for size, loss in ((scale, "0"), (1 / scale, "inf")):
        problem = alive(x * min(size, 1.0), y * size, 2, zero_initial_output=True)
        with pytest.raises(
            FloatingPointError, match=f"the initial loss of residuals up to .* is {loss}"
        ):
            trained(problem, np.array([1.0]), **rate)


def test_targets_that_are_lost_beside_the_initial_outputs_are_refused() -> None:
    x, y = DATA["one sample"]
    problem = alive(x, y * 1e-16, 2, zero_initial_output=True)
    with pytest.raises(FloatingPointError, match="are lost in the rounding of initial outputs"):
        trained(problem, np.array([1.0]))


def test_small_gradients_are_no_convergence() -> None:
    # The gradient is of the order 1e-200, whose square is 0; its norm is not.
    x, y = np.array([[1e-100, 0.0]]), np.array([[1e-100]])
    problem = alive(x, y, 2, zero_initial_output=True)
    found = trained(problem, np.array([0.0, math.inf]))
    assert found.note == ""
    np.testing.assert_allclose(found.train[1], y, rtol=1e-6)


def test_a_network_at_rest_stays_where_it_is() -> None:
    x, y = DATA["nothing but zero vectors"]
    found = trained(problem_of(x, y, 3), np.array([0.0, 1.0, math.inf]))
    np.testing.assert_array_equal(found.train, 0.0)
    np.testing.assert_array_equal(found.reached, [0.0, 1.0, math.inf])


def test_a_kernel_that_underflows_is_not_one_at_rest() -> None:
    x, y = DATA["one sample"]
    for tiny in (1e-170, 1e-300):
        with pytest.raises(FloatingPointError, match="largest eigenvalue of the tangent kernel is"):
            trained(alive(x * tiny, y, 2), np.array([1.0]))
    with pytest.raises(FloatingPointError, match="has entries beyond the largest float"):
        trained(alive(x * 1e170, y, 2), np.array([1.0]))


def test_a_tiny_rate_rests() -> None:
    problem = alive(*DATA["constant targets"], 2)
    found = trained(problem, np.array([0.0, 5e-300]), learning_rate=1e-300)
    np.testing.assert_array_equal(found.train[1], found.train[0])
    assert not found.diverged


def test_a_huge_rate_diverges_or_ends_where_all_units_are_off() -> None:
    for seed in range(8):
        problem = problem_of(*DATA["constant targets"], 2, seed)
        found = trained(problem, np.array([0.0, 5e300]), learning_rate=1e300)
        if found.diverged:
            assert "diverged at step" in found.note
            assert np.isnan(found.train[1]).all()
            assert np.isnan(found.reached[1])
        else:
            # Of units that are off at all points nothing is left to train.
            np.testing.assert_array_equal(found.train[1], exact_descent(problem, 1e300, 5)[5])
