"""Training of the finite network itself."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from ntksim.nn import ComposedNetwork
from ntksim.types import (
    Array,
    Evolution,
    Extra,
    Network,
    NonNegativeFloat,
    Params,
    PositiveFloat,
    PositiveInt,
    Problem,
    Requirement,
    Solver,
)

from ntksim_builtin.solvers.course import LARGEST, SMALLEST, Course
from ntksim_builtin.solvers.descent import descend, largest_tangent_eigenvalue
from ntksim_builtin.solvers.ensemble import descend_together
from ntksim_builtin.solvers.labels import label

TRIAL_SECONDS = 0.05
"""How long steps are taken only to tell how long training takes; where one takes longer than that,
its learning rate is not looked for either."""


@dataclass(frozen=True)
class NetworkGradientDescent(Solver):
    """Full-batch gradient descent of the finite network itself, from its initial parameters.

    θ ← θ − η ∇[½ Σ (f − y)² + ½ ridge ‖θ − θ₀‖²]; k = round(t/η), so time t is reached to within
    η/2. With zero initial output it trains f(x; θ) − f(x; θ₀), from the same θ₀.

    Training has converged when the norm of the gradient is at most ``tolerance`` times the initial
    one; t = ∞ and all times that are still to come then have the outputs of that state. If
    ``max_steps`` end before, they are NaN, and the note says so. Training has diverged when the
    loss is no number any more or 1e20 times the initial one; a note says where it has more than
    doubled and come down again.
    """

    name: ClassVar[str] = "network_gradient_descent"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"network"})
    provides: ClassVar[frozenset[Extra]] = frozenset({"parameters"})

    learning_rate: Literal["auto"] | PositiveFloat = "auto"
    """Learning rate η, or ``auto`` for 1/(λ₁ + ridge), where λ₁ is the largest eigenvalue of the
    network's tangent kernel at initialisation: half of the largest stable one there. The kernel of
    a narrow network may grow as it trains; if the loss then rises, a note says so."""
    ridge: NonNegativeFloat = 0.0
    """Strength of the pull to the initial parameters."""
    max_steps: PositiveInt = 100_000
    """Most steps that are taken, whatever the times."""
    tolerance: PositiveFloat = 1e-8
    """Norm of the gradient, relative to the initial one, at which training has converged."""

    def refuses(self, network: Network, width: float) -> str | None:
        """Refuse infinite width."""
        del network
        if math.isinf(width):
            return "a network of infinite width has no parameters to train"
        return None

    def evolve(self, problem: Problem, times: Array) -> Evolution:
        """Train, and return the outputs at the whole steps nearest to ``times``."""
        course = self._course(problem, times)
        states = descend(
            course.network, course.start, problem.x_train, course.targets, course.rate, self.ridge
        )
        with np.errstate(over="ignore", invalid="ignore"):
            for state in states:
                if course.ends(state):
                    break
        return course.evolution()

    def most_seconds(self, problem: Problem, times: Array) -> float | None:
        """Time a few steps, and multiply by how many there are if training does not converge."""
        if problem.model is None:
            return None
        network, params = problem.model.network, problem.model.params
        states = descend(network, params, problem.x_train, problem.y_train, 0.0, self.ridge)
        next(states)
        taken, start = 0, time.perf_counter()
        while taken == 0 or (taken < 20 and time.perf_counter() - start < TRIAL_SECONDS):
            next(states)
            taken += 1
        seconds = (time.perf_counter() - start) / taken
        steps = float(self.max_steps)
        last = float(times.max(initial=0.0))
        # λ₁ takes some tens of passes.
        is_cheap = self.learning_rate != "auto" or seconds < TRIAL_SECONDS
        if math.isfinite(last) and is_cheap:
            rate = self._rate(network, params, problem.x_train)
            steps = 0.0 if rate is None else min(steps, last / rate)
        return steps * seconds

    def evolve_many(self, problems: Sequence[Problem], times: Array) -> list[Evolution | Exception]:
        """Train the networks of problems that differ in seeds or targets together.

        Every one gets the same bits as from ``evolve``; small networks take a fraction of the time.
        """
        results: list[Evolution | Exception] = [ValueError("not solved")] * len(problems)
        courses: dict[int, Course] = {}
        for index, problem in enumerate(problems):
            try:
                courses[index] = self._course(problem, times)
            except Exception as error:  # noqa: BLE001 - of one of many, which the others outlive
                results[index] = error
        while courses:
            first = courses[min(courses)]
            alike = {index: course for index, course in courses.items() if course.is_like(first)}
            found = self._together(alike) if len(alike) > 1 else {}
            for index in alike:
                results[index] = found.get(index) or self._alone(problems[index], times)
                del courses[index]
        return results

    def at_once(self, problem: Problem) -> int:
        """Return how many networks like this one are stacked."""
        if problem.model is None:
            return 1
        network, width = problem.model.network, int(problem.model.width)
        if type(network) is not ComposedNetwork or not network.fits_stack(width):
            return 1  # without drawing the parameters of a large network
        return network.members_at_once(problem.model.params, len(problem.x_train))

    def _together(self, courses: dict[int, Course]) -> dict[int, Evolution | Exception]:
        """Return what was found of each course; nothing of those that an error left unfinished."""
        found: dict[int, Evolution | Exception] = {}
        indices, ones = list(courses), list(courses.values())
        states = descend_together(
            ones[0].network,
            [one.start for one in ones],
            ones[0].problem.x_train,
            [one.targets for one in ones],
            [one.rate for one in ones],
            self.ridge,
        )
        gone: list[int] | None = None
        with np.errstate(over="ignore", invalid="ignore"):
            while len(found) < len(ones):
                try:
                    current = states.send(gone)
                except Exception:  # noqa: BLE001 - whose it is shows when each is alone
                    break
                gone = []
                for member, state in current.items():
                    try:
                        if ones[member].ends(state):
                            found[indices[member]] = ones[member].evolution()
                    except Exception as error:  # noqa: BLE001 - of one, which the others outlive
                        found[indices[member]] = error
                    if indices[member] in found:
                        gone.append(member)
        return found

    def _alone(self, problem: Problem, times: Array) -> Evolution | Exception:
        try:
            return self.evolve(problem, times)
        except Exception as error:  # noqa: BLE001 - of one, which the others outlive
            return error

    def _course(self, problem: Problem, times: Array) -> Course:
        if problem.model is None:
            raise ValueError("the problem has no network, which this solver requires")
        rate = self._rate(problem.model.network, problem.model.params, problem.x_train)
        return Course(problem, times, rate, self.max_steps, self.tolerance)

    def label(self) -> str:
        """Return the name with the options that are set."""
        return label(
            self.name,
            ("lr", self.learning_rate, "auto"),
            ("ridge", self.ridge, 0.0),
            ("steps", self.max_steps, 100_000),
            ("tolerance", self.tolerance, 1e-8),
        )

    def _rate(self, network: Network, params: Params, x: Array) -> float | None:
        """Return the learning rate, or ``None`` where every rate leaves all at rest."""
        if self.learning_rate != "auto":
            return float(self.learning_rate)
        steepest = largest_tangent_eigenvalue(network, params, x) + self.ridge
        # The kernel of tiny gradients underflows, and looks like that of a network at rest.
        if not SMALLEST <= steepest <= LARGEST and not (
            steepest == 0 and _rests(network, params, x)
        ):
            raise FloatingPointError(
                f"the largest eigenvalue of the tangent kernel is {steepest:.3g}, not a number "
                "with all its digits; use inputs and standard deviations of ordinary size"
            )
        return 1.0 / steepest if steepest > 0 else None


def _rests(network: Network, params: Params, x: Array) -> bool:
    """Whether every gradient is 0, and not because numbers in it are too small for floats."""
    lost: list[str] = []
    with np.errstate(under="call", call=lambda what, _: lost.append(what)):
        gradient = network.vjp(params, x, np.ones((len(x), network.outputs)))
    return not lost and not any(value.any() for value in gradient.values())
