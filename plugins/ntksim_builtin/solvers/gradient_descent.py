"""Full-batch gradient descent of the linearised network, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from ntksim.linalg import (
    ModeFactors,
    descent_factors,
    predicted_outputs,
    project,
    training_outputs,
)
from ntksim.types import (
    Array,
    Evolution,
    Extra,
    NonNegativeFloat,
    PositiveFloat,
    Problem,
    Requirement,
    Solver,
    Spectrum,
)
from numpy.typing import NDArray

from ntksim_builtin.solvers.labels import label
from ntksim_builtin.solvers.linear_path import linearised_path
from ntksim_builtin.solvers.steps import whole_steps
from ntksim_builtin.solvers.system import LinearSystem, linear_system, spectrum_of


@dataclass(frozen=True)
class GradientDescent(Solver):
    """Full-batch gradient descent of the linearised network, any number of steps in closed form.

    θ ← θ − η ∇[½ Σ (f − y)² + ½ ridge ‖θ − θ₀‖²] for f linear in θ gives, after k steps,

        f(x) = f₀(x) + k(x, X) V diag((1 − (1 − η(λ + ridge))^k)/(λ + ridge)) Vᵀ (y − f₀(X)).

    k = round(t/η), so time t is reached to within η/2; t = ∞ is the limit. A mode with
    η(λ + ridge) > 2 that has a residual diverges: the outputs are kept while they are finite and
    are NaN afterwards. At η(λ + ridge) = 2 the outputs oscillate and have no limit: NaN at t = ∞.
    """

    name: ClassVar[str] = "gradient_descent"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"ntk", "spectrum"})
    provides: ClassVar[frozenset[Extra]] = frozenset({"parameters"})

    learning_rate: Literal["auto"] | PositiveFloat = "auto"
    """Learning rate η, or ``auto`` for 1/(λ₁ + ridge), half of the largest stable one."""
    ridge: NonNegativeFloat = 0.0
    """Strength of the pull to the initial parameters, added to every eigenvalue."""

    def evolve(self, problem: Problem, times: Array) -> Evolution:
        """Return the outputs after the whole steps nearest to ``times``.

        With ``auto`` and a kernel that is zero, nothing moves and every time is reached.
        """
        system = linear_system(problem)
        spectrum = spectrum_of(problem, system)
        steepest = float(spectrum.eigenvalues[0]) + self.ridge
        if self.learning_rate != "auto":
            rate = float(self.learning_rate)
        elif steepest > 0:
            rate = 1.0 / steepest
        else:
            return _at_rest(problem, system, spectrum, times)
        steps, reached = whole_steps(times, rate)
        products = rate * (spectrum.eigenvalues + self.ridge)
        moving = _has_residual(spectrum, system)
        factors = _stilled(
            descent_factors(spectrum, steps, rate, self.ridge), (products >= 2) & ~moving
        )
        train = training_outputs(spectrum, factors, system.targets, system.start)
        test = predicted_outputs(
            spectrum,
            project(spectrum, system.test_train),
            factors,
            system.targets,
            system.start,
            system.test_start,
        )
        lost = ~(np.isfinite(train).all(axis=(1, 2)) & np.isfinite(test).all(axis=(1, 2)))
        for values in (reached, train, test):
            values[lost] = np.nan
        path = linearised_path(problem, system, spectrum, factors)
        if path is not None:
            path.weights[lost] = np.nan
        diverged = bool(((products > 2) & moving).any() and (steps > 0).any())
        return Evolution(
            reached=reached,
            train=train.reshape(len(times), *problem.f0_train.shape),
            test=test.reshape(len(times), *problem.f0_test.shape),
            diverged=diverged,
            learning_rate=rate,
            parameters=path,
            note=(
                f"learning rate {rate:.6g} is not stable: the largest stable one is below "
                f"{2 / steepest:.6g}"
                if diverged or lost.any()
                else ""
            ),
        )

    def label(self) -> str:
        """Return the name with the options that are set, such as ``gradient_descent-lr-0.1``."""
        return label(self.name, ("lr", self.learning_rate, "auto"), ("ridge", self.ridge, 0.0))


def _has_residual(spectrum: Spectrum, system: LinearSystem) -> NDArray[np.bool_]:
    """Tell for each mode whether its initial residual is more than rounding of the projection."""
    residual = system.targets - system.start
    # Of a size whose squares are numbers: a power of two changes no digit.
    residual = np.ldexp(residual, -int(np.frexp(np.abs(residual).max(initial=0.0))[1]))
    coefficients = np.abs(spectrum.eigenvectors.T @ residual)
    rounding = len(residual) * np.finfo(np.float64).eps * np.linalg.norm(residual, axis=0)
    return (coefficients > rounding).any(axis=1)


def _stilled(factors: ModeFactors, modes: NDArray[np.bool_]) -> ModeFactors:
    """Return the factors with some modes at rest."""
    return ModeFactors(
        residual=np.where(modes, 1.0, factors.residual),
        growth=np.where(modes, 0.0, factors.growth),
    )


def _at_rest(problem: Problem, system: LinearSystem, spectrum: Spectrum, times: Array) -> Evolution:
    still = np.zeros((len(times), len(spectrum.eigenvalues)))
    factors = ModeFactors(residual=1.0 - still, growth=still)
    return Evolution(
        reached=np.array(times, dtype=np.float64),
        train=np.repeat(problem.f0_train[None], len(times), axis=0),
        test=np.repeat(problem.f0_test[None], len(times), axis=0),
        parameters=linearised_path(problem, system, spectrum, factors),
    )
