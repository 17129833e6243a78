"""Tasks that are made of several nodes: what a cell needs and no other cell does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ntksim.engine import duties
from ntksim.engine.graph import Graph, Node, Ref
from ntksim.engine.users import Users
from ntksim.engine.workshop import Workshop
from ntksim.store.cells import CellRecord


@dataclass(frozen=True)
class Chain:
    """Nodes that one task computes, each after what it needs; the last one is what is wanted.

    ``needs`` are the nodes, or data, whose results it is given.
    """

    nodes: Mapping[str, Node]
    needs: tuple[str, ...]

    @classmethod
    def of(cls, graph: Graph, cell: str, users: Users) -> Chain:
        """Return the chain of a cell: all of its nodes that are not shared."""
        own = {key: node for key, node in graph.nodes(cell).items() if not users.is_shared(key)}
        needs = {need for node in own.values() for need in node.needs if need not in own}
        return cls(own, tuple(sorted(needs)))

    def compute(self, given: Mapping[str, Any], call: Callable[[str, Node, list[Any]], Any]) -> Any:
        """Return the result of the last node; what is not needed any more is let go.

        ``call`` gets the key of a node, the node, and the values of its arguments.
        """
        last = {need: key for key, node in self.nodes.items() for need in node.needs}
        results: dict[str, Any] = {need: given[need] for need in self.needs}
        end = ""
        for end, node in self.nodes.items():
            values = [_value(argument, results) for argument in node.arguments]
            for need in node.needs:
                if last[need] == end:
                    results.pop(need, None)
            results[end] = call(end, node, values)
            del values
        return results[end]


def compute_cells(
    workshop: Workshop,
    threads: int,
    chains: Sequence[Chain],
    names: Sequence[str],
    values: Sequence[Any],
    seconds: float,
) -> tuple[list[CellRecord], float]:
    """Compute cells one after the other, as many as can be begun within some ``seconds``.

    Returns their records, at least one, and how long all of it took. ``values`` are those of
    ``names``, the nodes that the chains need.
    """
    start = time.monotonic()
    given = dict(zip(names, values, strict=True))
    records: list[CellRecord] = []

    def call(key: str, node: Node, arguments: list[Any]) -> Any:
        del key
        return duties.call(workshop, threads, "", node.function, *arguments)

    for chain in chains:
        if records and time.monotonic() - start > seconds:
            break
        records.append(chain.compute(given, call))
    return records, time.monotonic() - start


def _value(argument: Any, results: Mapping[str, Any]) -> Any:
    if isinstance(argument, tuple):
        return tuple(_value(part, results) for part in argument)
    return results[argument.key] if isinstance(argument, Ref) else argument
