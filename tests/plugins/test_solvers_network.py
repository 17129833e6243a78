"""Training of finite networks themselves."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
from ntksim.types import Array, Network, Params, Problem

from kernel_problems import (
    POINTS,
    TARGETS,
    LinearNetwork,
    ShallowNetwork,
    network_problem,
)
from ntksim_builtin.solvers import GradientDescent, NetworkGradientDescent
from ntksim_builtin.solvers.descent import descend, largest_tangent_eigenvalue

INF = float("inf")
GRID = np.stack([np.linspace(-1, 1, 5), np.ones(5)], axis=1)


def linear_problem(points: int = 5, outputs: int = 2) -> Problem:
    rng = np.random.default_rng(0)
    return network_problem(
        LinearNetwork((3,), outputs),
        1,
        rng.standard_normal((points, 3)),
        rng.standard_normal((points, outputs)),
        rng.standard_normal((4, 3)),
    )


def shallow_problem(width: int = 50, zero: bool = False, seed: int = 0) -> Problem:
    return network_problem(
        ShallowNetwork(), width, POINTS, TARGETS, GRID, seed=seed, zero_initial_output=zero
    )


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize("points", [2, 5])
def test_oracle_19_linear_networks_are_solved_exactly(points: int, ridge: float) -> None:
    """Where f is linear in θ, training it and the closed form are the same computation."""
    problem = linear_problem(points)
    rate = 0.05
    times = rate * np.array([0.0, 1.0, 7.0, 100.0])
    trained = NetworkGradientDescent(learning_rate=rate, ridge=ridge).evolve(problem, times)
    closed = GradientDescent(learning_rate=rate, ridge=ridge).evolve(problem, times)
    np.testing.assert_allclose(
        trained.train, closed.train, rtol=0, atol=1e-13
    )  # rounding of 100 steps
    np.testing.assert_allclose(trained.test, closed.test, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(trained.reached, closed.reached)


def test_oracle_19_the_limit_is_least_squares() -> None:
    problem = linear_problem(points=6)
    trained = NetworkGradientDescent(tolerance=1e-13).evolve(problem, np.array([INF]))
    solution = np.linalg.lstsq(problem.x_train, problem.y_train)[0]
    np.testing.assert_allclose(trained.train[0], problem.x_train @ solution, rtol=0, atol=1e-10)
    np.testing.assert_allclose(trained.test[0], problem.x_test @ solution, rtol=0, atol=1e-10)
    assert trained.reached[0] == INF


@pytest.mark.parametrize("outputs", [1, 3])
def test_auto_is_the_inverse_of_the_largest_tangent_eigenvalue(outputs: int) -> None:
    rng = np.random.default_rng(1)
    network = ShallowNetwork((2,), outputs)
    problem = network_problem(network, 20, POINTS, rng.standard_normal((3, outputs)), GRID)
    assert problem.spectrum is not None
    assert problem.model is not None
    largest = largest_tangent_eigenvalue(network, problem.model.params, POINTS)
    np.testing.assert_allclose(largest, problem.spectrum.eigenvalues[0], rtol=1e-6)
    evolution = NetworkGradientDescent(ridge=0.5).evolve(problem, np.array([1.0]))
    rate = 1 / (largest + 0.5)
    np.testing.assert_allclose(evolution.reached, rate * np.rint(1 / rate), rtol=1e-12)


def test_oracle_27_zero_initial_output_has_the_kernel_of_one_network() -> None:
    """f(x; θ) − f(x; θ₀) starts at zero everywhere and moves with kernel factor 1, not 2."""
    problem = shallow_problem(zero=True)
    assert problem.kernels is not None
    kernel, test_kernel = problem.kernels.train.ntk_full, problem.kernels.test_train.ntk_full
    assert kernel is not None
    assert test_kernel is not None
    rate = 1e-6
    evolution = NetworkGradientDescent(learning_rate=rate).evolve(problem, np.array([0.0, rate]))
    np.testing.assert_array_equal(evolution.train[0], 0.0)
    np.testing.assert_array_equal(evolution.test[0], 0.0)
    # The second derivative in time adds rate/2 times a number of order one.
    np.testing.assert_allclose(
        evolution.train[1] / rate, kernel[:, 0, :, 0] @ TARGETS, rtol=0, atol=1e-5
    )
    np.testing.assert_allclose(
        evolution.test[1] / rate, test_kernel[:, 0, :, 0] @ TARGETS, rtol=0, atol=1e-5
    )


def test_zero_initial_output_trains_from_the_same_parameters() -> None:
    """Shifting the targets by f(X; θ₀) is the same training."""
    problem, zero = shallow_problem(), shallow_problem(zero=True)
    times = np.array([0.0, 1.0, 5.0])
    shifted = replace(problem, y_train=TARGETS + problem.f0_train)
    one = NetworkGradientDescent().evolve(zero, times)
    other = NetworkGradientDescent().evolve(shifted, times)
    np.testing.assert_allclose(one.train, other.train - problem.f0_train, rtol=0, atol=1e-14)
    np.testing.assert_allclose(one.test, other.test - problem.f0_test, rtol=0, atol=1e-14)


def test_ridge_pulls_to_the_initial_parameters() -> None:
    """One step from θ₀ feels no pull, the second one does: against the loop, parameter by one."""
    problem = shallow_problem(10)
    assert problem.model is not None
    network, start = problem.model.network, problem.model.params
    rate, ridge = 0.05, 2.0
    params = dict(start)
    for _ in range(3):
        gradient = network.vjp(params, POINTS, network.apply(params, POINTS) - TARGETS)
        params = {
            name: params[name] - rate * (gradient[name] + ridge * (params[name] - start[name]))
            for name in params
        }
    solver = NetworkGradientDescent(learning_rate=rate, ridge=ridge)
    evolution = solver.evolve(problem, np.array([3 * rate]))
    np.testing.assert_allclose(evolution.test[0], network.apply(params, GRID), rtol=0, atol=1e-14)


def test_loss_and_gradient_norm_are_those_of_the_objective() -> None:
    problem = shallow_problem(10)
    assert problem.model is not None
    network, start = problem.model.network, problem.model.params
    rate, ridge = 1e-5, 0.7
    losses, norms, expected = [], [], []
    for state in itertools.islice(descend(network, start, POINTS, TARGETS, rate, ridge), 3):
        moved = sum(np.sum((state.params[name] - start[name]) ** 2) for name in start)
        residual = network.apply(state.params, POINTS) - TARGETS
        expected.append(0.5 * np.sum(residual**2) + 0.5 * ridge * moved)
        losses.append(state.loss)
        norms.append(state.gradient_norm)
    np.testing.assert_allclose(losses, expected, rtol=1e-14)
    # A small step lowers the objective by rate times the squared gradient, to first order.
    np.testing.assert_allclose((losses[0] - losses[1]) / rate, norms[0] ** 2, rtol=1e-3)


def test_initial_parameters_are_not_touched() -> None:
    problem = shallow_problem(10)
    assert problem.model is not None
    before = {name: value.copy() for name, value in problem.model.params.items()}
    for value in problem.model.params.values():
        value.setflags(write=False)
    NetworkGradientDescent().evolve(problem, np.array([3.0]))
    for name, value in problem.model.params.items():
        np.testing.assert_array_equal(value, before[name])


def test_converged_training_ends_early_and_fills_what_is_left() -> None:
    problem = linear_problem(points=2)
    calls = 0

    @dataclass(frozen=True)
    class Counting(LinearNetwork):
        def vjp(self, params: Params, x: Array, cotangent: Array) -> Params:
            nonlocal calls
            calls += 1
            return super().vjp(params, x, cotangent)

    assert problem.model is not None
    problem = replace(problem, model=replace(problem.model, network=Counting((3,), 2)))
    times = np.array([0.0, 1e4, 1e5, INF])
    evolution = NetworkGradientDescent(learning_rate=0.1).evolve(problem, times)
    assert calls < 2000
    assert evolution.note == ""
    np.testing.assert_allclose(evolution.reached, times, rtol=1e-15)
    # The gradient fell by 1e-8; the residual by that times the root of the kernel's condition.
    np.testing.assert_allclose(evolution.train[1:], [problem.y_train] * 3, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(evolution.train[1], evolution.train[3])


def test_a_limit_on_steps_leaves_later_times_out() -> None:
    problem = shallow_problem()
    times = np.array([0.0, 1.0, 2.0, INF])
    solver = NetworkGradientDescent(learning_rate=0.1, max_steps=10)
    evolution = solver.evolve(problem, times)
    np.testing.assert_allclose(evolution.reached, [0.0, 1.0, np.nan, np.nan], rtol=1e-15)
    assert np.isfinite(evolution.train[:2]).all()
    assert np.isnan(evolution.train[2:]).all()
    assert np.isnan(evolution.test[2:]).all()
    assert "stopped at max_steps = 10 with learning rate 0.1, before time 2;" in evolution.note
    assert not evolution.diverged


def test_reaching_the_last_time_at_the_limit_of_steps_is_no_shortage() -> None:
    solver = NetworkGradientDescent(learning_rate=0.1, max_steps=10)
    evolution = solver.evolve(shallow_problem(), np.array([0.0, 1.0]))
    assert evolution.note == ""
    np.testing.assert_allclose(evolution.reached, [0.0, 1.0], rtol=1e-15)


def test_divergence_is_flagged_and_never_infinite() -> None:
    """S8: five times 2/λ₁ is far beyond what the network can adapt to."""
    problem = shallow_problem(30)
    assert problem.spectrum is not None
    rate = float(10 / problem.spectrum.eigenvalues[0])
    times = rate * np.array([0.0, 1.0, 2.0, 1e3, INF])
    evolution = NetworkGradientDescent(learning_rate=rate).evolve(problem, times)
    assert evolution.diverged
    assert evolution.note.startswith("diverged at step ")
    assert np.isfinite(evolution.train[:3]).all()
    for values in (evolution.train, evolution.test, evolution.reached):
        assert np.isnan(values[3:]).all()
        assert not np.isinf(values).any()


def test_a_linear_network_diverges_at_the_step_that_theory_says() -> None:
    """|1 − ηλ| = 2 multiplies the loss by 4 a step: 1e20 is passed at step 34."""
    problem = network_problem(
        LinearNetwork((1,), 1), 1, np.array([[1.0]]), np.array([[3.0]]), np.zeros((0, 1))
    )
    evolution = NetworkGradientDescent(learning_rate=3.0).evolve(problem, np.array([99.0, 105.0]))
    assert "step 34 " in evolution.note
    assert np.isfinite(evolution.train[0]).all()
    assert np.isnan(evolution.train[1]).all()


def test_oracle_33_a_catapult_is_not_divergence() -> None:
    """Between 2/λ₁ and 4/λ₁ a wide network first climbs, then converges to a flatter minimum."""
    width = 512
    x, targets = np.array([[1.0, 0.0]]), np.array([[1.0]])
    problem = network_problem(_Product(), width, x, targets, np.zeros((0, 2)))
    assert problem.spectrum is not None
    rate = float(3.0 / problem.spectrum.eigenvalues[0])
    times = rate * np.arange(200.0)
    evolution = NetworkGradientDescent(learning_rate=rate).evolve(problem, times)
    loss = 0.5 * ((evolution.train - targets) ** 2).sum(axis=(1, 2))
    assert not evolution.diverged
    assert loss.max() > 10 * loss[0]
    assert loss[-1] < 1e-6 * loss[0]


@dataclass(frozen=True)
class _Product(Network):
    """f(x) = u·v x₁/√D, the model in which the catapult was explained (Lewkowycz et al. 2020)."""

    input_shape: tuple[int, ...] = (2,)
    outputs: int = 1

    def initialise(self, width: int, rng: np.random.Generator) -> Params:
        return {"u": rng.standard_normal(width), "v": rng.standard_normal(width)}

    def apply(self, params: Params, x: Array) -> Array:
        scale = np.sqrt(len(params["u"]))
        return (params["u"] @ params["v"] / scale) * x[:, :1]

    def vjp(self, params: Params, x: Array, cotangent: Array) -> Params:
        weight = float(np.sum(cotangent * x[:, :1])) / np.sqrt(len(params["u"]))
        return {"u": weight * params["v"], "v": weight * params["u"]}


@dataclass(frozen=True)
class _Dead(LinearNetwork):
    """f(x) = 0·θ: no output depends on a parameter."""

    def apply(self, params: Params, x: Array) -> Array:
        return 0.0 * super().apply(params, x)

    def vjp(self, params: Params, x: Array, cotangent: Array) -> Params:
        return super().vjp(params, x, 0.0 * cotangent)


@pytest.mark.parametrize("rate", ["auto", 0.1])
def test_a_network_that_nothing_moves_stays(rate: float | str) -> None:
    problem = network_problem(_Dead(), 1, POINTS, TARGETS, GRID)
    solver = NetworkGradientDescent(learning_rate=rate)  # pyright: ignore[reportArgumentType]
    evolution = solver.evolve(problem, np.array([0.0, 0.3, INF]))
    np.testing.assert_array_equal(evolution.train, 0.0)
    np.testing.assert_allclose(evolution.reached, [0.0, 0.3, INF], rtol=1e-15)
    assert evolution.note == ""


def test_nothing_to_learn() -> None:
    problem = shallow_problem()
    problem = replace(problem, y_train=problem.f0_train)
    evolution = NetworkGradientDescent().evolve(problem, np.array([0.0, 1.0, INF]))
    np.testing.assert_array_equal(evolution.train, np.repeat(problem.f0_train[None], 3, axis=0))
    assert not evolution.diverged


def test_no_test_points() -> None:
    problem = network_problem(ShallowNetwork(), 10, POINTS, TARGETS, np.zeros((0, 2)))
    evolution = NetworkGradientDescent().evolve(problem, np.array([0.0, 1.0]))
    assert evolution.test.shape == (2, 0, 1)


def test_infinite_width_is_refused() -> None:
    solver = NetworkGradientDescent()
    assert solver.refuses(ShallowNetwork(), INF) == (
        "a network of infinite width has no parameters to train"
    )
    assert solver.refuses(ShallowNetwork(), 100) is None
    with pytest.raises(ValueError, match="no network"):
        solver.evolve(replace(shallow_problem(), model=None), np.array([1.0]))


@pytest.mark.parametrize(
    ("solver", "label"),
    [
        (NetworkGradientDescent(), "network_gradient_descent"),
        (NetworkGradientDescent(learning_rate=0.5), "network_gradient_descent-lr-0.5"),
        (
            NetworkGradientDescent(ridge=0.1, max_steps=50, tolerance=1e-6),
            "network_gradient_descent-ridge-0.1-steps-50-tolerance-1e-06",
        ),
    ],
)
def test_labels_tell_options_apart(solver: NetworkGradientDescent, label: str) -> None:
    assert solver.label() == label
