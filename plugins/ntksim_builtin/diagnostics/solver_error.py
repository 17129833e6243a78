"""How far off the outputs may be, by the solver's own account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ntksim import Diagnostic, FinishedCell, Variable, VariableSpec


@dataclass(frozen=True)
class SolverError(Diagnostic):
    """Bounds of the error of the outputs, from solvers that iterate.

    Solvers that are exact but for rounding give none.
    """

    name: ClassVar[str] = "solver_error"
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "solver_error_train": VariableSpec(
            ("time",),
            "bound of the error of outputs at training points",
            description="root mean square over training points of the Euclidean norm over outputs.",
        ),
        "solver_error_test": VariableSpec(
            ("time",),
            "bound of the error of outputs at test points",
            description="at every test point, the Euclidean norm over outputs.",
        ),
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the bounds that the solver gives."""
        found: dict[str, Variable] = {}
        if cell.evolution.error_train is not None:
            found["solver_error_train"] = cell.evolution.error_train
        if cell.evolution.error_test is not None and len(cell.dataset.x_test):
            found["solver_error_test"] = cell.evolution.error_test
        return found
