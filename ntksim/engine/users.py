"""Who needs a node: whether it is shared, and when it has been used for the last time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ntksim.engine.graph import Graph


class Users:
    """Counts how many of some cells still need each node that several of them need.

    All other nodes have one user. Of a shared node twelve bytes are held, of the others nothing.
    """

    def __init__(self, graph: Graph, cells: Iterable[str]) -> None:
        self._graph = graph
        marks = (_mark(node) for cell in cells for node in graph.closure(cell))
        found, counts = np.unique(np.fromiter(marks, dtype=np.int64), return_counts=True)
        self._marks = found[counts > 1]
        self._left = counts[counts > 1].astype(np.int32)

    def is_shared(self, node: str) -> bool:
        """Whether several of the cells need it, those that are done included."""
        return self._position(node) is not None

    def left(self, node: str) -> int:
        """Return how many cells still need a shared node, 0 for one that is not shared."""
        at = self._position(node)
        return 0 if at is None else int(self._left[at])

    def done(self, cell: str) -> None:
        """Take note that a cell does not need its nodes any more."""
        for node in self._graph.closure(cell):
            at = self._position(node)
            if at is not None:
                self._left[at] -= 1

    def _position(self, node: str) -> int | None:
        mark = _mark(node)
        at = int(np.searchsorted(self._marks, mark))
        return at if at < len(self._marks) and self._marks[at] == mark else None


def _mark(node: str) -> int:
    # 64 bits: should two nodes ever have the same, both count as shared, which is no harm.
    return hash(node)
