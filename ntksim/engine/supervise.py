"""Running a graph on a Dask cluster whose workers may die.

Dask's own retries condemn innocent tasks that happened to share a worker with a poisonous one. So
few cells are in flight at a time, a cell whose worker died is tried again alone at the end, and
only a task that kills its worker again and again while alone is given up, with all the cells that
need it. The same happens to a task that takes too long.
"""

from __future__ import annotations

import asyncio
import queue
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ntksim.engine.cluster import Cluster, ClusterLost
from ntksim.engine.futures import Futures
from ntksim.engine.graph import Graph
from ntksim.engine.interrupt import Interrupt
from ntksim.engine.tasks import described, failed_record
from ntksim.engine.watch import Clock, Patience, Watch
from ntksim.engine.workshop import Workshop
from ntksim.store.cells import CellRecord

if TYPE_CHECKING:
    from distributed import Future

CELLS_IN_FLIGHT_PER_THREAD = 2
DEATHS_ALONE = 3
GATHER_SECONDS = 600.0
RECOUNT_SECONDS = 5.0

_OUT_OF_MEMORY = "worker-restart-memory"
"""Topic under which Dask says that it ends a worker for the memory that it uses."""


def run_on_cluster(
    cluster: Cluster,
    graph: Graph,
    workshop: Workshop,
    threads: int,
    interrupt: Interrupt,
    finished: Callable[[CellRecord], None],
    patience: Patience,
) -> None:
    """Compute all cells, handing each record to ``finished`` as soon as it is there.

    Raises
    ------
    ClusterLost
        If the scheduler goes away or the workers stop working; finished records are handed over.
    """
    import dask.config

    # Data are part of the graph, and Dask would warn that it is large.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PB"}):
        supervisor = _Supervisor(cluster, graph, workshop, threads, interrupt, finished, patience)
        for suspect in supervisor.work_off(list(graph.cells), supervisor.window):
            supervisor.try_alone(suspect)


class _Supervisor:
    def __init__(
        self,
        cluster: Cluster,
        graph: Graph,
        workshop: Workshop,
        threads: int,
        interrupt: Interrupt,
        finished: Callable[[CellRecord], None],
        patience: Patience,
    ) -> None:
        self.cluster = cluster
        self.graph = graph
        self.interrupt = interrupt
        self.finished = finished
        self.patience = patience
        is_timed = patience.task is not None
        self.futures = Futures(cluster.client, graph, workshop, threads, announce=is_timed)
        self.watch = Watch(cluster, patience)
        self.clock = Clock(cluster, patience.task)
        self.hopeless: dict[str, str] = {}
        self.deaths: Counter[str] = Counter()
        self.killed: dict[str, tuple[str, bool]] = {}
        self.out_of_memory: set[str] = set()
        cluster.client.subscribe_topic(_OUT_OF_MEMORY, self._hear)
        # A cell that waits behind one that takes too long would be taken for an accomplice.
        self.per_thread = 1 if is_timed else CELLS_IN_FLIGHT_PER_THREAD
        self.counted = -RECOUNT_SECONDS
        self.threads = 1

    def window(self) -> int:
        """Return how many cells may be in flight; workers may come and go."""
        now = time.monotonic()
        if now - self.counted > RECOUNT_SECONDS:
            self.threads = max(1, self.watch.threads() or self.threads)
            self.counted = now
        return self.per_thread * self.threads

    def work_off(self, cells: list[str], window: Callable[[], int]) -> list[str]:
        """Compute cells, at most ``window`` at a time; return those whose worker died."""
        self.futures.expect(cells)
        waiting = deque(cells)
        done: queue.SimpleQueue[str] = queue.SimpleQueue()
        in_flight: dict[str, Future] = {}
        suspects: list[str] = []
        while waiting or in_flight:
            if self.interrupt.requested:
                waiting.clear()
            while waiting and len(in_flight) < window():
                key = waiting.popleft()
                if self._give_up(key):
                    continue
                in_flight[key] = self.futures.submit(key)
                in_flight[key].add_done_callback(lambda _, key=key: done.put(key))
            try:
                key = done.get(timeout=self.patience.look) if in_flight else ""
            except queue.Empty:
                self.watch.look()
                key = ""
            if (future := in_flight.get(key)) is not None and future.done():
                self.watch.reset()
                del in_flight[key]
                if record := self._record(key, future):
                    self.finished(record)
                else:
                    suspects.append(key)
                self.futures.release(key)
            self._stop_overdue(in_flight)
        return suspects

    def try_alone(self, suspect: str) -> None:
        """Compute a cell with nothing else to do, until its guilt or innocence is clear."""
        while not self.interrupt.requested and self.work_off([suspect], lambda: 1):
            node, for_memory = self.killed[suspect]
            self.deaths[node] += 1
            if for_memory:
                self.hopeless[node] = "MemoryError: its worker was ended for the memory it used"
            elif self.deaths[node] >= DEATHS_ALONE:
                self.hopeless[node] = (
                    f"the worker died {DEATHS_ALONE} times while computing this and nothing else"
                )

    def _give_up(self, cell: str) -> bool:
        """Record the failure of a cell that needs something hopeless, and say whether it does."""
        for node in self.graph.closure(cell) & self.hopeless.keys():
            part = "" if node == self.graph.cells[cell] else f" ({_named(node)} that it shares)"
            seconds = self.patience.task or 0.0
            self.finished(failed_record(cell, f"{self.hopeless[node]}{part}", seconds=seconds))
            self.futures.release(cell)
            return True
        return False

    def _stop_overdue(self, in_flight: dict[str, Future]) -> None:
        """Give up the tasks that take too long, and end their workers."""
        for begun in self.clock.overdue():
            node = self.futures.node(begun.key)
            if node is None or not self.futures.is_pending(node):
                continue
            self.hopeless[node] = f"TimeoutError: it took longer than {self.patience.task:g} s"
            for cell in list(in_flight):
                if self._give_up(cell):
                    del in_flight[cell]
            self.futures.drop(node)
            self.cluster.kill(begun.worker, begun.process)

    def _record(self, key: str, future: Future) -> CellRecord | None:
        """Return the record of a cell that is finished, or ``None`` if its worker died."""
        from distributed import KilledWorker

        was_raised = future.status == "error"
        try:
            return future.result(timeout=GATHER_SECONDS)
        except KilledWorker as death:
            node = self.futures.node(death.task) or self.graph.cells[key]
            self.killed[key] = (node, death.last_worker.address in self.out_of_memory)
            return None
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - recorded or lost
            if not was_raised:
                raise ClusterLost(f"the Dask cluster has lost a result ({error})") from None
            return failed_record(key, described(error), traceback.format_exc())

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        _, said = event
        self.out_of_memory.add(str(said["worker"]))


def _named(node: str) -> str:
    kind = node.partition("-")[0]
    names = {"dataset": "the data", "initial": "the initial outputs"}
    return names.get(kind, f"the {kind}")
