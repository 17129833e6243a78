"""How far the kernels of a cell are from those of another provider."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from ntksim import Array, Diagnostic, FinishedCell, KernelProvider, Variable, VariableSpec
from ntksim.laws import WidthLaw
from ntksim.types import KernelKind, Requirement, Summary

from ntksim_builtin.diagnostics.ordinary import norm
from ntksim_builtin.kernels import Analytic


@dataclass(frozen=True)
class KernelDistance(Diagnostic):
    """Relative distance of the kernels from those of a reference, the infinite-width limit.

    ‖K − K_ref‖ / ‖K_ref‖ in the Frobenius norm: of order 1/√width for one network at its
    initialisation.
    """

    name: ClassVar[str] = "kernel_distance"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"ntk"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        f"{kernel}_distance_{part}": VariableSpec(
            (),
            f"distance of the {long} of {where} from its reference",
            description="Frobenius norm of the difference over that of the reference.",
        )
        for kernel, long in (("ntk", "neural tangent kernel"), ("nngp", "NNGP kernel"))
        for part, where in (
            ("train", "training points"),
            ("test_train", "test and training points"),
        )
    }

    summaries: ClassVar[tuple[Summary, ...]] = tuple(map(WidthLaw, variables))

    reference: KernelProvider = field(default_factory=Analytic)
    """Kernel provider to compare with."""

    def references(self) -> tuple[KernelProvider, ...]:
        """Return the provider to compare with."""
        return (self.reference,)

    def kernels_read(self, variables: Collection[str]) -> frozenset[KernelKind]:
        """Return those that the names of the variables begin with."""
        kinds: tuple[KernelKind, ...] = ("nngp", "ntk")
        return frozenset(kind for kind in kinds if any(v.startswith(kind) for v in variables))

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the distances of the kernels that both have."""
        own, other = cell.problem.kernels, cell.references.get(self.reference.label())
        if own is None or other is None:
            return {}
        pairs = {
            "ntk_distance_train": (own.train.ntk, other.train.ntk),
            "nngp_distance_train": (own.train.nngp, other.train.nngp),
        }
        if len(cell.dataset.x_test):
            pairs["ntk_distance_test_train"] = own.test_train.ntk, other.test_train.ntk
            pairs["nngp_distance_test_train"] = own.test_train.nngp, other.test_train.nngp
        return {
            name: relative_distance(kernel, reference)
            for name, (kernel, reference) in pairs.items()
            if kernel is not None and reference is not None
        }


def relative_distance(kernel: Array, reference: Array) -> float:
    """Return ‖K − K_ref‖ / ‖K_ref‖ in the Frobenius norm.

    With a reference that is 0: 0 for equal kernels, infinite for others.
    """
    distance, size = norm(kernel - reference), norm(reference)
    if size == 0:
        return 0.0 if distance == 0 else np.inf
    return distance / size
