"""The cookbook's heavy-ball solver: oracle 31, against roots, simulation and plain descent."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.testing.linear_problem import WELL_POSED, LinearProblem

import documented
from ntksim_builtin.solvers import GradientDescent


def loaded(name: str) -> Any:
    """Execute a file of the cookbook as a module of its own."""
    import sys
    from types import ModuleType

    module = ModuleType(f"cookbook_{name}")
    sys.modules[module.__name__] = module  # dataclasses look their own module up
    exec(compile(documented.files("cookbook")[f"{name}.py"], f"{name}.py", "exec"), module.__dict__)
    return SimpleNamespace(**vars(module))


heavy_ball = loaded("heavy_ball")
CONTRACTING = st.floats(0, 0.95)


@given(CONTRACTING, st.floats(0.05, 4.5))
@settings(max_examples=60, deadline=None)
def test_oracle_31_stable_iff_the_product_is_below_twice_one_plus_momentum(
    momentum: float, product: float
) -> None:
    margin = abs(product - 2 * (1 + momentum))
    if margin < 0.02:
        return
    roots = np.roots([1.0, -(1 + momentum - product), momentum])
    is_stable = product < 2 * (1 + momentum)
    assert (np.abs(roots).max() < 1) == is_stable
    # The slowest root is at most about 1 - margin/4 or sqrt(momentum) < 0.975: after 4000 steps a
    # stable mode is below 1e-6, and an unstable one has grown.
    (left,) = heavy_ball.residual_factor(np.array([product]), momentum, np.array([4000.0]))[0]
    assert (abs(left) < 1e-6) == is_stable
    (limit,) = heavy_ball.residual_factor(np.array([product]), momentum, np.array([np.inf]))[0]
    assert (limit == 0) == is_stable


@pytest.mark.parametrize(("momentum", "rate"), [(0.0, 0.3), (0.5, 0.3), (0.9, 0.05), (0.25, 0.5)])
def test_it_is_what_momentum_does_to_parameters(momentum: float, rate: float) -> None:
    linear = LinearProblem.draw(WELL_POSED)
    theta, before = linear.theta, linear.theta
    for _ in range(25):
        gradient = linear.x.T @ (linear.x @ theta - linear.targets)
        theta, before = theta - rate * gradient + momentum * (theta - before), theta
    solver = heavy_ball.HeavyBall(learning_rate=rate, momentum=momentum)
    found = solver.evolve(linear.problem(), np.array([25 * rate]))
    # Rounding of 25 steps on numbers of order one.
    np.testing.assert_allclose(found.train[0], linear.x @ theta, atol=1e-12)
    np.testing.assert_allclose(found.test[0], linear.x_test @ theta, atol=1e-12)


def test_without_momentum_it_is_gradient_descent() -> None:
    problem = LinearProblem.draw(WELL_POSED).problem()
    times = np.array([0.0, 0.4, 2.0, np.inf])
    one = heavy_ball.HeavyBall(learning_rate=0.4, momentum=0.0).evolve(problem, times)
    two = GradientDescent(learning_rate=0.4).evolve(problem, times)
    np.testing.assert_allclose(one.train, two.train, atol=1e-12)  # rounding
    np.testing.assert_allclose(one.test, two.test, atol=1e-12)


def test_critical_damping_has_a_double_root() -> None:
    # ηλ = (1 − √β)² gives z = √β twice: r_k = (1 + k (1 − √β)) √β^k.
    root = 0.6
    k = np.arange(30.0)
    left = heavy_ball.residual_factor(np.array([(1 - root) ** 2]), root**2, k)[:, 0]
    np.testing.assert_allclose(left, (1 + k * (1 - root)) * root**k, atol=1e-13)  # rounding


@pytest.mark.parametrize(("factor", "diverges"), [(0.98, False), (1.02, True)])
def test_it_says_that_it_diverges(factor: float, diverges: bool) -> None:
    momentum = 0.5
    rate = factor * 2 * (1 + momentum) / WELL_POSED[0]
    solver = heavy_ball.HeavyBall(learning_rate=rate, momentum=momentum)
    found = solver.evolve(LinearProblem.draw(WELL_POSED).problem(), np.array([0.0, np.inf]))
    assert found.diverged == diverges
    assert np.isnan(found.reached[1]) == diverges
