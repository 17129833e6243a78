"""Running a graph on a Dask cluster whose workers may die.

Dask's own retries condemn innocent tasks that happened to share a worker with a poisonous one. So
few cells are in flight at a time, a cell whose worker died is tried again alone at the end, and
only a task that kills its worker again and again while alone is given up, with all the cells that
need it. The same happens to a task that takes too long.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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

TASKS_IN_FLIGHT_PER_THREAD = 2
SECONDS_TOGETHER = 0.1
"""A task of several cells begins no further one after this time."""

MOST_TOGETHER = 32
"""Cells that one task computes at most; a death of its worker makes all of them suspects."""

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


@dataclass(frozen=True)
class _Flight:
    """Cells that are computed by one task, as ``compute_cells`` does if it ``is_chain``."""

    cells: tuple[str, ...]
    future: Future
    is_chain: bool


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
        self.is_timed = patience.task is not None
        self.futures = Futures(cluster.client, graph, workshop, threads, announce=self.is_timed)
        self.watch = Watch(cluster, patience)
        self.clock = Clock(cluster, patience.task)
        self.hopeless: dict[str, str] = {}
        self.deaths: Counter[str] = Counter()
        self.killed: dict[str, tuple[str, bool]] = {}
        self.out_of_memory: set[str] = set()
        cluster.client.subscribe_topic(_OUT_OF_MEMORY, self._hear)
        # A cell that waits behind one that takes too long would be taken for an accomplice.
        self.per_thread = 1 if self.is_timed else TASKS_IN_FLIGHT_PER_THREAD
        self.together = 1
        self.counted = -RECOUNT_SECONDS
        self.threads = 1

    def window(self) -> int:
        """Return how many tasks may be in flight; workers may come and go."""
        now = time.monotonic()
        if now - self.counted > RECOUNT_SECONDS:
            self.threads = max(1, self.watch.threads() or self.threads)
            self.counted = now
        return self.per_thread * self.threads

    def work_off(self, cells: list[str], window: Callable[[], int]) -> list[str]:
        """Compute cells, at most ``window`` tasks at a time; return those whose worker died.

        While there are more than enough cells, small ones are computed together as one task; the
        last ones have a task for each of their parts, so that workers share them.
        """
        self.futures.expect(cells)
        waiting = deque(cells)
        done: queue.SimpleQueue[int] = queue.SimpleQueue()
        in_flight: dict[int, _Flight] = {}
        suspects: list[str] = []
        numbers = itertools.count()
        while waiting or in_flight:
            if self.interrupt.requested:
                waiting.clear()
            while waiting and len(in_flight) < (most := window()):
                if self._give_up(waiting[0]):
                    waiting.popleft()
                    continue
                number = next(numbers)
                flight = in_flight[number] = self._start(waiting, most)
                flight.future.add_done_callback(lambda _, number=number: done.put(number))
            try:
                number = done.get(timeout=self.patience.look) if in_flight else -1
            except queue.Empty:
                self.watch.look()
                number = -1
            if (flight := in_flight.get(number)) is not None and flight.future.done():
                self.watch.reset()
                del in_flight[number]
                records = self._records(flight)
                # Dask would compute again what is held when the worker that has it dies.
                flight.future.release()
                if records is None:
                    suspects += flight.cells
                    records = []
                else:
                    # Those that were not begun in time come next.
                    waiting.extendleft(reversed(flight.cells[len(records) :]))
                for record in records:
                    self.finished(record)
                for cell in flight.cells if not records else flight.cells[: len(records)]:
                    self.futures.release(cell)
            self._stop_overdue(in_flight)
        return suspects

    def _start(self, waiting: deque[str], most: int) -> _Flight:
        """Submit the next cells of those that wait, if ``most`` tasks may be in flight."""
        if self.is_timed or len(waiting) <= most:
            cell = waiting.popleft()
            return _Flight((cell,), self.futures.submit(cell), is_chain=False)
        count = max(1, min(self.together, len(waiting) // (2 * most)))
        cells: list[str] = []
        while waiting and len(cells) < count:
            cell = waiting.popleft()
            if not self._give_up(cell):
                cells.append(cell)
        future = self.futures.submit_together(cells, SECONDS_TOGETHER)
        return _Flight(tuple(cells), future, is_chain=True)

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
        if not self.hopeless:
            return False
        for node in self.hopeless.keys() & set(self.graph.closure(cell)):
            part = "" if node == self.graph.end(cell) else f" ({_named(node)} that it shares)"
            seconds = self.patience.task or 0.0
            self.finished(failed_record(cell, f"{self.hopeless[node]}{part}", seconds=seconds))
            self.futures.release(cell)
            return True
        return False

    def _stop_overdue(self, in_flight: dict[int, _Flight]) -> None:
        """Give up the tasks that take too long, and end their workers."""
        for begun in self.clock.overdue():
            node = self.futures.node(begun.key)
            if node is None or not self.futures.is_pending(node):
                continue
            self.hopeless[node] = f"TimeoutError: it took longer than {self.patience.task:g} s"
            for number, flight in list(in_flight.items()):
                if self._give_up(flight.cells[0]):  # with a limit of time each has one cell
                    del in_flight[number]
            self.futures.drop(node)
            self.cluster.kill(begun.worker, begun.process)

    def _records(self, flight: _Flight) -> list[CellRecord] | None:
        """Return the records of cells that are finished, or ``None`` if their worker died.

        There can be fewer than there are cells; the others were not begun.
        """
        from distributed import KilledWorker

        was_raised = flight.future.status == "error"
        try:
            result = flight.future.result(timeout=GATHER_SECONDS)
        except KilledWorker as death:
            for cell in flight.cells:
                node = self.futures.node(death.task) or self.graph.end(cell)
                self.killed[cell] = (node, death.last_worker.address in self.out_of_memory)
            return None
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - recorded or lost
            if not was_raised:
                raise ClusterLost(f"the Dask cluster has lost a result ({error})") from None
            trace = traceback.format_exc()
            return [failed_record(cell, described(error), trace) for cell in flight.cells]
        if not flight.is_chain:
            return [result]
        records, seconds = result
        if len(records) < len(flight.cells):
            self.together = len(records)
        elif 2 * seconds < SECONDS_TOGETHER:
            self.together = min(max(self.together, 2 * len(records)), MOST_TOGETHER)
        return records

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        _, said = event
        self.out_of_memory.add(str(said["worker"]))


def _named(node: str) -> str:
    kind = node.partition("-")[0]
    names = {"dataset": "the data", "initial": "the initial outputs"}
    return names.get(kind, f"the {kind}")
