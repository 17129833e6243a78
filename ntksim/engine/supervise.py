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
from functools import partial
from typing import TYPE_CHECKING, Any

from ntksim.engine.cluster import Cluster, ClusterLost
from ntksim.engine.dealing import Dealer
from ntksim.engine.failures import described
from ntksim.engine.futures import Futures
from ntksim.engine.graph import Graph
from ntksim.engine.interrupt import Interrupt
from ntksim.engine.tasks import failed_record
from ntksim.engine.watch import Clock, Patience, Watch
from ntksim.engine.workshop import Workshop
from ntksim.store.cells import CellRecord

if TYPE_CHECKING:
    from distributed import Future

TASKS_IN_FLIGHT_PER_THREAD = 2
"""While tasks are short: the next one is there when one ends. Of long ones none waits for a worker
that is busy while another one is not."""

SHORT_SECONDS = 0.2
"""Up to which a task is short: to wait for the next one takes some hundredths of it."""

FEW_PARTS = 2
"""Tasks with which a cell of few parts can begin: its kernel and its initial outputs."""

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
        if suspects := supervisor.work_off(list(graph.cells)):
            supervisor.take_apart()
        for suspect in suspects:
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
        self.dealer = Dealer()
        self.make_futures = partial(
            Futures,
            cluster.client,
            workshop=workshop,
            threads=threads,
            dealer=self.dealer,
            announce=self.is_timed,
        )
        self.futures = self.make_futures(graph=graph)
        self.watch = Watch(cluster, patience)
        self.clock = Clock(cluster, patience.task)
        # Why a node is given up, said of it by what it is to the cell, "" for the cell itself.
        self.hopeless: dict[str, Callable[[str], str]] = {}
        self.deaths: Counter[str] = Counter()
        self.killed: dict[str, tuple[str, bool]] = {}
        self.out_of_memory: set[str] = set()
        cluster.client.subscribe_topic(_OUT_OF_MEMORY, self._hear)
        # With a limit of time a cell that waits behind one would be taken for an accomplice.
        self.per_thread = 1
        self.together = 1
        self.counted = -RECOUNT_SECONDS
        self.threads = 1

    def window(self) -> int:
        """Return how many tasks may be in flight; workers may come and go."""
        now = time.monotonic()
        if now - self.counted > RECOUNT_SECONDS:
            if threads := self.watch.threads():
                self.dealer.know(threads)
                self.threads = sum(threads.values())
            self.counted = now
        return self.per_thread * self.threads

    def work_off(self, cells: list[str], *, alone: bool = False) -> list[str]:
        """Compute cells, ``alone`` one after the other; return those whose worker died.

        While there are enough cells for all threads each is one task, or several small ones are;
        the last ones have a task for each of their parts, so that workers share them, and so has
        one that is alone, so that its death has an author: one after the other.
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
            while waiting and len(in_flight) < (most := 1 if alone else self.window()):
                if self._give_up(waiting[0]):
                    waiting.popleft()
                    continue
                number = next(numbers)
                whole = not (alone or self.is_timed or self._is_late(waiting, in_flight))
                flight = in_flight[number] = (
                    self._start(waiting, most) if whole else self._start_parts(waiting, alone=alone)
                )
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

    def _is_late(self, waiting: deque[str], in_flight: Mapping[int, _Flight]) -> bool:
        """Whether threads would have nothing to do if the next cell were one task.

        Cells of few parts, which take as long on two workers as on one, count the others as well.
        """
        others = len(in_flight) if self.futures.branches(waiting[0]) <= FEW_PARTS else 0
        return len(waiting) + others < self.threads

    def _start_parts(self, waiting: deque[str], *, alone: bool) -> _Flight:
        """Submit the parts of the next cell, ``alone`` one after the other."""
        cell = waiting.popleft()
        submit = self.futures.submit_alone if alone else self.futures.submit
        return _Flight((cell,), submit(cell), is_chain=False)

    def _start(self, waiting: deque[str], most: int) -> _Flight:
        """Submit the next cells of those that wait, if ``most`` tasks may be in flight."""
        count = max(1, min(self.together, len(waiting) // (2 * most)))
        cells: list[str] = []
        while waiting and len(cells) < count:
            cell = waiting.popleft()
            if not self._give_up(cell):
                cells.append(cell)
        future = self.futures.submit_together(cells, SECONDS_TOGETHER)
        return _Flight(tuple(cells), future, is_chain=True)

    def take_apart(self) -> None:
        """Let every network be trained by itself from now on."""
        self.graph = self.graph.apart()
        self.futures = self.make_futures(graph=self.graph)
        self.futures.expect(self.graph.cells)

    def try_alone(self, suspect: str) -> None:
        """Compute a cell with nothing else to do, until its guilt or innocence is clear."""
        while not self.interrupt.requested and self.work_off([suspect], alone=True):
            node, for_memory = self.killed[suspect]
            self.deaths[node] += 1
            if for_memory:
                self.hopeless[node] = _ended_for_memory
            elif self.deaths[node] >= DEATHS_ALONE:
                self.hopeless[node] = _died_again_and_again

    def _give_up(self, cell: str) -> bool:
        """Record the failure of a cell that needs something hopeless, and say whether it does."""
        if not self.hopeless:
            return False
        for node in self.hopeless.keys() & set(self.graph.closure(cell)):
            is_own = not self.futures.is_shared(node)
            what = "" if is_own else f"{_named(node)} that it shares"
            seconds = self.patience.task or 0.0
            self.finished(failed_record(cell, self.hopeless[node](what), seconds=seconds))
            self.futures.release(cell)
            return True
        return False

    def _stop_overdue(self, in_flight: dict[int, _Flight]) -> None:
        """Give up the tasks that take too long, and end their workers."""
        for begun in self.clock.overdue():
            node = self.futures.node(begun.key)
            if node is None or not self.futures.is_pending(node):
                continue
            self.hopeless[node] = partial(_took_too_long, self.patience.task or 0.0)
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
        self.per_thread = TASKS_IN_FLIGHT_PER_THREAD if seconds < SHORT_SECONDS else 1
        if len(records) < len(flight.cells):
            self.together = len(records)
        elif 2 * seconds < SECONDS_TOGETHER:
            self.together = min(max(self.together, 2 * len(records)), MOST_TOGETHER)
        return records

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        _, said = event
        self.out_of_memory.add(str(said["worker"]))


def _ended_for_memory(what: str) -> str:
    return f"MemoryError: its worker was ended for the memory it used{what and f' for {what}'}"


def _died_again_and_again(what: str) -> str:
    doing = f"computing {what or 'this'} and nothing else"
    return f"the worker died {DEATHS_ALONE} times while {doing}"


def _took_too_long(seconds: float, what: str) -> str:
    return f"TimeoutError: {what or 'it'} took longer than {seconds:g} s"


def _named(node: str) -> str:
    kind = node.partition("-")[0]
    names = {"dataset": "the data", "initial": "the initial outputs"}
    return names.get(kind, f"the {kind}")
