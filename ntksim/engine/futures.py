"""The nodes of a graph as futures of a Dask client: there while a cell that is left needs them."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ntksim.engine import duties
from ntksim.engine.graph import Graph, Ref
from ntksim.engine.workshop import Workshop
from ntksim.types import Dataset

if TYPE_CHECKING:
    from distributed import Client, Future


class Futures:
    """Submits nodes with all that they need, each once, and lets go of them after their last use.

    With ``announce``, workers tell when they begin one.
    """

    def __init__(
        self, client: Client, graph: Graph, workshop: Workshop, threads: int, *, announce: bool
    ) -> None:
        self._client = client
        self._graph = graph
        self._workshop = workshop
        self._threads = threads
        self._announce = announce
        self._futures: dict[str, Future] = {}
        self._nodes: dict[str, str] = {}
        self._users: Counter[str] = Counter()

    def expect(self, cells: Iterable[str]) -> None:
        """Count what these cells will need; each is submitted and released once, or released."""
        for key in cells:
            self._users.update(self._graph.closure(key))

    def submit(self, cell: str) -> Future:
        """Return the future of a cell's record."""
        return self._submit(self._graph.cells[cell])

    def release(self, cell: str) -> None:
        """Let go of what only this cell needed, and of what cannot be had any more."""
        for node in self._graph.closure(cell):
            self._users[node] -= 1
            if self._users[node] <= 0 or self._is_broken(node):
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

    def is_pending(self, node: str) -> bool:
        """Whether a node is submitted and its result not there."""
        future = self._futures.get(node)
        return future is not None and future.status == "pending"

    def _is_broken(self, node: str) -> bool:
        future = self._futures.get(node)
        return future is not None and future.status in {"error", "cancelled", "lost"}

    def _submit(self, node: str) -> Future:
        if node in self._futures:
            return self._futures[node]
        # A key is used once: Dask remembers what became of it, also for other clients.
        key = f"{node}-{uuid.uuid4().hex}"
        if node in self._graph.data:
            # As a task and not scattered: Dask can do it again when the worker that has it dies.
            future: Any = self._client.submit(_given, self._graph.data[node], key=key, pure=False)
        else:
            call = self._graph.nodes[node]
            future = self._client.submit(
                duties.call,
                self._workshop,
                self._threads,
                key if self._announce else "",
                call.function,
                *(self._argument(argument) for argument in call.arguments),
                key=key,
                pure=False,
            )
        self._futures[node] = future
        self._nodes[key] = node
        return future

    def _argument(self, argument: Any) -> Any:
        if isinstance(argument, Ref):
            return self._submit(argument.key)
        if isinstance(argument, tuple):
            return [self._argument(part) for part in argument]
        return argument


def _given(dataset: Dataset) -> Dataset:
    return dataset
