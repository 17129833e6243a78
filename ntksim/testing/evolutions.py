"""The laws of solvers, on problems whose solution is known mode by mode."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from ntksim.registry.answers import EVOLUTION
from ntksim.testing.law import (
    LawBroken,
    NotApplicable,
    require,
    require_answer,
    require_close,
    require_symmetric_positive,
)
from ntksim.testing.linear_problem import SINGULAR, TIMES, WELL_POSED, LinearProblem
from ntksim.types import SPREADS, Array, Evolution, Extra, Problem, Solver

ModeFactor: TypeAlias = Callable[[Array, Array], Array]
"""What a solver leaves of the initial residual of a mode: r(λ, t), elementwise, t = ∞ included."""


def gradient_flow(eigenvalue: Array, time: Array) -> Array:
    """Return e^{−λt}, 1 for λ = 0 at every time."""
    with np.errstate(invalid="ignore"):
        return np.where(eigenvalue == 0, 1.0, np.exp(-eigenvalue * time))


@dataclass(frozen=True)
class SolverCase:
    """A solver with what its author says about it."""

    solver: Solver
    residual: ModeFactor
    restarts: bool
    order: tuple[str, float] | None
    accuracy: float

    def evolve(
        self, linear: LinearProblem, times: Array = TIMES, extras: frozenset[Extra] = frozenset()
    ) -> Evolution:
        """Solve a problem."""
        found = self.solver.evolve(self.problem(linear, extras), times)
        return require_answer("evolve", found, Evolution, EVOLUTION)

    def problem(self, linear: LinearProblem, extras: frozenset[Extra] = frozenset()) -> Problem:
        """Return what the solver gets of a problem, at a width that it does not refuse."""
        refusals = []
        for width in (8.0, math.inf):
            problem = linear.problem(extras, width)
            assert problem.model is not None  # noqa: S101 - for the type checker
            refusal = self.solver.refuses(problem.model.network, width)
            if refusal is None:
                return problem
            refusals.append(refusal)
        raise LawBroken(f"it refuses a linear network at every width: {'; '.join(refusals)}")

    def factors(self, linear: LinearProblem, times: Array) -> Array:
        """Return r (T, N) at the reached times; NaN where a time was not reached."""
        return np.where(
            np.isnan(times)[:, None],
            np.nan,
            self.residual(linear.eigenvalues[None, :], times[:, None]),
        )

    def require_exact(self, linear: LinearProblem, what: str) -> None:
        """Break the law unless the solver gives the exact solution of a problem."""
        found = self.evolve(linear)
        train, test = linear.solution(self.factors(linear, found.reached))
        scale = float(np.nanmax(np.abs(train)))
        lost = np.isnan(found.reached)
        for name, value, expected in (("train", found.train, train), ("test", found.test, test)):
            exact = np.where(lost[:, None, None], np.nan, expected)
            require_close(
                f"{name} (time, point, output) of {what}",
                value,
                "the exact solution",
                exact,
                self.accuracy,
                scale,
            )


def starts_at_the_initial_outputs(case: SolverCase) -> None:
    """At t = 0 the outputs are the initial ones."""
    linear = LinearProblem.draw(WELL_POSED)
    found = case.evolve(linear, np.zeros(1))
    start, test_start = linear.start()
    require(found.reached[0] == 0, f"asked for time 0 it reached {found.reached[0]:g}")
    require_close("train at t = 0", found.train[0], "the initial outputs", start, 1e-13)
    require_close("test at t = 0", found.test[0], "the initial outputs", test_start, 1e-13)


def solves_every_mode_exactly(case: SolverCase) -> None:
    """The residual of every mode is what its author's formula says, at every time."""
    case.require_exact(LinearProblem.draw(WELL_POSED), "a problem of rank 4")


def reaches_the_times(case: SolverCase) -> None:
    """It reaches the times that are asked for, to half a step where it goes in steps."""
    found = case.evolve(LinearProblem.draw(WELL_POSED))
    # A solver that has converged may stop: half a step, or the time itself.
    step = found.learning_rate or 0.0
    for asked, reached in zip(TIMES, found.reached, strict=True):
        require(
            np.isnan(reached) or reached == asked or abs(reached - asked) <= 0.5001 * step,
            f"asked for time {asked:g} it says that it reached {reached:g}; with learning_rate "
            f"{found.learning_rate} it may be off by {0.5 * step:g}",
        )


def solves_singular_kernels(case: SolverCase) -> None:
    """Modes with eigenvalue 0 stay where they are: contradictory targets are no error."""
    case.require_exact(LinearProblem.draw(SINGULAR), "a problem of rank 3 with 5 points")


def starts_from_zero_output(case: SolverCase) -> None:
    """With zero initial output it solves the same equations from f₀ = 0."""
    case.require_exact(LinearProblem.draw(WELL_POSED).from_zero(), "a problem that starts at 0")


def test_points_are_no_different(case: SolverCase) -> None:
    """Test points that are training points get the same outputs."""
    found = case.evolve(LinearProblem.draw(WELL_POSED).tested_at_training_points())
    require_close(
        "test", found.test, "train at the same points", found.train, max(case.accuracy, 1e-10)
    )


def needs_no_test_points(case: SolverCase) -> None:
    """Without test points the training outputs are the same."""
    linear = LinearProblem.draw(WELL_POSED)
    found, expected = case.evolve(linear.without_tests()), case.evolve(linear)
    require(
        found.test.shape == (len(TIMES), 0, 2),
        f"test has shape {found.test.shape}; it must be {(len(TIMES), 0, 2)}",
    )
    require_close("train", found.train, "with test points", expected.train, 1e-12)


def takes_times_one_by_one(case: SolverCase) -> None:
    """Times asked for one by one give what they give all at once."""
    linear = LinearProblem.draw(WELL_POSED)
    whole = case.evolve(linear)
    for index in range(len(TIMES)):
        one = case.evolve(linear, TIMES[index : index + 1])
        at = f"at time {TIMES[index]:g} alone"
        require_close(f"train {at}", one.train[0], "among others", whole.train[index], 1e-10)
        require_close(f"test {at}", one.test[0], "among others", whole.test[index], 1e-10)


def does_not_mind_the_order_of_points(case: SolverCase) -> None:
    """Training points in another order get the same outputs."""
    linear, order = LinearProblem.draw(WELL_POSED), [2, 0, 3, 1]
    found, expected = case.evolve(linear.reordered(order)), case.evolve(linear)
    tolerance = max(case.accuracy, 1e-10)
    require_close("train", found.train, "in the first order", expected.train[:, order], tolerance)
    require_close("test", found.test, "in the first order", expected.test, tolerance)


def solves_outputs_alone(case: SolverCase) -> None:
    """Outputs that share a kernel are solved as each alone."""
    linear = LinearProblem.draw(WELL_POSED)
    whole = case.evolve(linear)
    for k in range(2):
        one = case.evolve(linear.with_output(k))
        tolerance = max(case.accuracy, 1e-10)
        require_close(f"output {k}", whole.test[..., k], "alone", one.test[..., 0], tolerance)


def can_be_restarted(case: SolverCase) -> None:
    """Training to s and from there for t is training to s + t."""
    if not case.restarts:
        raise NotApplicable("its author says that it cannot be restarted")
    linear = LinearProblem.draw(WELL_POSED)
    first = case.evolve(linear, np.array([1.0]))
    second = case.evolve(linear.restarted(first.train[0]), np.array([2.0]))
    total = float(first.reached[0] + second.reached[0])
    whole = case.evolve(linear, np.array([total]))
    if abs(whole.reached[0] - total) > 1e-9:
        raise NotApplicable(f"it reached {whole.reached[0]:g} and not {total:g}")
    for name in ("train", "test"):
        value, expected = getattr(second, name), getattr(whole, name)
        require_close(
            f"{name} after two parts", value, "in one go", expected, max(case.accuracy, 1e-9)
        )


def converges_with_its_order(case: SolverCase) -> None:
    """As the step goes to 0 the outputs converge to gradient flow with the stated order."""
    if case.order is None:
        raise NotApplicable("its author states no order")
    option, order = case.order
    linear, times = LinearProblem.draw(WELL_POSED), np.array([0.8, 1.6, 3.2])
    exact, _ = linear.solution(gradient_flow(linear.eigenvalues[None, :], times[:, None]))
    errors = []
    for step in (0.05, 0.025, 0.0125):
        solver: Any = replace(case.solver, **{option: step})  # pyright: ignore[reportArgumentType]
        found = replace(case, solver=solver).evolve(linear, times)
        errors.append(float(np.abs(found.train - exact).max()))
    measured = float(np.log2(errors[1] / errors[2]))
    # The next term of the expansion in the step bends the slope by about λ₁ times the step.
    require(
        abs(measured - order) <= 0.1 + 0.05 * order,
        f"with {option} = 0.05, 0.025, 0.0125 the outputs are off by {errors[0]:.3g}, "
        f"{errors[1]:.3g}, {errors[2]:.3g}: order {measured:.2f}, not {order:g}",
    )


def gives_each_of_several_its_own(case: SolverCase) -> None:
    """Problems solved together get the bits that each gets alone."""
    solver = case.solver
    if type(solver).evolve_many is Solver.evolve_many:
        raise NotApplicable("it solves problems one by one")
    linear = LinearProblem.draw(WELL_POSED)
    other = linear.restarted(0.5 * linear.targets)
    problems = [case.problem(each) for each in (linear, other, linear)]
    found = require_answer("evolve_many", solver.evolve_many(problems, TIMES), list, "a list")
    require(len(found) == 3, f"of 3 problems it returned {len(found)} answers")
    for index, (problem, answer) in enumerate(zip(problems, found, strict=True)):
        if isinstance(answer, Exception):
            raise LawBroken(f"problem {index} of 3 has no answer but {answer!r}") from answer
        alone = solver.evolve(problem, TIMES)
        for name in ("reached", "train", "test"):
            value, expected = getattr(answer, name), getattr(alone, name)
            require(
                np.array_equal(value, expected, equal_nan=True),
                f"{name} of problem {index} of 3 is not to the last bit what it is alone",
            )


def says_how_much_it_takes(case: SolverCase) -> None:
    """How many problems it takes at once, and how long one takes, are numbers."""
    problem = case.problem(LinearProblem.draw(WELL_POSED))
    count = require_answer("at_once", case.solver.at_once(problem), int, "a number of problems")
    require(count >= 1, f"at_once is {count}; it must be at least 1")
    seconds = case.solver.most_seconds(problem, TIMES)
    if seconds is not None:
        require(
            isinstance(seconds, int | float) and 0 <= seconds < math.inf,
            f"most_seconds is {seconds!r}; it must be a number of seconds, or None",
        )


def spread_is_that_of_initialisations(case: SolverCase) -> None:
    """Variance and covariance are those of f₀(x) + Z (y − f₀) over initial outputs."""
    wanted = SPREADS & case.solver.provides
    if not wanted:
        raise NotApplicable("it provides neither variance nor covariance")
    linear = LinearProblem.draw(WELL_POSED)
    found = case.evolve(linear, extras=frozenset(wanted))
    z = linear.readout(case.factors(linear, found.reached))
    # θ₀ ~ N(0, 1): the outputs are x θ₀ − Z X θ₀ and a constant.
    maps = linear.x_test - z @ linear.x
    expected = maps @ maps.transpose(0, 2, 1)
    scale = float(np.abs(expected).max())
    if "covariance" in wanted:
        covariance = found.covariance_test
        require(covariance is not None, "covariance_test was asked for and is missing")
        assert covariance is not None  # noqa: S101 - for the type checker
        for matrix in covariance:
            require_symmetric_positive("covariance_test", matrix)
        require_close("covariance_test", covariance, "the exact one", expected, 1e-8, scale)
    if "variance" in wanted:
        variance = found.variance_test
        require(variance is not None, "variance_test was asked for and is missing")
        assert variance is not None  # noqa: S101 - for the type checker
        exact = np.diagonal(expected, axis1=1, axis2=2)
        require_close("variance_test", variance, "the exact one", exact, 1e-8, scale)


def parameters_have_these_outputs(case: SolverCase) -> None:
    """The network at the parameters of every time has the outputs of that time."""
    if "parameters" not in case.solver.provides:
        raise NotApplicable("it does not provide parameters")
    linear = LinearProblem.draw(WELL_POSED)
    found = case.evolve(linear, extras=frozenset({"parameters"}))
    require(found.parameters is not None, "parameters were asked for and are missing")
    model = linear.problem().model
    assert model is not None and found.parameters is not None  # noqa: S101, PT018 - for the type checker
    require(
        len(found.parameters) == len(TIMES),
        f"there are parameters for {len(found.parameters)} times of {len(TIMES)}",
    )
    outputs = np.array([model.network.apply(params, linear.x_test) for params in found.parameters])
    require_close(
        "f(x; θ(t))", outputs, "the output of the solver", found.test, max(case.accuracy, 1e-9)
    )


LAWS: tuple[Callable[[SolverCase], None], ...] = (
    starts_at_the_initial_outputs,
    solves_every_mode_exactly,
    reaches_the_times,
    solves_singular_kernels,
    starts_from_zero_output,
    test_points_are_no_different,
    needs_no_test_points,
    takes_times_one_by_one,
    does_not_mind_the_order_of_points,
    solves_outputs_alone,
    can_be_restarted,
    converges_with_its_order,
    gives_each_of_several_its_own,
    says_how_much_it_takes,
    spread_is_that_of_initialisations,
    parameters_have_these_outputs,
)
