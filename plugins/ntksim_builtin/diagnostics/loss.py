"""The loss that is trained, and the mean squared error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Diagnostic, FinishedCell, Variable, VariableSpec

from ntksim_builtin.diagnostics.compared import compared


@dataclass(frozen=True)
class Loss(Diagnostic):
    """Loss ½ Σ (f − y)² over points and outputs, and the mean squared error, at every time."""

    name: ClassVar[str] = "loss"
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "loss_train": VariableSpec(
            ("time",),
            "training loss",
            description="½ Σ (f − y)² over training points and outputs, without 1/N: the loss "
            "whose gradient flow defines time.",
        ),
        "loss_test": VariableSpec(
            ("time",),
            "test loss",
            description="½ Σ (f − y)² over test points and outputs, without 1/M.",
        ),
        "mean_squared_error_train": VariableSpec(
            ("time",),
            "mean squared error at training points",
            description="mean of (f − y)² over training points and outputs: 2 loss / (N K).",
        ),
        "mean_squared_error_test": VariableSpec(
            ("time",),
            "mean squared error at test points",
            description="mean of (f − y)² over test points and outputs: 2 loss / (M K).",
        ),
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return both, where targets are known; NaN at times that the solver did not reach."""
        measured: dict[str, Variable] = {}
        for part, outputs, y in compared(cell):
            # A diverging trajectory may leave the range of floats when squared: an infinite loss.
            with np.errstate(over="ignore"):
                squares = np.square(outputs - y).sum(axis=(1, 2))
            measured[f"loss_{part}"] = 0.5 * squares
            measured[f"mean_squared_error_{part}"] = squares / y.size
        return measured
