"""Running a study: what is missing is computed, journalled, and collected into the store."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ntksim.engine.attempts import Attempts
from ntksim.engine.cluster import ClusterLost, NoScheduler, local_cluster, remote_cluster
from ntksim.engine.ensembles import graph_of
from ntksim.engine.events import Event, Interrupted, Listener, RunStarted, Warned
from ntksim.engine.graph import Graph
from ntksim.engine.inprocess import run_in_process
from ntksim.engine.interrupt import Interrupt, graceful_interrupt
from ntksim.engine.output import Output
from ntksim.engine.resources import Resources
from ntksim.engine.watch import Patience
from ntksim.engine.workshop import Workshop
from ntksim.store import writer_lock
from ntksim.study import Study, load_study, plan_cells

CLUSTER_ATTEMPTS = 3
"""Clusters that are tried one after the other without a single cell being finished."""


@dataclass(frozen=True)
class RunSummary:
    """How a run ended.

    ``computed`` and ``reused`` count distinct computations, of which positions of the grid can
    share one; ``counts`` are numbers of positions by status. ``unasked`` are stored
    computations that the study does not ask for: they stay beside the store, not in it.
    """

    store: Path
    computed: int
    reused: int
    counts: Mapping[str, int]
    interrupted: bool
    seconds: float
    unasked: int = 0

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
    cell_timeout: float | None = None,
    retry_failed: bool = False,
    recompute: bool = False,
    listener: Listener = ignore,
    stalled_after: float = 60.0,
) -> RunSummary:
    """Run a study, or what is still missing of it.

    Parameters
    ----------
    study
        A study, or the path of its YAML file.
    store
        Where the results go; by default what the study says, relative to the current directory.
    workers
        Processes on this machine; with 1 everything happens in this process, unless time or memory
        are limited.
    scheduler
        Address of a ``distributed`` scheduler to use instead.
    threads
        Threads of numerical libraries in each worker. Results are bitwise the same for any number
        of workers, but not for another number of threads.
    memory
        Bytes that all local workers may use together. A study with a cell that needs more than one
        worker's share, by a rough estimate, is refused; a cell that takes more fails.
    cell_timeout
        Seconds that a cell, or one piece of the work that it shares with others, may take; one that
        takes longer fails.
    retry_failed
        Compute cells again that failed before.
    recompute
        Go on with a store that was computed with other versions of the plugins; all cells that they
        have a part in are computed again.
    listener
        Called with each ``Event``.
    stalled_after
        Seconds after which a cluster that does nothing is given up and started anew.

    Raises
    ------
    StudyError
        If the study is wrong; nothing was computed.
    BadRequest
        If there are not enough cores or too little memory for what is asked for.
    NoScheduler
        If nothing answers at the address of the scheduler.
    StoreInUse, StoreUnusable
        If the store is being written by another run, belongs to another study or to other versions
        of the plugins, or is damaged.
    """
    start = time.monotonic()
    resources = Resources(workers, threads, memory, scheduler)
    study = load_study(study) if not isinstance(study, Study) else study
    plan = plan_cells(study, memory=resources.memory_of_one)
    path = Path(store if store is not None else study.store).absolute()
    patience = Patience(task=cell_timeout, cluster=stalled_after)
    workshop = Workshop.of(study.registry)
    with (
        writer_lock(path),
        closing(Output(study, plan, path, listener, recompute=recompute)) as output,
    ):
        missing = output.missing(retry_failed)
        reused = len(plan.tasks) - len(missing)
        for warning in plan.warnings:
            listener(Warned(warning))
        listener(RunStarted(len(plan.cells), len(missing), reused, workers))
        with graceful_interrupt(lambda: listener(Interrupted())) as interrupt:
            while True:
                output.expect(len(missing))
                try:
                    if missing:
                        together = _trains_together(output, resources, patience)
                        graph = graph_of(plan, workshop, missing, workers if together else None)
                        _compute(graph, workshop, output, interrupt, resources, patience)
                except KeyboardInterrupt:
                    interrupt.requested = True
                finally:
                    counts = output.collect()
                missing = [key for key in plan.tasks if key in output.lost - output.taken]
                if not missing or interrupt.requested:
                    break
    return RunSummary(
        store=path,
        computed=len(output.taken),
        reused=reused,
        counts=counts,
        interrupted=interrupt.requested,
        seconds=time.monotonic() - start,
        unasked=output.unasked,
    )


def _trains_together(output: Output, resources: Resources, patience: Patience) -> bool:
    """Whether networks may be trained together.

    Not where nobody knows how many workers there are, where each has a limit of time, and after a
    run that died, so that it shows whose fault that was.
    """
    is_known = resources.scheduler is None
    return is_known and patience.task is None and not output.places.attempts.exists()


def _compute(
    graph: Graph,
    workshop: Workshop,
    output: Output,
    interrupt: Interrupt,
    resources: Resources,
    patience: Patience,
) -> None:
    if resources.needs_cluster or patience.task is not None:
        _compute_on_cluster(graph, workshop, output, interrupt, resources, patience)
        return
    threads = resources.threads
    attempts = Attempts(output.places.attempts, graph)
    if suspects := attempts.suspects():
        output.listener(
            Warned(
                f"the last runs died while they computed {_listed(output, suspects)}; now a worker "
                "process does it"
            )
        )
        part = graph.without(set(graph.cells) - suspects)
        one = Resources(workers=1, threads=threads)
        _compute_on_cluster(part, workshop, output, interrupt, one, patience)
        attempts.survived(suspects & output.taken)
    with attempts:
        left = graph.without(suspects)
        run_in_process(left, workshop, threads, interrupt, output.take, attempts.begin)


def _listed(output: Output, cells: set[str]) -> str:
    labels = sorted(output.label(key) for key in cells)
    return f"{labels[0]}" if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} more cells"


def _compute_on_cluster(
    graph: Graph,
    workshop: Workshop,
    output: Output,
    interrupt: Interrupt,
    resources: Resources,
    patience: Patience,
) -> None:
    # distributed takes a second to import.
    from ntksim.engine.supervise import run_on_cluster

    threads = resources.threads
    connected = False
    failures = 0
    while failures < CLUSTER_ATTEMPTS and not interrupt.requested:
        before = len(output.taken)
        cluster = (
            remote_cluster(resources.scheduler)
            if resources.scheduler is not None
            else local_cluster(resources.workers, threads, resources.memory)
        )
        left = graph.without(output.taken)
        try:
            with cluster as connection:
                connected = True
                run_on_cluster(
                    connection, left, workshop, threads, interrupt, output.take, patience
                )
            return
        except ClusterLost as loss:
            failures = 1 if len(output.taken) > before else failures + 1
            output.listener(Warned(f"{loss} (attempt {failures} of {CLUSTER_ATTEMPTS})"))
        except NoScheduler as loss:
            if not connected:
                raise
            failures += 1
            output.listener(Warned(f"{loss} (attempt {failures} of {CLUSTER_ATTEMPTS})"))
