"""How far training is from that of an infinitely wide network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ntksim import Diagnostic, FinishedCell, KernelProvider, Variable, VariableSpec
from ntksim.laws import WidthLaw
from ntksim.linalg import eigendecomposition
from ntksim.types import Summary

from ntksim_builtin.diagnostics.linear_training import distances
from ntksim_builtin.kernels import Analytic
from ntksim_builtin.solvers.system import linear_system


@dataclass(frozen=True)
class PredictorGap(Diagnostic):
    """Root mean square distance of the outputs from those of an infinitely wide network.

    From the same initial outputs and with the same steps, at every time. The kernel of one network
    scatters about its limit by O(1/√width) at initialisation (Jacot et al. 2018), and so do the
    predictors: more than training moves either. Each cell decomposes the reference kernel of its
    training points.
    """

    name: ClassVar[str] = "predictor_gap"
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        f"predictor_gap_{part}": VariableSpec(
            ("time",),
            f"distance from the infinite-width predictor at {long} points",
            description="root mean square over points and outputs of f(x; t) − f_∞(x; t), from the "
            "same start.",
        )
        for part, long in (("train", "training"), ("test", "test"))
    }
    summaries: ClassVar[tuple[Summary, ...]] = tuple(map(WidthLaw, variables))

    reference: KernelProvider = field(default_factory=Analytic)
    """Kernel provider of the predictor to compare with."""

    def references(self) -> tuple[KernelProvider, ...]:
        """Return the provider to compare with."""
        return (self.reference,)

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the distances; NaN at times that the solver did not reach."""
        blocks = cell.references.get(self.reference.label())
        if blocks is None:
            return {}
        system = linear_system(replace(cell.problem, kernels=blocks))
        return {
            f"predictor_gap_{part}": distance
            for part, distance in distances(cell, system, eigendecomposition(system.train))
        }
