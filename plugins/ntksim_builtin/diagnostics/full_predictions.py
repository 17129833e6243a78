"""The network itself at the parameters of its linearisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Array, Diagnostic, FinishedCell, Variable, VariableSpec
from ntksim.laws import WidthLaw
from ntksim.types import Extra, Requirement, Summary

_MISFIT = (
    "the largest |f(x; θ(t)) − f(x, t)| over points and outputs, where f(x, t) is the output that "
    "the solver gave: O(1/√width) for a linearised network, 0 for one that is trained itself."
)


@dataclass(frozen=True)
class FullPredictions(Diagnostic):
    """Outputs f(x; θ(t)) of the network itself at the parameters of the solver.

    With a solver of the linearised network these are the linearised parameters pushed through the
    network: not the network that training would find, and not the linearised outputs f(x, t)
    either, from which they differ by O(1/√width).
    """

    name: ClassVar[str] = "full_predictions"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"network"})
    extras: ClassVar[frozenset[Extra]] = frozenset({"parameters"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        **{
            f"prediction_full_{part}": VariableSpec(
                ("time", f"{part}_point", "output"),
                f"output of the full network at {long} points",
                description="f(x; θ(t)), with zero initial output less f(x; θ₀).",
            )
            for part, long in (("train", "training"), ("test", "test"))
        },
        **{
            f"prediction_full_misfit_{part}": VariableSpec(
                ("time",),
                f"largest difference of full and linearised outputs at {long} points",
                description=_MISFIT,
            )
            for part, long in (("train", "training"), ("test", "test"))
        },
    }

    summaries: ClassVar[tuple[Summary, ...]] = (
        WidthLaw("prediction_full_misfit_train"),
        WidthLaw("prediction_full_misfit_test"),
    )

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return all of them; NaN at times that the solver did not reach."""
        measured: dict[str, Variable] = {}
        for part, x, outputs in (
            ("train", cell.dataset.x_train, cell.evolution.train),
            ("test", cell.dataset.x_test, cell.evolution.test),
        ):
            full = full_outputs(cell, x)
            if full is None or not len(x):
                continue
            measured[f"prediction_full_{part}"] = full
            measured[f"prediction_full_misfit_{part}"] = np.abs(full - outputs).max(axis=(1, 2))
        return measured


def full_outputs(cell: FinishedCell, x: Array) -> Array | None:
    """Return f(x; θ(t)), (T, points, K), or ``None`` where the solver gave no parameters."""
    model, path = cell.problem.model, cell.evolution.parameters
    if model is None or path is None:
        return None
    outputs = np.array([model.network.apply(params, x) for params in path])
    if cell.problem.zero_initial_output:
        outputs -= model.network.apply(model.params, x)
    return outputs
