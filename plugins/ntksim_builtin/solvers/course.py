"""The training of one network from its start to the last time that is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ntksim.types import Array, Evolution, Params, Problem
from numpy.typing import NDArray

from ntksim_builtin.solvers.descent import TrainingState
from ntksim_builtin.solvers.steps import whole_steps

DIVERGENCE = 1e20
"""Loss over initial loss beyond which training has diverged. A step beyond 2/λ₁ that still finds a
flatter region first raises the loss by a factor of the order of the width (Lewkowycz et al. 2020),
many orders less than this."""

RISE = 2.0
"""Loss over the least loss before it from which on training is told to have been unsteady: below
the largest stable learning rate of the linearised network it never rises."""

SMALL_LOSS = 1e-6
"""Loss over initial loss below which a rise is no matter: in the end rounding makes some."""

LARGEST = float(np.finfo(np.float64).max)
SMALLEST = float(np.finfo(np.float64).tiny)
ROUNDING = 64 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Rise:
    """How much larger the loss was after a step than the least before it."""

    ratio: float
    before: float
    after: float
    step: int


class Course:
    """Watches the states of a network and keeps its outputs at the whole steps nearest to times.

    ``rate`` is the learning rate, or ``None`` where no output depends on a parameter, so that
    training converges where it starts. ``targets`` are those of f itself: with zero initial output
    f(x; θ) − f(x; θ₀) is trained, which shifts them.

    Raises
    ------
    FloatingPointError
        If the targets are lost in the rounding of the initial outputs.
    """

    def __init__(
        self, problem: Problem, times: Array, rate: float | None, max_steps: int, tolerance: float
    ) -> None:
        if problem.model is None:
            raise ValueError("the problem has no network, which this solver requires")
        self.problem = problem
        self.network, self.start = problem.model.network, problem.model.params
        self.rate = 1.0 if rate is None else rate
        if rate is None:
            self._steps, self._reached = np.ceil(times), np.array(times, dtype=np.float64)
        else:
            self._steps, self._reached = whole_steps(times, rate)
        self._watched = frozenset(self._steps.tolist())
        self._last = self._steps.max(initial=0)
        self._max_steps, self._tolerance = max_steps, tolerance
        self._offsets: tuple[Array | float, Array | float] = (0.0, 0.0)
        if problem.zero_initial_output:
            offset = self.network.apply(self.start, problem.x_train)
            _require_distance(problem.y_train, offset)
            self._offsets = offset, self.network.apply(self.start, problem.x_test)
        self.targets = problem.y_train + self._offsets[0]
        self._train = np.full((len(times), *problem.f0_train.shape), np.nan)
        self._test = np.full((len(times), *problem.f0_test.shape), np.nan)
        wanted = "parameters" in problem.extras
        self._parameters: list[Params] | None = [_lost(self.start)] * len(times) if wanted else None
        self._diverged, self._note = False, ""
        self._initial_loss = self._initial_norm = 0.0
        self._least_loss, self._rise = LARGEST, Rise(1.0, 0.0, 0.0, 0)

    def is_like(self, other: Course) -> bool:
        """Whether both train networks of one family and size on the same points."""
        return (
            self.network == other.network
            and {name: value.shape for name, value in self.start.items()}
            == {name: value.shape for name, value in other.start.items()}
            and np.array_equal(self.problem.x_train, other.problem.x_train)
        )

    def ends(self, state: TrainingState) -> bool:
        """Take notice of the next state, and say whether training ends with it."""
        if state.step == 0:
            self._initial_loss, self._initial_norm = state.loss, state.gradient_norm
            _require_loss(state.loss, state.outputs - self.targets)
        if state.step in self._watched:
            self._record(state, self._steps == state.step)
        self._watch_loss(state)
        if not state.loss <= min(DIVERGENCE * self._initial_loss, LARGEST):
            self._diverged = True
            self._note = f"diverged at step {state.step} with learning rate {self.rate:.6g}"
            return True
        if state.gradient_norm <= self._tolerance * self._initial_norm:
            self._record(state, self._steps > state.step)
            return True
        if state.step >= self._last:
            return True
        if state.step == self._max_steps:
            self._note = (
                f"stopped at max_steps = {self._max_steps} with learning rate {self.rate:.6g}, "
                f"before time {self._reached[self._steps > state.step][0]:.6g}; the gradient was "
                f"{state.gradient_norm / self._initial_norm:.3g} of the initial one"
            )
            return True
        return False

    def evolution(self) -> Evolution:
        """Return what was found."""
        reached = self._reached.copy()
        reached[np.isnan(self._train).any(axis=(1, 2))] = np.nan
        return Evolution(
            reached,
            self._train,
            self._test,
            diverged=self._diverged,
            note="; ".join(filter(None, (self._note, self._unsteadiness()))),
            learning_rate=self.rate,
            parameters=self._parameters,
        )

    def _watch_loss(self, state: TrainingState) -> None:
        """Remember the largest rise of the loss above what it had come to before."""
        if state.loss > RISE * self._least_loss and state.loss > SMALL_LOSS * self._initial_loss:
            ratio = state.loss / self._least_loss
            if ratio > self._rise.ratio:
                self._rise = Rise(ratio, self._least_loss, state.loss, state.step)
        self._least_loss = min(self._least_loss, state.loss)

    def _unsteadiness(self) -> str:
        if self._rise.ratio == 1 or self._diverged:
            return ""
        return (
            f"the loss rose from {self._rise.before:.3g} to {self._rise.after:.3g} by time "
            f"{self._rise.step * self.rate:.3g}: learning rate {self.rate:.6g} is too large for "
            "this network to train steadily"
        )

    def _record(self, state: TrainingState, where: NDArray[np.bool_]) -> None:
        if not where.any():
            return
        outputs = self.network.apply(state.params, self.problem.x_test)
        if np.isfinite(state.outputs).all() and np.isfinite(outputs).all():
            self._train[where] = state.outputs - self._offsets[0]
            self._test[where] = outputs - self._offsets[1]
            if self._parameters is not None:
                kept = _copied(state.params, self.start)
                for index in np.flatnonzero(where):
                    self._parameters[index] = kept


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


def _copied(params: Params, start: Params) -> Params:
    """Copy the parameters that training changes, which it does in place."""
    return {name: value if value is start[name] else value.copy() for name, value in params.items()}


def _lost(params: Params) -> Params:
    return {name: np.full_like(value, np.nan) for name, value in params.items()}
