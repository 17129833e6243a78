"""How much the outputs of networks scatter over their initialisations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ntksim import Diagnostic, FinishedCell, Variable, VariableSpec
from ntksim.laws import SeedVariance
from ntksim.types import Summary


@dataclass(frozen=True)
class InitialisationVariance(Diagnostic):
    """Variance of the recorded test outputs over seeds, at every width, and its exponent in width.

    It is said of the whole grid: nothing is measured on a cell, and the study must record
    ``prediction_test``. Networks that start at zero output, or end at their targets, scatter by
    what their kernels do, and the variance falls as 1/width (Geiger et al. 2020).
    """

    name: ClassVar[str] = "initialisation_variance"
    variables: ClassVar[Mapping[str, VariableSpec]] = {}
    summaries: ClassVar[tuple[Summary, ...]] = (
        SeedVariance("prediction_test", named="initialisation_variance_test"),
    )

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return nothing: one cell has one seed."""
        del cell
        return {}
