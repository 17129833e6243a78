"""Running a graph on a Dask cluster whose workers may die.

Dask's own retries condemn innocent tasks that happened to share a worker with a poisonous one. So
few cells are in flight at a time, a cell whose worker died is tried again alone at the end, and
only a cell that kills its worker while alone is recorded as failed.
"""

from __future__ import annotations

import queue
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ntksim.engine.graph import Graph, Ref
from ntksim.engine.interrupt import Interrupt
from ntksim.store.cells import CellRecord

if TYPE_CHECKING:
    from distributed import Client, Future

CELLS_IN_FLIGHT_PER_THREAD = 2
TICK = 2.0
STALLED_AFTER = 60.0


class ClusterLost(Exception):  # noqa: N818 - reads as the sentence that it is
    """The cluster is gone or does nothing although there is work."""


def run_on_cluster(
    client: Client,
    graph: Graph,
    threads: int,
    interrupt: Interrupt,
    finished: Callable[[CellRecord], None],
) -> None:
    """Compute all cells, handing each record to ``finished`` as soon as it is there.

    Raises
    ------
    ClusterLost
        If the scheduler goes away or the workers stop working; finished records are handed over.
    """
    run = _Run(client, graph, threads)
    suspects = run.work_off(list(graph.cells), run.window, interrupt, finished)
    for suspect in suspects:
        if interrupt.requested:
            return
        if run.work_off([suspect], 1, interrupt, finished):
            finished(_condemned(suspect))


def _condemned(key: str) -> CellRecord:
    error = "the worker died each time that it computed this cell, also with nothing else to do"
    return CellRecord(key, "failed", {}, {"error": error, "traceback": "", "wall_time": 0.0})


class _Run:
    """Futures in flight, and how many cells still need each."""

    def __init__(self, client: Client, graph: Graph, threads: int) -> None:
        self.client = client
        self.graph = graph
        self.threads = threads
        threads_of: Any = client.nthreads()
        self.window = CELLS_IN_FLIGHT_PER_THREAD * max(1, sum(threads_of.values()))
        self.futures: dict[str, Future] = {}
        self.attempts: Counter[str] = Counter()

    def work_off(
        self,
        cells: list[str],
        window: int,
        interrupt: Interrupt,
        finished: Callable[[CellRecord], None],
    ) -> list[str]:
        """Compute cells, at most ``window`` at a time; return those whose worker died."""
        waiting = deque(cells)
        users = self._users(cells)
        done: queue.SimpleQueue[tuple[str, Future]] = queue.SimpleQueue()
        in_flight: set[str] = set()
        suspects: list[str] = []
        watch = _Watch(self.client)
        while waiting or in_flight:
            if interrupt.requested:
                waiting.clear()
            while waiting and len(in_flight) < window:
                key = waiting.popleft()
                in_flight.add(key)
                future = self._submit(self.graph.cells[key])
                future.add_done_callback(lambda future, key=key: done.put((key, future)))
            if not in_flight:
                break
            try:
                key, future = done.get(timeout=TICK)
            except queue.Empty:
                watch.look()
                continue
            watch.reset()
            in_flight.discard(key)
            record = self._record(key, future)
            if record is None:
                suspects.append(key)
            else:
                finished(record)
            self._release(self.graph.cells[key], users)
        return suspects

    def _users(self, cells: list[str]) -> Counter[str]:
        users: Counter[str] = Counter()
        for key in cells:
            users.update(self._closure(self.graph.cells[key]))
        return users

    def _closure(self, node: str) -> set[str]:
        found = {node}
        if node in self.graph.nodes:
            for needed in self.graph.nodes[node].needs:
                found |= self._closure(needed)
        return found

    def _submit(self, key: str) -> Future:
        if key in self.futures:
            return self.futures[key]
        if key in self.graph.data:
            future: Any = self.client.scatter(self.graph.data[key], hash=False)
        else:
            node = self.graph.nodes[key]
            arguments = [self._argument(argument) for argument in node.arguments]
            self.attempts[key] += 1
            future = self.client.submit(
                _bounded,
                self.threads,
                node.function,
                *arguments,
                key=f"{key}-{id(self)}-{self.attempts[key]}",
                pure=False,
            )
        self.futures[key] = future
        return future

    def _argument(self, argument: Any) -> Any:
        if isinstance(argument, Ref):
            return self._submit(argument.key)
        if isinstance(argument, tuple):
            return [self._argument(part) for part in argument]
        return argument

    def _record(self, key: str, future: Future) -> CellRecord | None:
        from distributed import KilledWorker

        try:
            return future.result(timeout=30)
        except KilledWorker:
            return None
        except Exception as error:  # noqa: BLE001 - recorded, whatever it is
            info = {"error": f"{type(error).__name__}: {error}", "traceback": "", "wall_time": 0.0}
            return CellRecord(key, "failed", {}, info)

    def _release(self, cell: str, users: Counter[str]) -> None:
        for key in self._closure(cell):
            users[key] -= 1
            if users[key] <= 0 or self._is_broken(key):
                future = self.futures.pop(key, None)
                if future is not None:
                    future.release()

    def _is_broken(self, key: str) -> bool:
        future = self.futures.get(key)
        return future is not None and future.status in {"error", "cancelled", "lost"}


class _Watch:
    """Notices a cluster that is gone, or idle although cells are in flight."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.idle_since: float | None = None

    def reset(self) -> None:
        self.idle_since = None

    def look(self) -> None:
        if self.client.status not in {"running", "connecting"}:
            raise ClusterLost("the Dask scheduler has gone away")
        try:
            processing: Any = self.client.processing()
            busy = any(processing.values())
        except (OSError, TimeoutError, ValueError):
            busy = False
        now = time.monotonic()
        if busy:
            self.idle_since = None
        elif self.idle_since is None:
            self.idle_since = now
        elif now - self.idle_since > STALLED_AFTER:
            raise ClusterLost(f"no worker has done anything for {STALLED_AFTER:.0f} seconds")


_limited: set[int] = set()


def _bounded(threads: int, function: Callable[..., Any], *arguments: Any) -> Any:
    # Once per process and for good: a context would lift the limit for tasks in other threads.
    if threads not in _limited:
        from threadpoolctl import threadpool_limits

        threadpool_limits(limits=threads)
        _limited.add(threads)
    return function(*arguments)
