"""Running a graph in this process, with Dask's synchronous scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ntksim.engine import duties
from ntksim.engine.chains import Chain
from ntksim.engine.graph import Graph, Node
from ntksim.engine.interrupt import Interrupt
from ntksim.engine.threads import limited_threads
from ntksim.engine.users import Users
from ntksim.engine.workshop import Workshop
from ntksim.store.cells import CellRecord

CELLS_AT_ONCE = 200
"""Cells that Dask is given together; it takes some ten kilobytes for each."""


def run_in_process(
    graph: Graph,
    workshop: Workshop,
    threads: int,
    interrupt: Interrupt,
    finished: Callable[[CellRecord], None],
    begin: Callable[[str], None],
) -> None:
    """Compute all cells, handing each record to ``finished`` as soon as it is there.

    ``begin`` is called with the name of each node before that is computed. What only one cell
    needs is one task with it. Dask gets some cells at a time, in their order, and orders their
    tasks so that shared results can be dropped early; what later ones need as well is kept for
    them. So what is held does not grow with the number of cells.
    """
    from dask.local import get_sync

    here = _Here(workshop, threads, interrupt, finished, begin)
    users = Users(graph, graph.cells)
    kept: dict[str, Any] = dict(graph.data)
    with limited_threads(threads):
        for batch in _batches(graph.cells):
            computation: dict[str, Any] = {}
            for cell in batch:
                chain = Chain.of(graph, cell, users)
                computation[graph.end(cell)] = (_finish, _Held(here), _Held(chain), [*chain.needs])
                for key, node in graph.nodes(cell).items():
                    if key not in chain.nodes and key not in kept:
                        single = Chain({key: node}, node.needs)
                        computation[key] = (_compute, _Held(here), _Held(single), [*node.needs])
            shared = [key for key in computation if users.is_shared(key)]
            ends = [graph.end(cell) for cell in batch]
            for cell in batch:
                users.done(cell)
            needs = {need for cell in batch for need in graph.closure(cell)}
            computation |= {key: kept[key] for key in needs & kept.keys()}
            wanted = [key for key in shared if users.left(key) > 0]
            kept = {key: kept[key] for key in kept if key in graph.data or users.left(key) > 0}
            results = get_sync(computation, [*ends, *wanted])
            kept.update(zip(wanted, results[len(ends) :], strict=True))


def _batches(cells: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(cells), CELLS_AT_ONCE):
        yield cells[start : start + CELLS_AT_ONCE]


@dataclass(frozen=True)
class _Here:
    workshop: Workshop
    threads: int
    interrupt: Interrupt
    finished: Callable[[CellRecord], None]
    begin: Callable[[str], None]

    def call(self, key: str, node: Node, arguments: list[Any]) -> Any:
        """Compute a node, unless the user has asked to stop."""
        if self.interrupt.requested:
            raise _Stop
        self.begin(key)
        return duties.call(self.workshop, self.threads, "", node.function, *arguments)


@dataclass(frozen=True)
class _Held:
    """An argument that is a value: Dask must neither call it nor look for keys in it."""

    value: Any


class _Stop(Exception):  # noqa: N818 - no error
    """The user has asked to stop."""


class _Stopped:
    """The result of a task that came up after that."""


def _compute(held: _Held, chain: _Held, values: list[Any]) -> Any:
    here: _Here = held.value
    if any(isinstance(value, _Stopped) for value in values):
        return _Stopped()
    given = dict(zip(chain.value.needs, values, strict=True))
    del values
    try:
        return chain.value.compute(given, here.call)
    except _Stop:
        return _Stopped()


def _finish(held: _Held, chain: _Held, values: list[Any]) -> None:
    record = _compute(held, chain, values)
    if not isinstance(record, _Stopped):
        held.value.finished(record)
