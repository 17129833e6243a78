"""The generalisation error that theory predicts for kernel regression on a sphere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from ntksim import (
    Array,
    Dataset,
    Diagnostic,
    FinishedCell,
    NoClosedForm,
    NonNegativeFloat,
    NonNegativeInt,
    Variable,
    VariableSpec,
)
from ntksim.laws import SizeLaw
from ntksim.types import Summary
from pydantic import Field

from ntksim_builtin.diagnostics.harmonics import harmonic_eigenvalues
from ntksim_builtin.diagnostics.shallow_relu_theory import multiplicities


@dataclass(frozen=True)
class LearningCurve(Diagnostic):
    """Expected test error of kernel regression for a harmonic on the sphere, from its spectrum.

    With eigenvalues μ_ρ of the infinite-width tangent kernel, n uniform training points, ridge ρ
    and label noise of variance σ²,

        κ = ρ + Σ κ μ/(κ + n μ),       γ = n Σ μ²/(κ + n μ)²,
        E = (Σ a² κ²/(κ + n μ)² + γ σ²)/(1 − γ),

    where a² is the target's power in a mode: the mean over data sets of the error at t = ∞ against
    noiseless targets (Bordelon et al. 2020; Canatar et al. 2021). The target here is a harmonic of
    one degree with P_k(1) = 1, of power 1/N(d, k): that of the dataset ``sphere``.
    """

    name: ClassVar[str] = "learning_curve"
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "learning_curve_theory": VariableSpec(
            (),
            "expected mean squared error at test points at infinite time",
            description="mean over sets of as many uniform training points on the sphere.",
        )
    }

    summaries: ClassVar[tuple[Summary, ...]] = (
        SizeLaw("learning_curve_theory"),
        SizeLaw("mean_squared_error_test"),
    )

    degree: NonNegativeInt = 1
    """Degree k of the target."""
    noise: NonNegativeFloat = 0.0
    """Standard deviation σ of the noise on the training targets."""
    ridge: NonNegativeFloat = 0.0
    """Ridge of the regression, that of the solver."""
    degrees: Annotated[int, Field(ge=2, le=500)] = 60
    """Number of degrees that are resolved; the others act as a ridge."""

    def __post_init__(self) -> None:
        if self.degree >= self.degrees:
            raise ValueError(
                f"degree is {self.degree}, but only degrees below {self.degrees} are resolved"
            )

    def doubts(self, data: Dataset) -> str | None:
        """Say so where the data are not, or do not say that they are, those of the theory."""
        if not _on_unit_sphere(data.x_train):
            return "the theory is of points on the unit sphere alone, and is left out here"
        if not data.provenance.get("source", "").startswith("uniform points on the unit sphere"):
            return (
                "the theory is of uniform random points on the unit sphere and a harmonic as "
                "target, the dataset 'sphere'; of other data it says nothing"
            )
        return None

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the expected error; nothing for points that are not on a unit sphere."""
        model, x = cell.problem.model, cell.dataset.x_train
        if model is None or not _on_unit_sphere(x):
            return {}
        try:
            values = harmonic_eigenvalues(model.network, self.degrees)
            diagonal = model.network.kernels(x[:1]).ntk
        except NoClosedForm:
            return {}
        if diagonal is None:
            return {}
        values = np.maximum(values, 0.0)  # those that are 0 are computed to rounding
        numbers = multiplicities(self.degrees, x.shape[1])
        power = np.zeros(self.degrees)
        power[self.degree] = 1.0 / numbers[self.degree]
        unresolved = max(float(diagonal[0, 0] - numbers @ values), 0.0)
        ridge = self.ridge + unresolved
        error = expected_error(values, numbers, power, len(x), ridge, self.noise**2)
        return {"learning_curve_theory": error}


def _on_unit_sphere(x: Array) -> bool:
    if x.ndim != 2 or x.shape[1] < 2:
        return False
    return bool(np.abs(np.linalg.norm(x, axis=1) - 1).max() <= 1e-9)


def expected_error(
    eigenvalues: Array, numbers: Array, power: Array, points: int, ridge: float, noise: float
) -> float:
    """Return E of the class's docstring.

    ``eigenvalues`` have the multiplicities ``numbers``; ``power`` is the target's in all modes of
    an eigenvalue together, ``noise`` a variance. Infinite at the interpolation threshold γ = 1.
    """
    kappa = _kappa(eigenvalues, numbers, points, ridge)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(eigenvalues > 0, kappa / (kappa + points * eigenvalues), 1.0)
        learnt = np.where(eigenvalues > 0, eigenvalues / (kappa + points * eigenvalues), 0.0)
    gamma = points * float(numbers @ learnt**2)
    if gamma > 1 - 1e-12:  # 1 but for rounding
        return np.inf
    return float((power @ left**2 + gamma * noise) / (1 - gamma))


def _kappa(eigenvalues: Array, numbers: Array, points: int, ridge: float) -> float:
    """Solve 1 = ridge/κ + Σ N μ/(κ + n μ) for κ > 0; 0 where all modes can be fitted exactly."""
    trace = float(numbers @ eigenvalues)
    if trace == 0:
        return ridge

    def excess(logarithm: float) -> float:
        kappa = np.exp(logarithm)
        return 1.0 - ridge / kappa - float(numbers @ (eigenvalues / (kappa + points * eigenvalues)))

    low, high = np.log(max(ridge, 1e-14 * trace)) - 1e-9, np.log(ridge + trace) + 1e-9
    if excess(low) >= 0:
        return ridge
    from scipy.optimize import root_scalar  # takes longer to import than most studies to check

    return float(np.exp(root_scalar(excess, bracket=(low, high), xtol=1e-13).root))
