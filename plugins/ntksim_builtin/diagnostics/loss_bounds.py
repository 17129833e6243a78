"""Between which exponentials the training loss decays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Array, Diagnostic, FinishedCell, Variable, VariableSpec
from ntksim.types import Requirement

from ntksim_builtin.diagnostics.ordinary import ordinary, scaled_back


@dataclass(frozen=True)
class LossBounds(Diagnostic):
    """Bounds of the training loss under gradient flow with a constant kernel, at every time.

    exp(−2 λ_max t) L(0) ≤ L(t) ≤ exp(−2 λ_min t) L(0), with the extreme eigenvalues of the
    training tangent kernel. They hold for the linearised or infinitely wide network; a narrow
    one whose kernel moves may leave them.
    """

    name: ClassVar[str] = "loss_bounds"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"spectrum"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "loss_lower_bound": VariableSpec(
            ("time",),
            "lower bound of the training loss",
            description="exp(−2 λ_max t) L(0), with L = ½ Σ (f − y)² at the initial outputs.",
        ),
        "loss_upper_bound": VariableSpec(
            ("time",),
            "upper bound of the training loss",
            description="exp(−2 λ_min t) L(0); a λ_min that cannot be told from 0 counts as 0.",
        ),
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return both bounds; nothing where the kernel was not decomposed."""
        spectrum = cell.problem.spectrum
        if spectrum is None:
            return {}
        exponent, residual = ordinary(cell.problem.f0_train - cell.dataset.y_train)
        initial = 0.5 * float(np.square(residual).sum())
        smallest = float(spectrum.eigenvalues[-1])
        if smallest <= spectrum.null_tolerance:
            smallest = 0.0
        lower = initial * _decay(float(spectrum.eigenvalues[0]), cell.times)
        upper = initial * _decay(smallest, cell.times)
        return {
            "loss_lower_bound": scaled_back(lower, 2 * exponent),
            "loss_upper_bound": scaled_back(upper, 2 * exponent),
        }


def _decay(eigenvalue: float, times: Array) -> Array:
    # An eigenvalue 0 never decays, not even at infinite time, where 0 · ∞ would be NaN.
    with np.errstate(over="ignore"):
        return np.exp(-2 * eigenvalue * times) if eigenvalue > 0 else np.ones_like(times)
