"""Gradient flow by a solver of ordinary differential equations: a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from ntksim.types import Array, Evolution, NonNegativeFloat, Problem, Requirement, Solver
from pydantic import Field

from ntksim_builtin.solvers.labels import label
from ntksim_builtin.solvers.system import linear_system
from ntksim_builtin.solvers.targets import at_own_size, ordinary_targets

MOST_STEPS = 1_000_000
"""Steps of an explicit method beyond which it is refused: it would not come to an end."""

ORDINARY = (1e-60, 1e60)
"""Rates for which time keeps its unit."""

STIFF = frozenset({"Radau", "BDF"})
"""Methods that solve with the Jacobian in every step."""


@dataclass(frozen=True)
class Ode(Solver):
    """Gradient flow of the linearised network by SciPy's solve_ivp; slow, a reference for eigh.

    Integrates a′ = (y − f₀) − (K + ridge) a for one output after the other; f(x, t) = f₀(x) +
    k(x, X) a(t). An explicit method takes steps of about 3/λ₁ whatever the times are: its cost is
    that of λ₁ t products of the kernel with a vector. ``Radau`` and ``BDF`` take few steps for a
    stiff kernel, but factorise K + ridge (complex, for Radau) whenever the step changes. t = ∞ is
    not reached: NaN.
    """

    name: ClassVar[str] = "ode"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"ntk"})

    method: Literal["RK45", "DOP853", "Radau", "BDF"] = "DOP853"
    """RK45 and DOP853 are explicit; Radau and BDF are for stiff kernels, λ₁ t beyond a thousand."""
    relative_tolerance: Annotated[float, Field(ge=1e-13, lt=1)] = 1e-10
    """Error of a step, relative to the weights a."""
    ridge: NonNegativeFloat = 0.0
    """Strength of the pull to the initial parameters, added to the diagonal of the kernel."""

    def evolve(self, problem: Problem, times: Array) -> Evolution:
        """Return the outputs at the finite ``times``."""
        exponent, problem = ordinary_targets(problem)
        return at_own_size(self._evolve(problem, times), exponent)

    def _evolve(self, problem: Problem, times: Array) -> Evolution:
        system = linear_system(problem)
        generator = system.train + self.ridge * np.eye(len(system.train))
        residual = system.targets - system.start
        finite = times[np.isfinite(times)]
        weights = np.zeros((len(times), *residual.shape))
        for column in range(residual.shape[1]):
            weights[: len(finite), :, column] = self._weights(
                generator, residual[:, column], finite
            )
        train, test = (
            system.start + system.train @ weights,
            system.test_start + (system.test_train @ weights),
        )
        reached = np.where(np.isfinite(times), times, np.nan)
        for values in (train, test):
            values[len(finite) :] = np.nan
        return Evolution(
            reached=reached,
            train=train.reshape(len(times), *problem.f0_train.shape),
            test=test.reshape(len(times), *problem.f0_test.shape),
            note="" if len(finite) == len(times) else "an integrator does not get to t = ∞",
        )

    def label(self) -> str:
        """Return ``ode`` with the options that are set, such as ``ode-BDF``."""
        method = [] if self.method == "DOP853" else [self.method]
        name = "-".join([self.name, *method])
        return label(name, ("rtol", self.relative_tolerance, 1e-10), ("ridge", self.ridge, 0.0))

    def _weights(self, generator: Array, residual: Array, times: Array) -> Array:
        """Integrate a from 0 to the last of ``times``; (T, n)."""
        scale = float(np.abs(residual).max())
        if scale == 0 or times.max(initial=0.0) == 0:
            return np.zeros((len(times), len(residual)))
        forcing = residual / scale
        # What is small beside the largest weight of a stiff kernel still moves outputs.
        largest = float(np.abs(generator).sum(axis=1).max())
        steps = largest * float(times[-1]) / 3
        if self.method not in STIFF and steps > MOST_STEPS:
            raise ValueError(
                f"{self.method} would need about {steps:.2g} steps to time {times[-1]:g}; at most "
                f"{MOST_STEPS:,} are taken: use Radau or BDF, or another solver"
            )
        unit = _unit(largest, float(times[-1]))
        # In units of time in which no square of a number overflows, which the integrator takes.
        generator, times, largest = generator * unit, times / unit, largest * unit
        options: dict[str, Any] = {"jac": -generator} if self.method in STIFF else {}
        absolute = self.relative_tolerance * min(float(times[-1]), 1.0 / largest if largest else 1)
        from scipy.integrate import solve_ivp  # takes long to import, and few studies use it

        solution = solve_ivp(
            lambda _, a: forcing - generator @ a,
            (0.0, float(times[-1])),
            np.zeros(len(residual)),
            self.method,
            times,
            rtol=self.relative_tolerance,
            atol=absolute,
            **options,
        )
        if not solution.success:
            raise ValueError(f"{self.method} failed: {solution.message}")
        return scale * unit * solution.y.T


def _unit(largest: float, last: float) -> float:
    """Return a power of two as unit of time: 1 unless the kernel or the time is extreme."""
    rate = largest if largest > 0 else 1.0 / last
    exponent = 0 if ORDINARY[0] < rate < ORDINARY[1] else -int(np.frexp(rate)[1])
    return float(np.ldexp(1.0, min(exponent, 1000)))
