"""Running a graph in this process, with Dask's synchronous scheduler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ntksim.engine import duties
from ntksim.engine.graph import Graph, Node, Ref
from ntksim.engine.interrupt import Interrupt
from ntksim.engine.threads import limited_threads
from ntksim.engine.workshop import Workshop
from ntksim.store.cells import CellRecord


def run_in_process(
    graph: Graph,
    workshop: Workshop,
    threads: int,
    interrupt: Interrupt,
    finished: Callable[[CellRecord], None],
    begin: Callable[[str], None],
) -> None:
    """Compute all cells, handing each record to ``finished`` as soon as it is there.

    ``begin`` is called with the name of each node before that is computed. Dask orders the tasks so
    that shared results can be dropped early: memory does not grow with the number of cells.
    """
    from dask.local import get_sync

    here = _Here(workshop, threads, interrupt, finished, begin)
    computation: dict[str, Any] = dict(graph.data)
    for key, node in graph.nodes.items():
        computation[key] = _as_task(key, node, here)
    for key in graph.cells.values():
        computation[f"finished-{key}"] = (_hand_over, _Held(here), key)
    with limited_threads(threads):
        get_sync(computation, [f"finished-{key}" for key in graph.cells.values()])


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
