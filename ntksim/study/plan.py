"""The plan of a study: what is computed, and what stands at every position of its grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ntksim.study.applicability import Combination, NotApplicable
from ntksim.study.choices import AxisValue
from ntksim.study.keys import Identities, content_key
from ntksim.study.memory import MemoryEstimate, estimate_memory
from ntksim.study.model import AXES, Study
from ntksim.study.task import CellTask, KernelTask, ModelTask, RecordTask
from ntksim.types import Dataset, KernelKind

CellIndex: TypeAlias = tuple[int, int, int, int, int, int]
"""Position on each of ``AXES``: dataset, architecture, width, seed, kernel, solver."""


@dataclass(frozen=True)
class Cell:
    """One position of the grid with the values that it stands for."""

    index: CellIndex
    dataset: AxisValue
    architecture: AxisValue
    width: AxisValue
    seed: AxisValue
    kernel: AxisValue
    solver: AxisValue

    @classmethod
    def at(cls, study: Study, index: CellIndex) -> Cell:
        """Return the cell of a study at a position."""
        return cls(index, *(study.axes[axis][i] for axis, i in zip(AXES, index, strict=True)))

    @property
    def label(self) -> str:
        """What it is, in one line."""
        return (
            f"{self.dataset.label}, {self.architecture.label}, width {self.width.label}, seed "
            f"{self.seed.label}, {self.kernel.label}, {self.solver.label}"
        )


@dataclass(frozen=True, eq=False)
class Positions(Mapping[CellIndex, "str | NotApplicable"]):
    """What stands at each position of the grid: one of ``computed``, or why there is nothing.

    ``numbers`` has the shape of the grid; it counts those from 0 up and reasons from -1 down.
    """

    numbers: NDArray[np.int32]
    computed: tuple[str, ...]
    reasons: tuple[NotApplicable, ...]

    def __getitem__(self, index: CellIndex) -> str | NotApplicable:
        if len(index) != self.numbers.ndim or not all(
            0 <= i < size for i, size in zip(index, self.numbers.shape, strict=True)
        ):
            raise KeyError(index)
        number = int(self.numbers[index])
        return self.computed[number] if number >= 0 else self.reasons[-1 - number]

    def __iter__(self) -> Iterator[CellIndex]:
        return np.ndindex(self.numbers.shape)  # type: ignore[return-value]

    def __len__(self) -> int:
        return self.numbers.size

    def of(self, key: str) -> list[CellIndex]:
        """Return all positions that share one computation."""
        found = np.argwhere(self.numbers == self.computed.index(key))
        return [tuple(map(int, index)) for index in found]  # type: ignore[misc]


@dataclass(frozen=True, eq=False)
class Tasks(Mapping[str, CellTask]):
    """The distinct computations of a study by key, each made when it is asked for.

    ``first`` holds the first position of each, ``hashes`` the content of each dataset, of which
    those ``with_test_kernel`` need the kernel of their test points, ``wanted`` the kernels that
    anything on each looks at, and ``parameters`` how many
    parameters the finite network of each has, 0 where it uses none.
    """

    study: Study
    datasets: Mapping[str, Dataset]
    hashes: Mapping[str, str]
    first: Mapping[str, tuple[CellIndex, Combination]]
    with_test_kernel: frozenset[str]
    wanted: Mapping[str, frozenset[KernelKind]]
    parameters: Mapping[str, int]
    identities: Identities = field(repr=False, compare=False)
    _estimates: dict[tuple[int, int, int], MemoryEstimate] = field(
        default_factory=dict[tuple[int, int, int], MemoryEstimate], init=False, repr=False
    )

    def __getitem__(self, key: str) -> CellTask:
        index, combination = self.first[key]
        cell = Cell.at(self.study, index)
        data = self.datasets[cell.dataset.label]
        model = ModelTask(
            cell.architecture.reference,
            data.input_shape,
            data.outputs,
            cell.width.value,
            self.study.root,
            cell.seed.value,
        )
        kernel_key = self._kernel_key(cell, cell.kernel) if combination.uses_kernel else None
        initial = None
        if combination.uses_initial_output:
            initial = self._shared_key("initial output", cell, {"width", "seed"})
        return CellTask(
            key=key,
            label=cell.label,
            dataset=cell.dataset.label,
            model=model,
            kernel=cell.kernel.reference,
            solver=cell.solver.reference,
            times=self.study.times,
            zero_initial_output=self.study.initial_output == "zero",
            recordings=tuple(
                RecordTask(item.reference, item.variables) for item in combination.recordings
            ),
            references=tuple(
                KernelTask(item.label, item.reference, self._kernel_key(cell, item))
                for item in combination.references
            ),
            needs=combination.needs,
            extras=combination.extras,
            needs_test_kernel=self.hashes[cell.dataset.label] in self.with_test_kernel,
            kernel_key=kernel_key,
            spectrum_key=(
                content_key("spectrum", kernel=kernel_key)
                if "spectrum" in combination.needs
                else None
            ),
            initial_output_key=initial,
            training_key=self._training_key(cell, combination),
            memory=self.memory(key).total,
            kernels_wanted=tuple(sorted(self.wanted[self.hashes[cell.dataset.label]])),
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.first)

    def __len__(self) -> int:
        return len(self.first)

    def __contains__(self, key: object) -> bool:
        return key in self.first

    def memory(self, key: str) -> MemoryEstimate:
        """Estimate the memory of a computation."""
        index, combination = self.first[key]
        parameters = self.parameters.get(key, 0)
        same = (id(combination), index[0], parameters)
        if same not in self._estimates:
            data = self.datasets[self.study.axes["dataset"][index[0]].label]
            times = len(self.study.times)
            self._estimates[same] = combination_memory(combination, data, times, parameters)
        return self._estimates[same]

    def _kernel_key(self, cell: Cell, provider: AxisValue) -> str:
        kernel = self.identities.of(provider.reference)
        return self._shared_key("kernel", cell, provider.value.varies_with, kernel=kernel)

    def _training_key(self, cell: Cell, combination: Combination) -> str | None:
        """Return the key of a training that needs nothing but the network, whatever its kernel.

        Trained parameters are too many to be handed from one task to another.
        """
        if cell.solver.value.requires != {"network"} or "parameters" in combination.extras:
            return None
        return self._shared_key(
            "training",
            cell,
            {"width", "seed"},
            solver=self.identities.of(cell.solver.reference),
            extras=",".join(sorted(combination.extras)),
        )

    def _shared_key(
        self, purpose: str, cell: Cell, varies: frozenset[str] | set[str], **parts: str
    ) -> str:
        return content_key(
            purpose,
            dataset=self.hashes[cell.dataset.label],
            architecture=self.identities.of(cell.architecture.reference),
            width=cell.width.value if "width" in varies else None,
            seed=[self.study.root, cell.seed.value] if "seed" in varies else None,
            **parts,
        )


@dataclass(frozen=True, eq=False)
class Plan:
    """What running a study means.

    ``tasks`` are its distinct computations; ``cells`` says which of them stands at each position
    of the grid, or why there is none. ``warnings`` are sentences with their places.
    """

    study: Study
    datasets: Mapping[str, Dataset]
    cells: Positions
    tasks: Tasks
    warnings: tuple[str, ...]

    def cell(self, index: CellIndex) -> Cell:
        """Return the values at a position."""
        return Cell.at(self.study, index)


def combination_memory(
    combination: Combination, data: Dataset, times: int, parameters: int
) -> MemoryEstimate:
    """Estimate the memory of a combination on one dataset, for so many parameters of a network."""
    return estimate_memory(
        data,
        times,
        combination.needs,
        combination.extras,
        [
            recording.diagnostic.variables[name]
            for recording in combination.recordings
            for name in recording.variables
        ],
        len(combination.references),
        parameters,
        combination.keeps_outputs_apart,
        sum(reference.value.keeps_outputs_apart for reference in combination.references),
    )
