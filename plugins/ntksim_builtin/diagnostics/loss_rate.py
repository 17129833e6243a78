"""How fast the training loss falls, against the rates between which it must."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Diagnostic, FinishedCell, Variable, VariableSpec
from ntksim.types import Requirement

from ntksim_builtin.diagnostics.descent_theory import resolved_minimum
from ntksim_builtin.diagnostics.modes import in_modes
from ntksim_builtin.diagnostics.ordinary import norm, ordinary, scaled_back

ROUNDING = 1e-13
"""Norm of a residual, relative to that of outputs and targets, that is rounding."""


@dataclass(frozen=True)
class LossRate(Diagnostic):
    """Rate −(dL/dt)/L of the training loss under gradient flow, at the residuals of every time.

    With residual r and kernel K it is 2 rᵀKr/‖r‖², between 2 λ_min (from which Grönwall's
    inequality gives the bound exp(−2 λ_min t)) and 2 λ_max. Training turns the residual into the
    slow directions, so that the rate falls from an average of the spectrum to 2 λ_min.
    """

    name: ClassVar[str] = "loss_rate"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"spectrum"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "loss_rate": VariableSpec(
            ("time",),
            "rate of decay of the training loss",
            "1 / gradient-flow time",
            description="2 rᵀKr/‖r‖² with the kernel of the cell and the residuals of the solver; "
            "NaN where they are rounding.",
        ),
        "loss_rate_min": VariableSpec(
            (), "smallest possible rate of decay", "1 / gradient-flow time", description="2 λ_min."
        ),
        "loss_rate_max": VariableSpec(
            (), "largest possible rate of decay", "1 / gradient-flow time", description="2 λ_max."
        ),
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return all of them; nothing where the kernel was not decomposed."""
        spectrum, y = cell.problem.spectrum, cell.dataset.y_train
        if spectrum is None:
            return {}
        rates = np.full(len(cell.times), np.nan)
        for index, outputs in enumerate(cell.evolution.train):
            exponent, residual = ordinary(outputs - y)
            energy = np.square(in_modes(spectrum, residual)).sum(axis=1)
            left = scaled_back(np.sqrt(energy.sum()), exponent)
            if left > ROUNDING * (norm(outputs) + norm(y)):
                rates[index] = 2 * (spectrum.eigenvalues @ energy) / energy.sum()
        return {
            "loss_rate": rates,
            "loss_rate_min": 2 * resolved_minimum(spectrum),
            "loss_rate_max": 2 * float(spectrum.eigenvalues[0]),
        }
