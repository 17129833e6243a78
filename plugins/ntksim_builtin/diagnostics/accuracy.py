"""How many points are classified correctly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Array, Diagnostic, FinishedCell, Variable, VariableSpec

from ntksim_builtin.diagnostics.compared import compared


@dataclass(frozen=True)
class Accuracy(Diagnostic):
    """Fraction of points whose class is predicted, at every time; classification only."""

    name: ClassVar[str] = "accuracy"
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        f"accuracy_{part}": VariableSpec(
            ("time",),
            f"accuracy at {long} points",
            description="fraction of points where the output of the class is larger than every "
            "other or, with one output, has the sign of the target; a tie is not correct.",
        )
        for part, long in (("train", "training"), ("test", "test"))
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the fractions; nothing for a regression, NaN where an output is NaN."""
        if not cell.dataset.classification:
            return {}
        return {
            f"accuracy_{part}": accuracy(outputs, targets)
            for part, outputs, targets in compared(cell)
        }


def accuracy(outputs: Array, targets: Array) -> Array:
    """Return the fraction of correct points, shape (T,), of outputs (T, N, K), targets (N, K)."""
    if targets.shape[1] == 1:
        correct = np.sign(outputs) * np.sign(targets) > 0
    else:
        own = targets.argmax(axis=1)
        is_own = np.arange(targets.shape[1]) == own[:, None]
        best_other = np.where(is_own, -np.inf, outputs).max(axis=2)
        correct = outputs[:, np.arange(len(own)), own] > best_other
    fraction = correct.reshape(len(outputs), -1).mean(axis=1)
    return np.where(np.isnan(outputs).any(axis=(1, 2)), np.nan, fraction)
