"""Running a graph in this process, with Dask's synchronous scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ntksim.engine import duties
from ntksim.engine.graph import Graph, Node, Ref
from ntksim.engine.interrupt import Interrupt
from ntksim.engine.threads import limited_threads
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

    ``begin`` is called with the name of each node before that is computed. Dask gets some cells at
    a time, in their order, and orders their tasks so that shared results can be dropped early; what
    later ones need as well is kept for them. So what is held does not grow with the number of
    cells, but for their tasks.
    """
    from dask.local import get_sync

    here = _Here(workshop, threads, interrupt, finished, begin)
    batches = list(_batches(list(graph.cells)))
    last = _last_uses(graph, batches)
    kept: dict[str, Any] = dict(graph.data)
    with limited_threads(threads):
        for number, batch in enumerate(batches):
            needed = set[str]().union(*(graph.closure(cell) for cell in batch))
            computation: dict[str, Any] = {key: kept[key] for key in needed & kept.keys()}
            for key in needed - kept.keys():
                computation[key] = _as_task(key, graph.nodes[key], here)
            ends = {f"finished-{cell}": graph.cells[cell] for cell in batch}
            for end, key in ends.items():
                computation[end] = (_hand_over, _Held(here), key)
            kept = {key: kept[key] for key in kept if key in graph.data or last[key] > number}
            wanted = [key for key in needed - kept.keys() if last.get(key, 0) > number]
            results = get_sync(computation, [*ends, *wanted])
            kept.update(zip(wanted, results[len(ends) :], strict=True))


def _batches(cells: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(cells), CELLS_AT_ONCE):
        yield cells[start : start + CELLS_AT_ONCE]


def _last_uses(graph: Graph, batches: list[list[str]]) -> dict[str, int]:
    """Return the number of the last batch that needs it for each node that several batches need."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for number, batch in enumerate(batches):
        for cell in batch:
            for key in graph.closure(cell):
                if first.setdefault(key, number) != number:
                    last[key] = number
    return last


@dataclass(frozen=True)
class _Here:
    workshop: Workshop
    threads: int
    interrupt: Interrupt
    finished: Callable[[CellRecord], None]
    begin: Callable[[str], None]


@dataclass(frozen=True)
class _Held:
    """An argument that is a value: Dask must neither call it nor look for keys in it."""

    value: Any


class _Stopped:
    """The result of a task that came up after the user had asked to stop."""


def _as_task(key: str, node: Node, here: _Here) -> tuple[Any, ...]:
    arguments = [_argument(argument) for argument in node.arguments]
    return (_call, _Held(here), _Held(key), _Held(node.function), arguments)


def _argument(argument: Any) -> Any:
    if isinstance(argument, tuple):
        return [_argument(part) for part in argument]
    return argument.key if isinstance(argument, Ref) else _Held(argument)


def _call(held: _Held, key: _Held, function: _Held, arguments: list[Any]) -> Any:
    here: _Here = held.value
    if here.interrupt.requested:
        return _Stopped()
    here.begin(key.value)
    values = (_value(argument) for argument in arguments)
    return duties.call(here.workshop, here.threads, "", function.value, *values)


def _value(argument: Any) -> Any:
    if isinstance(argument, list):
        return [_value(part) for part in argument]
    return argument.value if isinstance(argument, _Held) else argument


def _hand_over(held: _Held, record: CellRecord | _Stopped) -> None:
    if not isinstance(record, _Stopped):
        held.value.finished(record)
