"""Joint uncertainty of the predictions over initialisations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ntksim import Diagnostic, FinishedCell, Variable, VariableSpec
from ntksim.types import Extra


@dataclass(frozen=True)
class Covariance(Diagnostic):
    """Covariance of the outputs at all pairs of test points, at every time: large.

    That of an ensemble of infinitely wide networks (Lee et al. 2019).
    """

    name: ClassVar[str] = "covariance"
    extras: ClassVar[frozenset[Extra]] = frozenset({"covariance"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "prediction_covariance_test": VariableSpec(
            ("time", "test_point", "test_point_other"),
            "covariance of the output at test points",
            description="of one output over initialisations, without observation noise.",
        )
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return what the solver gave; nothing where it gave none or there are no test points."""
        covariance = cell.evolution.covariance_test
        if covariance is None or not len(cell.dataset.x_test):
            return {}
        return {"prediction_covariance_test": covariance}
