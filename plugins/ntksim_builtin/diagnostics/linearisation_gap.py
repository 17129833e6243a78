"""How far training is from that of the linearised network."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ntksim import Diagnostic, FinishedCell, Variable, VariableSpec
from ntksim.laws import WidthLaw
from ntksim.types import KernelKind, Requirement, Summary

from ntksim_builtin.diagnostics.linear_training import distances
from ntksim_builtin.solvers.system import linear_system, spectrum_of


@dataclass(frozen=True)
class LinearisationGap(Diagnostic):
    """Root mean square distance of the outputs from those of linearised training, at every time.

    Linearised training has the kernel of the cell, the same initial outputs and the same steps,
    but no ridge: with the empirical kernel it is that of the network linearised at θ₀, from which
    the network in training differs by at most O(1/√width) at any time (Lee et al. 2019, theorem
    2.1). Where the network is wide enough for its law it is less: about 1/width for smooth
    activations (Dyer and Gur-Ari 2020; Huang and Yau 2020), width^{−3/4} for ReLU, of whose units
    a share of 1/√width change their sign at one point. With the analytic kernel it is the distance
    from an infinitely wide network, as in ``predictor_gap``.
    """

    name: ClassVar[str] = "linearisation_gap"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"ntk", "spectrum"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        f"linearisation_gap_{part}": VariableSpec(
            ("time",),
            f"distance from training linearised with the kernel, at {long} points",
            description=(
                "root mean square over points and outputs of f(x; t) − f_lin(x; t): with the "
                "empirical kernel the linearisation of the network itself, with the analytic one "
                "an infinitely wide network"
            ),
        )
        for part, long in (("train", "training"), ("test", "test"))
    }
    summaries: ClassVar[tuple[Summary, ...]] = tuple(map(WidthLaw, variables))

    def kernels_read(self, variables: Collection[str]) -> frozenset[KernelKind]:
        """Return the tangent kernel."""
        del variables
        return frozenset({"ntk"})

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the distances; NaN at times that the solver did not reach."""
        problem = cell.problem
        if problem.kernels is None or problem.spectrum is None:
            return {}
        system = linear_system(problem)
        return {
            f"linearisation_gap_{part}": distance
            for part, distance in distances(cell, system, spectrum_of(problem, system))
        }
