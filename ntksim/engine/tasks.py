"""The work of a study as pure functions: each is one Dask task.

A task that fails returns a ``Failure`` instead of raising: those that need its result pass it on,
and the cell at the end records it. Nothing here knows where it runs.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np

from ntksim.engine.answers import selected
from ntksim.engine.failures import Failure, attempt
from ntksim.engine.finite import (
    require_kernels,
    require_training_kernels,
    watched_underflow,
    within_range,
)
from ntksim.engine.names import add_names
from ntksim.engine.sharing import read_only
from ntksim.engine.solving import (
    InitialOutputs,
    Training,
    evolution_of,
    problem_of,
    times_of,
)
from ntksim.engine.threads import current_limit, limit_threads
from ntksim.engine.tiles import place_for, tiled_operators
from ntksim.engine.workshop import Workshop
from ntksim.linalg import eigendecomposition, flatten_kernel
from ntksim.store.cells import CellRecord
from ntksim.store.labels import LABELS
from ntksim.study import CellTask
from ntksim.types import (
    Array,
    Dataset,
    Evolution,
    FinishedCell,
    KernelBlocks,
    Spectrum,
)


def kernel_blocks(
    workshop: Workshop, task: CellTask, provider: Mapping[str, Any], dataset: Dataset
) -> KernelBlocks:
    """Compute the kernels of a cell's model on its data with one provider."""
    offer, source = workshop.kernel(provider)
    model = workshop.model(task)
    x, test, wanted = dataset.x_train, dataset.x_test, task.kernels_wanted
    with offer.blamed("computing kernels"), within_range("computing kernels"):
        with watched_underflow() as underflow:
            train = source.kernels_wanted(model, x, None, wanted)
        blocks = KernelBlocks(
            train=require_training_kernels(train, underflow),
            test_train=require_kernels(source.kernels_wanted(model, test, x, wanted)),
            test=(
                require_kernels(source.kernels_wanted(model, test, None, wanted))
                if task.needs_test_kernel
                else None
            ),
        )
        return read_only(blocks)


def kernel_tile(
    workshop: Workshop, threads: int | None, task: CellTask, x1: Array, x2: Array | None
) -> Array:
    """Compute the tangent kernel of a cell between some of its points, flattened to a matrix."""
    offer, source = workshop.kernel(task.kernel)
    model = workshop.model(task)
    if threads is not None:
        limit_threads(threads)
    with offer.blamed("computing a tile of the kernel"), within_range("computing kernels"):
        with watched_underflow() as underflow:
            kernels = require_kernels(source.kernels_wanted(model, x1, x2, ("ntk",)))
        if x2 is None and len(x1) > 1:  # one point alone may be small beside the others
            require_training_kernels(kernels, underflow)
        kernel = kernels.ntk if kernels.ntk_full is None else kernels.ntk_full
        if kernel is None:
            raise ValueError("the kernel provider returned no tangent kernel")
        return np.ascontiguousarray(flatten_kernel(kernel), dtype=np.float64)


def spectrum(blocks: KernelBlocks) -> Spectrum:
    """Decompose the training tangent kernel, the full one where it is kept."""
    train = blocks.train
    kernel = train.ntk_full if train.ntk_full is not None else train.ntk
    if kernel is None:
        raise ValueError("the kernel provider returned no tangent kernel")
    return read_only(eigendecomposition(kernel))


def cell(
    workshop: Workshop,
    task: CellTask,
    dataset: Dataset,
    blocks: KernelBlocks | Failure | None,
    decomposition: Spectrum | Failure | None,
    initial: InitialOutputs | Failure | None,
    training: Training | Failure | None,
    references: Sequence[KernelBlocks | Failure],
) -> CellRecord:
    """Solve one cell and measure what the study records; a failure becomes a failed record."""
    start = time.perf_counter()
    # Who trained the network did it for all that share it; each of them would have had to.
    before = training.seconds if isinstance(training, Training) else 0.0
    of_own = (dataset, blocks, decomposition, initial, training)
    result = attempt(_solved, workshop, task, *of_own, *references)
    if isinstance(result, tuple):
        evolution, variables, names = result
        seconds = before + time.perf_counter() - start
        info = _information(task.label, seconds) | {"note": evolution.note}
        info |= {LABELS: names} if names else {}
        result = attempt(CellRecord, task.key, "done", variables, info)
    if isinstance(result, Failure):
        seconds = before + time.perf_counter() - start
        return failed_record(task.key, result.message, result.traceback, task.label, seconds)
    return result


def failed_record(
    key: str, message: str, trace: str = "", label: str = "", seconds: float = 0.0
) -> CellRecord:
    """Return the record of a cell that has no result."""
    info = _information(label, seconds) | {"error": message, "traceback": trace}
    return CellRecord(key, "failed", {}, info)


def _information(label: str, seconds: float) -> dict[str, Any]:
    return {
        "wall_time": seconds,
        "host": platform.node(),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "label": label,
    }


def _solved(
    workshop: Workshop,
    task: CellTask,
    dataset: Dataset,
    blocks: KernelBlocks | None,
    decomposition: Spectrum | None,
    initial: InitialOutputs | None,
    training: Training | None,
    *references: KernelBlocks,
) -> tuple[Evolution, dict[str, np.ndarray], dict[str, list[str]]]:
    with ExitStack() as stack:
        operators = None
        if "operator" in task.needs:
            # Tiles are large and stay with the cell: they are not shared with others.
            make = partial(kernel_tile, workshop, current_limit(), task)
            rows = len(dataset.x_train) * len(make(dataset.x_train[:1], None))
            place = stack.enter_context(place_for(rows))
            operators = tiled_operators(make, dataset.x_train, dataset.x_test, place)
        problem = problem_of(
            workshop,
            task,
            dataset,
            blocks=blocks,
            decomposition=decomposition,
            initial=initial,
            operators=operators,
        )
        if training is None:
            evolution = evolution_of(workshop, task, problem)
        else:
            evolution = training.evolution
    problem = replace(problem, operators=None)
    variables: dict[str, np.ndarray] = {
        "diverged": np.array(evolution.diverged),
        "reached_time": evolution.reached,
    }
    finished = FinishedCell(
        dataset,
        problem,
        times_of(task),
        evolution,
        dict(zip(task.reference_labels, references, strict=True)),
    )
    names: dict[str, list[str]] = {}
    for recording in task.recordings:
        offer, diagnostic = workshop.diagnostic(recording.diagnostic)
        with offer.blamed("measuring"), within_range("measuring"):
            measured = selected(diagnostic, diagnostic.measure(finished), recording.variables)
            add_names(names, diagnostic, finished, measured)
            variables |= measured
    return evolution, variables, names
