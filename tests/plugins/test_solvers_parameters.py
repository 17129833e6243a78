"""Trained parameters, which diagnostics ask solvers for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ntksim.types import Array, Problem, Solver

from kernel_problems import POINTS, TARGETS, LinearNetwork, ShallowNetwork, network_problem
from ntksim_builtin.solvers import Eigh, GradientDescent, NetworkGradientDescent
from small_networks import gradient_jacobian

INF = float("inf")
TIMES = np.array([0.0, 0.3, 2.0, 50.0, INF])
LINEARISED = [Eigh(), Eigh(ridge=0.2), GradientDescent(), GradientDescent(ridge=0.2)]


def shallow(**changes: bool) -> Problem:
    problem = network_problem(ShallowNetwork(), 20, POINTS, TARGETS, POINTS[:2], **changes)
    return replace(problem, extras=frozenset({"parameters"}))


def changes(problem: Problem, solver: Solver) -> Array:
    """θ(t) − θ₀ as vectors (T, P), parameters in the order of their sorted names."""
    evolution = solver.evolve(problem, TIMES)
    assert evolution.parameters is not None
    assert problem.model is not None
    start = problem.model.params
    assert len(evolution.parameters) == len(TIMES)
    return np.array(
        [
            np.concatenate([(params[name] - start[name]).ravel() for name in sorted(start)])
            for params in evolution.parameters
        ]
    )


@pytest.mark.parametrize("solver", LINEARISED, ids=Solver.label)
@pytest.mark.parametrize("zero", [False, True])
def test_linearised_outputs_are_linear_in_the_parameters(solver: Solver, zero: bool) -> None:
    """f(x, t) = f₀(x) + J(x) (θ(t) − θ₀) on training and test points, with J written out."""
    problem = shallow(zero_initial_output=zero)
    assert problem.model is not None
    network, start = problem.model.network, problem.model.params
    moved = changes(problem, solver)
    evolution = solver.evolve(problem, TIMES)
    for x, initial, outputs in (
        (problem.x_train, problem.f0_train, evolution.train),
        (problem.x_test, problem.f0_test, evolution.test),
    ):
        jacobian = gradient_jacobian(network, start, x)[:, 0]
        # Rounding of K, of condition number about 1e3, at times beyond its slowest mode.
        np.testing.assert_allclose(
            outputs[:, :, 0], initial[:, 0] + moved @ jacobian.T, rtol=0, atol=1e-12
        )


def test_s9_parameters_end_at_the_nearest_interpolation() -> None:
    """θ(∞) − θ₀ = J⁺ (y − f₀): the least-squares change, from an explicit Jacobian."""
    problem = shallow()
    assert problem.model is not None
    jacobian = gradient_jacobian(problem.model.network, problem.model.params, POINTS)[:, 0]
    expected = np.linalg.lstsq(jacobian, (problem.y_train - problem.f0_train)[:, 0])[0]
    np.testing.assert_allclose(changes(problem, Eigh())[-1], expected, rtol=0, atol=1e-12)


def test_parameters_stand_still_at_time_0() -> None:
    for solver in (*LINEARISED, NetworkGradientDescent()):
        assert not changes(shallow(), solver)[0].any()


def test_a_network_linear_in_its_parameters_moves_as_its_linearisation() -> None:
    rng = np.random.default_rng(0)
    problem = network_problem(
        LinearNetwork((3,), 2),
        1,
        rng.standard_normal((2, 3)),
        rng.standard_normal((2, 2)),
        rng.standard_normal((4, 3)),
    )
    problem = replace(problem, extras=frozenset({"parameters"}))
    trained = NetworkGradientDescent(learning_rate=0.05, tolerance=1e-14)
    np.testing.assert_allclose(
        changes(problem, trained),
        changes(problem, GradientDescent(learning_rate=0.05)),
        rtol=0,
        atol=1e-12,  # rounding of a thousand steps
    )


def test_trained_parameters_give_the_trained_outputs() -> None:
    problem = shallow()
    assert problem.model is not None
    evolution = NetworkGradientDescent().evolve(problem, TIMES)
    assert evolution.parameters is not None
    for params, outputs in zip(evolution.parameters, evolution.train, strict=True):
        np.testing.assert_array_equal(problem.model.network.apply(params, problem.x_train), outputs)


def test_parameters_at_times_that_are_not_reached_are_not_a_number() -> None:
    for solver in (
        NetworkGradientDescent(learning_rate=1e3),
        NetworkGradientDescent(max_steps=3),
        GradientDescent(learning_rate=1e3),
    ):
        evolution = solver.evolve(shallow(), TIMES)
        assert evolution.parameters is not None
        lost = np.isnan(evolution.reached)
        assert lost.any()
        assert not lost.all()
        for params, is_lost in zip(evolution.parameters, lost, strict=True):
            assert all(np.isnan(value).all() == is_lost for value in params.values())


def test_nothing_is_kept_that_is_not_asked_for() -> None:
    problem = replace(shallow(), extras=frozenset())
    for solver in (Eigh(), GradientDescent(), NetworkGradientDescent()):
        assert solver.evolve(problem, TIMES).parameters is None


def test_a_path_is_read_in_slices_too() -> None:
    evolution = Eigh().evolve(shallow(), TIMES)
    assert evolution.parameters is not None
    last = evolution.parameters[-2:]
    assert len(last) == 2
    np.testing.assert_array_equal(last[1]["w1"], evolution.parameters[-1]["w1"])


def test_learning_rates_are_those_of_discrete_steps() -> None:
    assert Eigh().evolve(shallow(), TIMES).learning_rate is None
    for solver in (GradientDescent(learning_rate=0.1), NetworkGradientDescent(learning_rate=0.1)):
        assert solver.evolve(shallow(), TIMES).learning_rate == 0.1
