"""Training of the finite network itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
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
from numpy.typing import NDArray

from ntksim_builtin.solvers.descent import TrainingState, descend, largest_tangent_eigenvalue
from ntksim_builtin.solvers.labels import label
from ntksim_builtin.solvers.steps import whole_steps

DIVERGENCE = 1e20
"""Loss over initial loss beyond which training has diverged. A step beyond 2/λ₁ that still finds a
flatter region first raises the loss by a factor of the order of the width (Lewkowycz et al. 2020),
many orders less than this."""

LARGEST = float(np.finfo(np.float64).max)
SMALLEST = float(np.finfo(np.float64).tiny)
ROUNDING = 64 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class NetworkGradientDescent(Solver):
    """Full-batch gradient descent of the finite network itself, from its initial parameters.

    θ ← θ − η ∇[½ Σ (f − y)² + ½ ridge ‖θ − θ₀‖²]; k = round(t/η), so time t is reached to within
    η/2. With zero initial output it trains f(x; θ) − f(x; θ₀), from the same θ₀.

    Training has converged when the norm of the gradient is at most ``tolerance`` times the initial
    one; t = ∞ and all times that are still to come then have the outputs of that state. If
    ``max_steps`` end before, they are NaN, and the note says so. Training has diverged when the
    loss is no number any more or 1e20 times the initial one.
    """

    name: ClassVar[str] = "network_gradient_descent"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"network"})
    provides: ClassVar[frozenset[Extra]] = frozenset({"parameters"})

    learning_rate: Literal["auto"] | PositiveFloat = "auto"
    """Learning rate η, or ``auto`` for 1/(λ₁ + ridge), where λ₁ is the largest eigenvalue of the
    network's tangent kernel at initialisation: half of the largest stable one there."""
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
        if problem.model is None:
            raise ValueError("the problem has no network, which this solver requires")
        network, start = problem.model.network, problem.model.params
        rate = self._rate(network, start, problem.x_train)
        if rate is None:  # no output depends on a parameter: training converges where it starts
            rate, steps, reached = 1.0, np.ceil(times), np.array(times, dtype=np.float64)
        else:
            steps, reached = whole_steps(times, rate)
        offset_train: Array | float = 0.0
        offset_test: Array | float = 0.0
        if problem.zero_initial_output:
            offset_train = network.apply(start, problem.x_train)
            _require_distance(problem.y_train, offset_train)
            offset_test = network.apply(start, problem.x_test)
        train = np.full((len(times), *problem.f0_train.shape), np.nan)
        test = np.full((len(times), *problem.f0_test.shape), np.nan)
        wanted = "parameters" in problem.extras
        parameters: list[Params] = [_lost(start)] * len(times) if wanted else []

        def record(state: TrainingState, where: NDArray[np.bool_]) -> None:
            if where.any():
                outputs = network.apply(state.params, problem.x_test)
                if np.isfinite(state.outputs).all() and np.isfinite(outputs).all():
                    train[where] = state.outputs - offset_train
                    test[where] = outputs - offset_test
                    if wanted:
                        kept = _copied(state.params, start)
                        for index in np.flatnonzero(where):
                            parameters[index] = kept

        diverged, note, initial_loss, initial_norm = False, "", 0.0, 0.0
        targets = problem.y_train + offset_train
        with np.errstate(over="ignore", invalid="ignore"):
            for state in descend(network, start, problem.x_train, targets, rate, self.ridge):
                if state.step == 0:
                    initial_loss, initial_norm = state.loss, state.gradient_norm
                    _require_loss(initial_loss, state.outputs - targets)
                record(state, steps == state.step)
                if not state.loss <= min(DIVERGENCE * initial_loss, LARGEST):
                    diverged = True
                    note = f"diverged at step {state.step} with learning rate {rate:.6g}"
                    break
                if state.gradient_norm <= self.tolerance * initial_norm:
                    record(state, steps > state.step)
                    break
                if state.step >= steps.max(initial=0):
                    break
                if state.step == self.max_steps:
                    note = (
                        f"stopped at max_steps = {self.max_steps} with learning rate {rate:.6g}, "
                        f"before time {reached[steps > state.step][0]:.6g}; the gradient was "
                        f"{state.gradient_norm / initial_norm:.3g} of the initial one"
                    )
                    break
        reached[np.isnan(train).any(axis=(1, 2))] = np.nan
        return Evolution(
            reached,
            train,
            test,
            diverged=diverged,
            note=note,
            learning_rate=rate,
            parameters=parameters if wanted else None,
        )

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


def _require_distance(targets: Array, offset: Array) -> None:
    """Refuse targets that are nothing beside the initial outputs that they are added to.

    Raises
    ------
    FloatingPointError
        If so: the rounding of f(x; θ) − f(x; θ₀) is as large as they are.
    """
    size, other = float(np.abs(targets).max()), float(np.abs(offset).max())
    if 0 < size <= ROUNDING * other:
        raise FloatingPointError(
            f"targets up to {size:.3g} are lost in the rounding of initial outputs up to "
            f"{other:.3g}; scale the targets"
        )


def _require_loss(loss: float, residual: Array) -> None:
    """Refuse to train where the loss says nothing about convergence.

    Raises
    ------
    FloatingPointError
        If it is no number with all its digits although the residual is one.
    """
    if (loss >= SMALLEST and loss <= LARGEST) or not residual.any():
        return
    raise FloatingPointError(
        f"the initial loss of residuals up to {np.abs(residual).max():.3g} is {loss:.3g}, not a "
        "number with all its digits; use targets of ordinary size"
    )


def _rests(network: Network, params: Params, x: Array) -> bool:
    """Whether every gradient is 0, and not because numbers in it are too small for floats."""
    lost: list[str] = []
    with np.errstate(under="call", call=lambda what, _: lost.append(what)):
        gradient = network.vjp(params, x, np.ones((len(x), network.outputs)))
    return not lost and not any(value.any() for value in gradient.values())


def _copied(params: Params, start: Params) -> Params:
    """Copy the parameters that training changes, which it does in place."""
    return {name: value if value is start[name] else value.copy() for name, value in params.items()}


def _lost(params: Params) -> Params:
    return {name: np.full_like(value, np.nan) for name, value in params.items()}
