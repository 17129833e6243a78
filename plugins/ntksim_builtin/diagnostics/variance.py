"""Uncertainty of the predictions over initialisations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ntksim import Diagnostic, FinishedCell, Variable, VariableSpec
from ntksim.types import Extra


@dataclass(frozen=True)
class Variance(Diagnostic):
    """Variance of the output at every test point over initialisations, at every time.

    That of an ensemble of infinitely wide networks (Lee et al. 2019).
    """

    name: ClassVar[str] = "variance"
    extras: ClassVar[frozenset[Extra]] = frozenset({"variance"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "prediction_variance_test": VariableSpec(
            ("time", "test_point"),
            "variance of the output at test points",
            description="of one output over initialisations, without observation noise.",
        )
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return what the solver gave; nothing where it gave none or there are no test points."""
        variance = cell.evolution.variance_test
        if variance is None or not len(cell.dataset.x_test):
            return {}
        return {"prediction_variance_test": variance}
