"""What training has still to remove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ntksim import Diagnostic, FinishedCell, Variable, VariableSpec

from ntksim_builtin.diagnostics.compared import compared


@dataclass(frozen=True)
class Residuals(Diagnostic):
    """Residuals r = f − y at the training and test points, at every time."""

    name: ClassVar[str] = "residuals"
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "residual_train": VariableSpec(
            ("time", "train_point", "output"),
            "residual at training points",
            description="f(x; t) − y; gradient flow of a linear model gives dr/dt = −K r.",
        ),
        "residual_test": VariableSpec(
            ("time", "test_point", "output"),
            "residual at test points",
            description="f(x; t) − y.",
        ),
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return outputs minus targets, where targets are known."""
        return {f"residual_{part}": outputs - y for part, outputs, y in compared(cell)}
