"""Bounds of the training loss that know the labels."""

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
class LabelBounds(Diagnostic):
    """Bounds of the training loss by the one mode that has most left to learn, at every time.

    With a_i = e^{−2 λ_i t} c_i², c = Vᵀ(f₀ − y), the loss of gradient flow is ½ Σ a_i, hence

        ½ max a_i ≤ L(t) ≤ (n/2) max a_i

    for n modes. Unlike bounds by the smallest eigenvalue they tell labels that lie in fast
    directions from labels that do not (after Arora et al. 2019a, section 4).
    """

    name: ClassVar[str] = "label_bounds"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"spectrum"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "loss_bound_label_lower": VariableSpec(
            ("time",),
            "lower bound of the training loss by the slowest labels",
            description="½ max e^{−2λt} c², c the initial residual in the eigenbasis.",
        ),
        "loss_bound_label_upper": VariableSpec(
            ("time",),
            "upper bound of the training loss by the slowest labels",
            description="(n/2) max e^{−2λt} c², for n modes.",
        ),
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return both bounds; nothing where the kernel was not decomposed."""
        spectrum = cell.problem.spectrum
        if spectrum is None:
            return {}
        exponent, residual = ordinary(cell.problem.f0_train - cell.dataset.y_train)
        energy = np.square(in_modes(spectrum, residual)).sum(axis=1)
        left = (np.square(flow_factors(spectrum, cell.times).residual) * energy).max(axis=1)
        return {
            "loss_bound_label_lower": scaled_back(0.5 * left, 2 * exponent),
            "loss_bound_label_upper": scaled_back(0.5 * len(energy) * left, 2 * exponent),
        }
