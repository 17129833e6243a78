"""Running a study: what is missing is computed, journalled, and collected into the store."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ntksim.engine.events import CellFinished, Collecting, Event, Listener, RunStarted, Warned
from ntksim.engine.graph import Graph, build_graph
from ntksim.engine.inprocess import run_in_process
from ntksim.engine.interrupt import Interrupt, graceful_interrupt
from ntksim.engine.provenance import store_plan
from ntksim.engine.threads import available_cores
from ntksim.engine.workshop import Workshop
from ntksim.store import (
    CellRecord,
    Journal,
    Places,
    StoreUnusable,
    belongs_to,
    writer_lock,
)
from ntksim.store.identity import require_readable
from ntksim.study import Plan, Study, load_study, plan_cells

if TYPE_CHECKING:
    from ntksim.store.collect import Collected

COLLECT_SHARE = 0.1
"""Largest part of a run's time that is spent on collecting before the end."""

CLUSTER_ATTEMPTS = 3


@dataclass(frozen=True)
class RunSummary:
    """How a run ended.

    ``computed`` and ``reused`` count distinct computations, of which positions of the grid can
    share one; ``counts`` are numbers of positions by status.
    """

    store: Path
    computed: int
    reused: int
    counts: Mapping[str, int]
    interrupted: bool
    seconds: float

    @property
    def is_complete(self) -> bool:
        """Whether every cell that can be computed is stored."""
        return not (self.counts.get("failed") or self.counts.get("missing") or self.interrupted)


def ignore(event: Event) -> None:
    """Listen to nothing."""
    del event


def run(
    study: Study | str | Path,
    *,
    store: str | Path | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    threads: int = 1,
    memory: int | None = None,
    retry_failed: bool = False,
    listener: Listener = ignore,
) -> RunSummary:
    """Run a study, or what is still missing of it.

    Parameters
    ----------
    study
        A study, or the path of its YAML file.
    store
        Where the results go; by default what the study says, relative to the current directory.
    workers
        Processes on this machine; with 1 everything happens in this process.
    scheduler
        Address of a ``distributed`` scheduler to use instead.
    threads
        Threads of numerical libraries in each worker. Results are bitwise the same for any number
        of workers, but not for another number of threads.
    memory
        Bytes that all local workers may use together.
    retry_failed
        Compute cells again that failed before.
    listener
        Called with each ``Event``.

    Raises
    ------
    StudyError
        If the study is wrong; nothing was computed.
    StoreInUse, StoreUnusable
        If the store is being written by another run, belongs to another study, or is damaged.
    """
    start = time.monotonic()
    study = load_study(study) if not isinstance(study, Study) else study
    _check_workers(workers, threads, scheduler)
    plan = plan_cells(study)
    path = Path(store if store is not None else study.store).absolute()
    with writer_lock(path):
        output = _Output(study, plan, path, listener)
        missing = output.missing(retry_failed)
        workshop = Workshop.of(study.registry)
        graph = build_graph((plan.tasks[key] for key in missing), plan.datasets, workshop)
        for warning in plan.warnings:
            listener(Warned(warning))
        listener(RunStarted(len(plan.cells), len(missing), len(plan.tasks) - len(missing), workers))
        output.expected = len(missing)
        with graceful_interrupt() as interrupt:
            try:
                if missing:
                    _compute(graph, output, interrupt, workers, scheduler, threads, memory)
            except KeyboardInterrupt:
                interrupt.requested = True
            finally:
                collected = output.collect()
    return RunSummary(
        store=path,
        computed=output.finished,
        reused=len(plan.tasks) - len(missing),
        counts=collected.counts,
        interrupted=interrupt.requested,
        seconds=time.monotonic() - start,
    )


class _Output:
    """The journal and the store of a run: takes finished records, and collects now and then."""

    def __init__(self, study: Study, plan: Plan, path: Path, listener: Listener) -> None:
        self.plan = plan
        self.path = path
        self.listener = listener
        self.layout = store_plan(study, plan)
        self.journal = Journal(Places.of(path).journal)
        self.expected = 0
        self.finished = 0
        self.collecting = 0.0
        self.started = time.monotonic()
        self._open(study)

    def _open(self, study: Study) -> None:
        from ntksim.store.adopt import adopt
        from ntksim.store.swap import recover

        recover(self.path)
        identity = belongs_to(self.path)
        if identity is None:
            return
        require_readable(identity, self.path)
        if identity.study != study.name:
            raise StoreUnusable(
                f"{self.path} holds the study '{identity.study}', not '{study.name}'; give another "
                "path with --store, or move that store away"
            )
        self.journal.sweep()
        adopt(self.path, self.journal)

    def missing(self, retry_failed: bool) -> list[str]:
        """Return the keys that have no record, and with ``retry_failed`` those that failed."""
        stored = self.journal.keys()
        return [
            key
            for key in self.plan.tasks
            if key not in stored or (retry_failed and self.journal.status(key) == "failed")
        ]

    def take(self, record: CellRecord) -> None:
        """Journal a finished record."""
        self.journal.write(record)
        self.finished += 1
        self.listener(
            CellFinished(
                key=record.key,
                label=self.plan.tasks[record.key].label,
                seconds=float(record.info.get("wall_time", 0.0)),
                finished=self.finished,
                missing=self.expected,
                error=record.info.get("error", ""),
            )
        )
        elapsed = time.monotonic() - self.started
        if self.finished < self.expected and self.collecting < COLLECT_SHARE * elapsed - 5.0:
            self.collect()

    def collect(self) -> Collected:
        """Bring the store up to date with the journal."""
        from ntksim.store.collect import collect

        start = time.monotonic()
        self.listener(Collecting(str(self.path)))
        collected = collect(self.layout, self.journal, self.path)
        self.collecting += time.monotonic() - start
        return collected


def _compute(
    graph: Graph,
    output: _Output,
    interrupt: Interrupt,
    workers: int,
    scheduler: str | None,
    threads: int,
    memory: int | None,
) -> None:
    if workers == 1 and scheduler is None:
        run_in_process(graph, threads, interrupt, output.take)
        return
    from ntksim.engine.cluster import local_cluster, remote_cluster
    from ntksim.engine.supervise import ClusterLost, run_on_cluster

    for attempt in range(1, CLUSTER_ATTEMPTS + 1):
        cluster = (
            remote_cluster(scheduler)
            if scheduler is not None
            else local_cluster(workers, threads, memory)
        )
        done = output.journal.keys()
        remaining = Graph(
            graph.nodes, graph.data, {k: v for k, v in graph.cells.items() if k not in done}
        )
        try:
            with cluster as client:
                run_on_cluster(client, remaining, threads, interrupt, output.take)
            return
        except ClusterLost as loss:
            output.listener(Warned(f"{loss} (attempt {attempt} of {CLUSTER_ATTEMPTS})"))


def _check_workers(workers: int, threads: int, scheduler: str | None) -> None:
    if workers < 1 or threads < 1:
        raise ValueError(f"workers and threads must be at least 1, not {workers} and {threads}")
    cores = available_cores()
    if scheduler is None and workers * threads > cores:
        raise ValueError(
            f"{workers} workers of {threads} threads are more than this machine's {cores} cores"
        )
