"""How far the parameters of a linearised network must move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Diagnostic, FinishedCell, Variable, VariableSpec
from ntksim.linalg import flow_factors
from ntksim.types import Requirement

from ntksim_builtin.diagnostics.modes import in_modes
from ntksim_builtin.diagnostics.ordinary import ordinary, scaled_back


@dataclass(frozen=True)
class ParameterTheory(Diagnostic):
    """Distance of the parameters from their start, from the spectrum alone, at every time.

    ‖θ(t) − θ₀‖² = Σ λ_i g(λ_i, t)² c_i² with c = Vᵀ(f₀ − y), for gradient flow of a linearised
    network with this kernel; at t = ∞ it is Σ c_i²/λ_i = r₀ᵀ K⁺ r₀ (Arora et al. 2019, section 5).
    Drawn beside ``parameter_motion`` it says how linear the training was.
    """

    name: ClassVar[str] = "parameter_theory"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"spectrum"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "parameter_motion_theory": VariableSpec(
            ("time",),
            "distance of linearised parameters from their initial values",
            description="√(Σ λ g(λ, t)² c²), c the initial residual in the eigenbasis.",
        )
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the distance; nothing where the kernel was not decomposed."""
        spectrum = cell.problem.spectrum
        if spectrum is None:
            return {}
        exponent, residual = ordinary(cell.problem.f0_train - cell.dataset.y_train)
        energy = np.square(in_modes(spectrum, residual)).sum(axis=1)
        # λ g² with λ/4^k and 4^k g, of which neither is extreme where λ g is of order one.
        even, eigenvalues = ordinary(spectrum.eigenvalues, even=True)
        growth = np.where(eigenvalues > 0, flow_factors(spectrum, cell.times).growth, 0.0)
        distance = np.sqrt(np.ldexp(growth, even) ** 2 @ (eigenvalues * energy))
        return {"parameter_motion_theory": scaled_back(distance, exponent - even // 2)}
