"""The tasks of a study and what each needs: shared work is one node, however many cells use it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ntksim.engine import parts, solving, tasks
from ntksim.engine.failures import attempt
from ntksim.engine.workshop import Workshop
from ntksim.study import CellTask
from ntksim.study.reference import Reference
from ntksim.types import Dataset

CELLS_REMEMBERED = 512
"""Cells whose nodes are kept once they are made: as many as are in flight, and more."""


PARTS_ADDED_AT_ONCE = 8
"""Of a kernel that is divided: the first of them wait for the last, which they would otherwise do
as well, one after the other, in the queues of busy workers."""


@dataclass(frozen=True)
class Ref:
    """The result of another node."""

    key: str


@dataclass(frozen=True)
class Node:
    """A call of ``function``; a ``Ref`` or tuple of them among its arguments stands for results."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        """Keys of the nodes whose results it needs."""
        found: list[str] = []
        for argument in self.arguments:
            parts = argument if isinstance(argument, tuple) else (argument,)
            found += [part.key for part in parts if isinstance(part, Ref)]
        return tuple(found)

    def needs_only(self, data: Collection[str]) -> bool:
        """Whether it needs nothing but some of the ``data``."""
        return all(need in data for need in self.needs)


class Graph:
    """The nodes of cells, in which equal work has equal keys; made cell by cell when asked for.

    ``cells`` are content keys in the order in which they are to be computed, ``data`` are by key.
    ``together`` holds by the key of each training that is done together with others a cell for each
    of them. What is held does not grow with what the cells need: a study may have millions.
    """

    def __init__(
        self,
        cells: Sequence[str],
        task: Callable[[str], CellTask],
        datasets: Mapping[str, Dataset],
        workshop: Workshop,
        together: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.cells = cells
        self._together = together or {}
        self.data = {f"dataset-{label}": data for label, data in datasets.items()}
        self._task = task
        self._workshop = workshop
        self.nodes = lru_cache(CELLS_REMEMBERED)(self._nodes)

    def end(self, cell: str) -> str:
        """Return the key of the node that ends a cell."""
        return f"cell-{cell}"

    def closure(self, cell: str) -> Iterator[str]:
        """Yield the keys of everything that a cell needs, of data and the node that ends it too."""
        nodes = self.nodes(cell)
        yield from nodes
        yield from {need for node in nodes.values() for need in node.needs if need in self.data}

    def without(self, cells: Collection[str]) -> Graph:
        """Return the graph without some cells; if there are any, its networks train ``apart``."""
        if not cells:
            return self
        left = [key for key in self.cells if key not in cells]
        return self._of(left)

    def apart(self) -> Graph:
        """Return the graph in which each network is trained by itself."""
        return self._of(self.cells)

    def _of(self, cells: Sequence[str]) -> Graph:
        datasets = {key.partition("-")[2]: data for key, data in self.data.items()}
        return Graph(cells, self._task, datasets, self._workshop)

    def _nodes(self, key: str) -> Mapping[str, Node]:
        """Return what a cell needs by key, each after all that it needs; its end is the last."""
        cell, workshop = self._task(key), self._workshop
        nodes: dict[str, Node] = {}
        source = Ref(f"dataset-{cell.dataset}")
        blocks = decomposition = initial = None
        if cell.kernel_key is not None and cell.needs_matrices:
            blocks = _add_kernel(nodes, workshop, cell, cell.kernel_key, cell.kernel, source)
            if cell.spectrum_key is not None:
                decomposition = _add(
                    nodes, f"spectrum-{cell.spectrum_key}", attempt, tasks.spectrum, blocks
                )
        if cell.initial_output_key is not None:
            initial = _add(
                nodes,
                f"initial-{cell.initial_output_key}",
                attempt,
                solving.initial_outputs,
                workshop,
                cell,
                source,
            )
        references = tuple(
            _add_kernel(nodes, workshop, cell, reference.key, reference.kernel, source)
            for reference in cell.references
        )
        training = self._add_training(nodes, cell, source, initial)
        _add(
            nodes,
            self.end(key),
            tasks.cell,
            workshop,
            cell,
            source,
            blocks,
            decomposition,
            initial,
            training,
            references,
        )
        return nodes

    def _add_training(
        self, nodes: dict[str, Node], cell: CellTask, source: Ref, initial: Ref | None
    ) -> Ref | None:
        """Add the training of a cell's network, if it needs that alone, or that of several."""
        key, workshop = cell.training_key, self._workshop
        if key is None:
            return None
        name = f"training-{key}"
        if key not in self._together:
            return _add(nodes, name, attempt, solving.training, workshop, cell, source, initial)
        members = self._together[key]
        of_all = (workshop, tuple(map(self._task, members)), source)
        found = _add(nodes, f"trainings-{members[0]}", attempt, solving.trainings, *of_all)
        return _add(nodes, name, attempt, solving.member, found, key)


def _add_kernel(
    nodes: dict[str, Node],
    workshop: Workshop,
    cell: CellTask,
    key: str,
    provider: Reference,
    source: Ref,
) -> Ref:
    """Add the kernels of a provider, in parts where it can be divided.

    The parts are added up one after the other, some at a time as soon as they are there: few are
    held, and the sum does not depend on who computes them.
    """
    name, count = f"kernel-{key}", parts.count_parts(workshop, provider)
    if count <= 1:
        return _add(nodes, name, attempt, tasks.kernel_blocks, workshop, cell, provider, source)
    sums: tuple[Ref, ...] = ()
    for start in range(0, count, PARTS_ADDED_AT_ONCE):
        of_some = tuple(
            _add(
                nodes,
                f"{name}-part-{number}",
                *(attempt, parts.part, workshop, cell, provider, number, source),
            )
            for number in range(start, min(count, start + PARTS_ADDED_AT_ONCE))
        )
        of_sum = (attempt, parts.added, workshop, provider, *sums, *of_some)
        sums = (_add(nodes, f"{name}-sum-{start}", *of_sum),)
    return _add(nodes, name, attempt, parts.whole, workshop, provider, *sums)


def _add(nodes: dict[str, Node], key: str, function: Callable[..., Any], *arguments: Any) -> Ref:
    nodes.setdefault(key, Node(function, arguments))
    return Ref(key)
