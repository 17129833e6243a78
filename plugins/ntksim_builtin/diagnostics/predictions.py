"""Outputs of the network in training time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ntksim import Diagnostic, FinishedCell, Variable, VariableSpec


@dataclass(frozen=True)
class Predictions(Diagnostic):
    """Outputs f(x; t) at the training and test points, at every time."""

    name: ClassVar[str] = "predictions"
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "prediction_train": VariableSpec(
            ("time", "train_point", "output"),
            "output at training points",
            description="f(x; t) of the network in training; NaN where the solver did not get to "
            "the time or diverged beyond the largest number.",
        ),
        "prediction_test": VariableSpec(
            ("time", "test_point", "output"),
            "output at test points",
            description="f(x; t) of the network in training; NaN where the solver did not get to "
            "the time or diverged beyond the largest number.",
        ),
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the outputs as the solver gave them; no test outputs without test points."""
        measured: dict[str, Variable] = {"prediction_train": cell.evolution.train}
        if len(cell.dataset.x_test):
            measured["prediction_test"] = cell.evolution.test
        return measured
