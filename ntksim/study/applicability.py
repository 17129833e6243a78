"""What is possible at one combination of network, width, kernel and solver, and what it needs."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ntksim.study.choices import AxisValue
from ntksim.study.problems import KeyPath
from ntksim.study.recordings import Recording
from ntksim.types import MATRICES, SPREADS, Extra, KernelKind, Requirement

_KERNEL_NEEDS: frozenset[Requirement] = MATRICES | frozenset[Requirement]({"operator"})
_KINDS: tuple[KernelKind, ...] = ("nngp", "ntk")
_WORDS: dict[Requirement, str] = {
    "ntk": "the tangent kernel",
    "spectrum": "the spectrum of the tangent kernel",
    "nngp": "the NNGP kernel",
    "network": "a finite network",
    "operator": "products with the tangent kernel",
}


@dataclass(frozen=True)
class NotApplicable:
    """A position of the grid where there can be no cell, with the reason as a sentence.

    ``path`` is where the study gives the value that stands in the way.
    """

    reason: str
    path: KeyPath = ()


@dataclass(frozen=True)
class Combination:
    """What a cell computes, whatever its data and seed.

    ``recordings`` are those that are possible here, ``references`` the kernels that they compare
    with. Where ``uses_initial_output``, training starts from the outputs of a finite network.
    ``keeps_outputs_apart`` says whether the cell's own kernel does.
    """

    recordings: tuple[Recording, ...]
    references: tuple[AxisValue, ...]
    needs: frozenset[Requirement]
    extras: frozenset[Extra]
    uses_initial_output: bool
    varies_with: frozenset[str]
    keeps_outputs_apart: bool = False

    @property
    def kernels_read(self) -> frozenset[KernelKind]:
        """Kernels whose matrices are looked at."""
        found: set[KernelKind] = {kind for kind in _KINDS if kind in self.needs}
        for recording in self.recordings:
            found |= recording.diagnostic.kernels_read(recording.variables)
        return frozenset(found)

    @property
    def uses_kernel(self) -> bool:
        """Whether anything looks at the cell's own kernel."""
        return bool(self.needs & _KERNEL_NEEDS)


@dataclass(frozen=True)
class KernelChoice:
    """A provider at one network and width: what it gives there, or why it refuses."""

    value: AxisValue
    refusal: str | None

    @property
    def offered(self) -> frozenset[Requirement]:
        """What of it can be required."""
        if self.refusal is not None:
            return frozenset()
        given: frozenset[Requirement] = self.value.value.provides
        derived: frozenset[Requirement] = frozenset(
            {"spectrum", "operator"} if "ntk" in given else ()
        )
        return given | derived


def lacking(
    needs: Iterable[Requirement], kernel: KernelChoice, width: AxisValue
) -> tuple[str, KeyPath] | None:
    """Say which need is not met, and where the study could change that; or return ``None``."""
    needs = set(needs)
    if "network" in needs and math.isinf(width.value):
        return f"needs a finite network, and the width is {width.label}", width.path
    wanted = needs & _KERNEL_NEEDS
    if wanted and kernel.refusal is not None:
        name = kernel.value.label
        return f"needs a kernel, and '{name}' has none here: {kernel.refusal}", kernel.value.path
    for need in sorted(wanted - kernel.offered):
        return (
            f"needs {_WORDS[need]}, which kernel '{kernel.value.label}' does not provide",
            kernel.value.path,
        )
    return None


def combine(
    solver: AxisValue,
    kernel: KernelChoice,
    width: AxisValue,
    recordings: Iterable[tuple[Recording, tuple[KernelChoice, ...]]],
    *,
    from_network: bool,
) -> tuple[Combination | NotApplicable, dict[Recording, str]]:
    """Decide what a cell computes, or why there is none; and which recordings are left out, why.

    ``recordings`` come with the kernels that they refer to at this network and width.
    """
    requires: frozenset[Requirement] = solver.value.requires
    if lack := lacking(requires, kernel, width):
        return NotApplicable(f"solver '{solver.label}' {lack[0]}", lack[1]), {}
    kept: list[Recording] = []
    omitted: dict[Recording, str] = {}
    references: dict[str, AxisValue] = {}
    needs, extras, varies = set(requires), set(), set()
    for recording, compared in recordings:
        if not recording.variables:
            continue  # it says something of what others record, and nothing of a cell
        diagnostic = recording.diagnostic
        if reason := _left_out(recording, compared, solver, kernel, width):
            omitted[recording] = reason
            continue
        kept.append(recording)
        references |= {choice.value.label: choice.value for choice in compared}
        needs |= diagnostic.requires
        extras |= diagnostic.extras
    needs |= _needs_of(extras)
    if "spectrum" in needs:
        needs.add("ntk")
    initial = from_network and math.isfinite(width.value)
    if initial or "network" in needs:
        varies |= {"width", "seed"}
    if needs & _KERNEL_NEEDS:
        varies |= kernel.value.value.varies_with
    for reference in references.values():
        varies |= reference.value.varies_with
    combination = Combination(
        tuple(kept),
        tuple(references.values()),
        frozenset(needs),
        frozenset(extras),
        initial,
        frozenset(varies),
        kernel.value.value.keeps_outputs_apart,
    )
    return combination, omitted


def _left_out(
    recording: Recording,
    compared: Collection[KernelChoice],
    solver: AxisValue,
    kernel: KernelChoice,
    width: AxisValue,
) -> str | None:
    diagnostic = recording.diagnostic
    for extra in sorted(diagnostic.extras - solver.value.provides):
        return f"it needs the {extra}, which solver '{solver.label}' does not provide"
    needs = diagnostic.requires | _needs_of(diagnostic.extras)
    if lack := lacking(needs, kernel, width):
        return f"it {lack[0]}"
    if _avoids_matrices(solver) and (compared or needs & MATRICES):
        what = _WORDS[min(needs & MATRICES)] if needs & MATRICES else "another kernel"
        return f"it needs {what}, whose matrix solver '{solver.label}' is there to do without"
    for choice in compared:
        if choice.refusal is not None:
            return f"it compares with kernel '{choice.value.label}': {choice.refusal}"
    return None


def _avoids_matrices(solver: AxisValue) -> bool:
    requires: frozenset[Requirement] = solver.value.requires
    return "operator" in requires and not requires & MATRICES


def _needs_of(extras: Collection[Extra]) -> frozenset[Requirement]:
    spread: frozenset[Requirement] = frozenset({"nngp"} if SPREADS & set(extras) else ())
    network: frozenset[Requirement] = frozenset({"network"} if "parameters" in extras else ())
    return spread | network
