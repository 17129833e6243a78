"""The tasks of a study and what each needs: shared work is one node, however many cells use it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ntksim.engine import tasks
from ntksim.engine.workshop import Workshop
from ntksim.study import CellTask
from ntksim.types import Dataset


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


@dataclass(frozen=True)
class Graph:
    """Nodes by key; data by key; and for each cell, by its content key, the node that ends it."""

    nodes: Mapping[str, Node]
    data: Mapping[str, Dataset]
    cells: Mapping[str, str]

    def closure(self, cell: str) -> set[str]:
        """Return the keys of everything that a cell needs, of the node that ends it too."""
        found: set[str] = set()
        left = [self.cells[cell]]
        while left:
            key = left.pop()
            if key not in found:
                found.add(key)
                left += self.nodes[key].needs if key in self.nodes else ()
        return found

    def without(self, cells: Collection[str]) -> Graph:
        """Return the graph without some cells."""
        left = {key: node for key, node in self.cells.items() if key not in cells}
        return Graph(self.nodes, self.data, left)


def build_graph(
    cells: Iterable[CellTask], datasets: Mapping[str, Dataset], workshop: Workshop
) -> Graph:
    """Turn cells into a graph in which equal work has equal keys."""
    nodes: dict[str, Node] = {}
    data: dict[str, Dataset] = {}
    ends: dict[str, str] = {}
    for cell in cells:
        source = f"dataset-{cell.dataset}"
        data[source] = datasets[cell.dataset]
        blocks = decomposition = initial = None
        if cell.kernel_key is not None and cell.needs_matrices:
            blocks = _add_kernel(nodes, workshop, cell, cell.kernel_key, cell.kernel, source)
            if cell.spectrum_key is not None:
                decomposition = _add(
                    nodes, f"spectrum-{cell.spectrum_key}", tasks.attempt, tasks.spectrum, blocks
                )
        if cell.initial_output_key is not None:
            initial = _add(
                nodes,
                f"initial-{cell.initial_output_key}",
                tasks.attempt,
                tasks.initial_outputs,
                workshop,
                cell,
                Ref(source),
            )
        references = tuple(
            _add_kernel(nodes, workshop, cell, reference.key, reference.kernel, source)
            for reference in cell.references
        )
        end = _add(
            nodes,
            f"cell-{cell.key}",
            tasks.cell,
            workshop,
            cell,
            Ref(source),
            blocks,
            decomposition,
            initial,
            references,
        )
        ends[cell.key] = end.key
    return Graph(nodes, data, ends)


def _add_kernel(
    nodes: dict[str, Node],
    workshop: Workshop,
    cell: CellTask,
    key: str,
    provider: Mapping[str, Any],
    source: str,
) -> Ref:
    return _add(
        nodes,
        f"kernel-{key}",
        tasks.attempt,
        tasks.kernel_blocks,
        workshop,
        cell,
        provider,
        Ref(source),
    )


def _add(nodes: dict[str, Node], key: str, function: Callable[..., Any], *arguments: Any) -> Ref:
    nodes.setdefault(key, Node(function, arguments))
    return Ref(key)
