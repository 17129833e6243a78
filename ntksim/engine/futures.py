"""The nodes of a graph as futures of a Dask client: there while a cell that is left needs them."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ntksim.engine import duties
from ntksim.engine.chains import Chain, compute_cells
from ntksim.engine.dealing import Dealer
from ntksim.engine.graph import Graph, Ref
from ntksim.engine.users import Users
from ntksim.engine.workshop import Workshop
from ntksim.types import Dataset

if TYPE_CHECKING:
    from distributed import Client, Future


class Futures:
    """Submits nodes with all that they need, each once, and lets go of them after their last use.

    With ``announce``, workers tell when they begin one.
    """

    def __init__(
        self,
        client: Client,
        graph: Graph,
        workshop: Workshop,
        threads: int,
        dealer: Dealer,
        *,
        announce: bool,
    ) -> None:
        self._client = client
        self._graph = graph
        self._dealer = dealer
        self._workshop = workshop
        self._threads = threads
        self._announce = announce
        self._futures: dict[str, Future] = {}
        self._nodes: dict[str, str] = {}
        self._order = itertools.count()
        self._users = Users(graph, ())
        self._all: Users | None = None

    def expect(self, cells: Iterable[str]) -> None:
        """Count what these cells will need; each is released once, and submitted before or not."""
        self._users = Users(self._graph, cells)
        self._all = self._all or self._users

    def submit(self, cell: str) -> Future:
        """Return the future of a cell's record, with a task for each of its nodes."""
        return self._submit(cell, self._graph.end(cell))

    def submit_alone(self, cell: str) -> Future:
        """Return the same, with tasks of which each waits for the one before.

        Dask holds every task for guilty that waits at a worker which dies; so there is only one.
        """
        future = None
        for node in self._graph.nodes(cell):
            future = self._submit(cell, node, after=future)
        assert future is not None  # noqa: S101 - its end is one of its nodes
        return future

    def submit_together(self, cells: Sequence[str], seconds: float) -> Future:
        """Return the future of what ``compute_cells`` returns: all are one task.

        What other cells need as well, or has a task already, stays a task of its own.
        """
        chains = [Chain.of(self._graph, cell, self._users) for cell in cells]
        given = {
            need: self._submit(cell, need)
            for cell, chain in zip(cells, chains, strict=True)
            for need in chain.needs
        }
        return self._dealt(
            "cells",
            compute_cells,
            self._workshop,
            self._threads,
            chains,
            list(given),
            list(given.values()),
            seconds,
            key=f"cells-{uuid.uuid4().hex}",
        )

    def branches(self, cell: str) -> int:
        """Return how many tasks of a cell can begin at once."""
        nodes = self._graph.nodes(cell).values()
        return sum(node.needs_only(self._graph.data) for node in nodes)

    def release(self, cell: str) -> None:
        """Let go of what only this cell needed, and of what cannot be had any more."""
        self._users.done(cell)
        for node in self._graph.closure(cell):
            if self._users.left(node) <= 0 or self._is_broken(node):
                self.drop(node)

    def drop(self, node: str) -> None:
        """Let go of a node: Dask does not compute it any more; who needs it still submits anew."""
        future = self._futures.pop(node, None)
        if future is not None:
            del self._nodes[str(future.key)]
            future.release()

    def node(self, key: object) -> str | None:
        """Return the node that a key of Dask stands for, if it is still wanted."""
        return self._nodes.get(str(key))

    def is_shared(self, node: str) -> bool:
        """Whether several of the cells that were expected first need a node."""
        return self._all is not None and self._all.is_shared(node)

    def is_pending(self, node: str) -> bool:
        """Whether a node is submitted and its result not there."""
        future = self._futures.get(node)
        return future is not None and future.status == "pending"

    def _is_broken(self, node: str) -> bool:
        future = self._futures.get(node)
        return future is not None and future.status in {"error", "cancelled", "lost"}

    def _submit(self, cell: str, node: str, after: Future | None = None) -> Future:
        if node in self._futures:
            return self._futures[node]
        # A key is used once: Dask remembers what became of it, also for other clients.
        key = f"{node}-{uuid.uuid4().hex}"
        if node in self._graph.data:
            # As a task and not scattered: Dask can do it again when the worker that has it dies.
            future: Any = self._client.submit(_given, self._graph.data[node], key=key, pure=False)
        else:
            call = self._graph.nodes(cell)[node]
            # What needs results goes where they are.
            kind = node.partition("-")[0] if call.needs_only(self._graph.data) else ""
            function, before = (
                (duties.call, ()) if after is None else (_after, (after, duties.call))
            )
            future = self._dealt(
                kind,
                function,
                *before,
                self._workshop,
                self._threads,
                key if self._announce else "",
                call.function,
                *(self._argument(cell, argument) for argument in call.arguments),
                key=key,
            )
        self._futures[node] = future
        self._nodes[key] = node
        return future

    def _dealt(self, kind: str, function: Callable[..., Any], *arguments: Any, key: str) -> Future:
        """Submit a task, one of a kind to the worker whose turn it is."""
        wish = self._dealer.wish(kind) if kind else {}
        # In this order, so that what needs others comes as soon as they are there, and few results
        # are held at a time; tasks submitted at about the same time Dask takes in any order.
        priority = -next(self._order)
        future = self._client.submit(
            function, *arguments, key=key, pure=False, priority=priority, **wish
        )
        self._dealer.dealt(kind, wish, future)
        return future

    def _argument(self, cell: str, argument: Any) -> Any:
        if isinstance(argument, Ref):
            return self._submit(cell, argument.key)
        if isinstance(argument, tuple):
            return [self._argument(cell, part) for part in argument]
        return argument


def _after(before: object, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function once something else is there."""
    del before
    return function(*arguments)


def _given(dataset: Dataset) -> Dataset:
    return dataset
