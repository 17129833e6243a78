"""Dynamics against values from 40-digit arithmetic, on stored kernels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ntksim.types import Array, Problem, Solver

from kernel_problems import kernel_problem
from ntksim_builtin.solvers import Eigh, Expm, GradientDescent
from reference_values import keys, reference

DIGITS = 1e-9
"""What is asked for. The kernel's condition is 46, so that 1e-13 is possible."""


@pytest.fixture
def values() -> dict[str, Array]:
    return reference("kernels")[0]


@pytest.fixture
def problem(values: dict[str, Array]) -> Problem:
    key = reference("kernels")[1]["dyn"]["kernel"]
    return kernel_problem(
        values[f"{key}_train_ntk"],
        values["dyn_y"],
        values[f"{key}_test_train_ntk"],
        values["dyn_f0"],
        values["dyn_f0_test"],
        nngp=(
            values[f"{key}_train_nngp"],
            values[f"{key}_test_train_nngp"],
            values["dyn_test_test_nngp"],
        ),
    )


@pytest.mark.parametrize("solver", [Eigh(), Expm()], ids=Solver.label)
def test_flow_from_a_given_start(
    problem: Problem, values: dict[str, Array], solver: Solver
) -> None:
    problem = replace(problem, extras=frozenset())
    evolution = solver.evolve(problem, values["dyn_times"])
    np.testing.assert_allclose(evolution.train, values["dyn_train"], atol=DIGITS, rtol=0)
    np.testing.assert_allclose(evolution.test, values["dyn_test"], atol=DIGITS, rtol=0)
    np.testing.assert_array_equal(evolution.reached, values["dyn_times"])


def test_gaussian_process_of_wide_networks(problem: Problem, values: dict[str, Array]) -> None:
    problem = replace(
        problem, f0_train=np.zeros_like(problem.f0_train), f0_test=np.zeros_like(problem.f0_test)
    )
    evolution = Eigh().evolve(problem, values["dyn_times"])
    np.testing.assert_allclose(evolution.test, values["dyn_gp_mean"], atol=DIGITS, rtol=0)
    assert evolution.covariance_test is not None
    assert evolution.variance_test is not None
    expected = values["dyn_gp_cov"]
    np.testing.assert_allclose(evolution.covariance_test, expected, atol=DIGITS, rtol=0)
    np.testing.assert_allclose(
        evolution.variance_test, np.diagonal(expected, axis1=1, axis2=2), atol=DIGITS, rtol=0
    )


def test_gradient_descent(problem: Problem, values: dict[str, Array]) -> None:
    rate, steps = float(values["dyn_gd_eta"]), values["dyn_gd_steps"]
    evolution = GradientDescent(learning_rate=rate).evolve(problem, rate * steps)
    np.testing.assert_allclose(evolution.train, values["dyn_gd_train"], atol=DIGITS, rtol=0)
    np.testing.assert_allclose(evolution.reached, rate * steps, rtol=1e-15)
    assert not evolution.diverged


@pytest.mark.parametrize("solver", [Eigh(), Expm()], ids=Solver.label)
@pytest.mark.parametrize("key", keys("empirical"))
def test_linearised_finite_networks(key: str, solver: Solver) -> None:
    """With the full kernel of N·K rows, in the order (point, output)."""
    values = reference("empirical")[0]
    problem = kernel_problem(
        np.ascontiguousarray(values[f"{key}_ntk_full"].transpose(0, 2, 1, 3)),
        values["y"],
        np.ascontiguousarray(values[f"{key}_ntk_test_full"].transpose(0, 2, 1, 3)),
        values[f"{key}_f_train"],
        values[f"{key}_f_test"],
    )
    evolution = solver.evolve(problem, np.array([0.0, 1.0, np.inf]))
    np.testing.assert_array_equal(evolution.test[0], values[f"{key}_f_test"])
    np.testing.assert_allclose(evolution.test[1], values[f"{key}_lin_test_t1"], atol=DIGITS, rtol=0)
    np.testing.assert_allclose(
        evolution.test[2], values[f"{key}_lin_test_tinf"], atol=DIGITS, rtol=0
    )
    np.testing.assert_allclose(evolution.train[2], values["y"], atol=DIGITS, rtol=0)
