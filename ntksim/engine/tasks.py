"""The work of a study as pure functions: each is one Dask task.

A task that fails returns a ``Failure`` instead of raising: those that need its result pass it on,
and the cell at the end records it. Nothing here knows where it runs.
"""

from __future__ import annotations

import platform
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ntksim.engine.answers import require_evolution, selected
from ntksim.engine.finite import (
    require_finite,
    require_kernels,
    require_training_kernels,
    watched_underflow,
    within_range,
)
from ntksim.engine.names import add_names
from ntksim.engine.sharing import read_only
from ntksim.engine.threads import current_limit, limit_threads
from ntksim.engine.tiles import place_for, tiled_operators
from ntksim.engine.workshop import Workshop
from ntksim.linalg import eigendecomposition, flatten_kernel
from ntksim.registry.answers import require_answer
from ntksim.store.cells import CellRecord
from ntksim.store.labels import LABELS
from ntksim.study import CellTask
from ntksim.types import (
    Array,
    Dataset,
    Evolution,
    FinishedCell,
    KernelBlocks,
    KernelOperators,
    Problem,
    Spectrum,
)

R = TypeVar("R")

LONGEST_MESSAGE = 2000
"""Characters of an exception's message that are kept; some quote whole arrays."""


@dataclass(frozen=True)
class Failure:
    """Why a task has no result."""

    message: str
    traceback: str


@dataclass(frozen=True)
class InitialOutputs:
    """Outputs of the untrained network: f0 on training (N, K) and test points (M, K)."""

    train: Array
    test: Array


@dataclass(frozen=True)
class Training:
    """What came of training a network, and how many seconds that took."""

    evolution: Evolution
    seconds: float


def attempt(function: Callable[..., R], *arguments: Any) -> R | Failure:
    """Call, and return a ``Failure`` for an exception or for an argument that is one."""
    for argument in arguments:
        if isinstance(argument, Failure):
            return argument
    try:
        return function(*arguments)
    except (Exception, SystemExit) as error:  # whatever a plugin does, others go on
        if _is_death(error):
            raise
        return Failure(described(error), traceback.format_exc())


def _is_death(error: BaseException) -> bool:
    """Whether a worker died over a part of the task: whose fault that is the supervisor finds out.

    Where nothing runs on a cluster there is no such error, and nothing of it is imported.
    """
    scheduler = sys.modules.get("distributed.scheduler")
    return scheduler is not None and isinstance(error, scheduler.KilledWorker)


def described(error: BaseException) -> str:
    """Return the type, the message and the notes of an exception, whatever its class does."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - a stranger's __str__
        message = "its message cannot be shown"
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    return f"{type(error).__name__}: {message[:LONGEST_MESSAGE]}{notes}"


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


def initial_outputs(workshop: Workshop, task: CellTask, dataset: Dataset) -> InitialOutputs:
    """Evaluate the untrained network of a cell."""
    model = workshop.model(task)
    doing = "evaluating the network"
    with workshop.architecture_offer(task).blamed(doing), within_range(doing):
        outputs = InitialOutputs(
            model.network.apply(model.params, dataset.x_train),
            model.network.apply(model.params, dataset.x_test),
        )
        for value in (outputs.train, outputs.test):
            require_answer("apply", value, np.ndarray, "an array of outputs (N, K)")
        require_finite("output of the untrained network on training points", outputs.train)
        require_finite("output of the untrained network on test points", outputs.test)
        return read_only(outputs)


def training(
    workshop: Workshop, task: CellTask, dataset: Dataset, initial: InitialOutputs | None
) -> Training:
    """Solve with the network of a cell alone, whatever kernels are measured beside it."""
    start = time.perf_counter()
    problem, times = _problem(workshop, task, dataset, None, None, initial, None)
    evolution = _evolution(workshop, task, problem, times)
    return Training(evolution, time.perf_counter() - start)


def trainings(
    workshop: Workshop, members: Sequence[CellTask], dataset: Dataset
) -> dict[str, Training | Failure]:
    """Solve with the networks of several cells together, by the keys of their trainings.

    What fails together is tried one by one, so that who is at fault fails alone.
    """
    start = time.perf_counter()
    given = [attempt(_given, workshop, task, dataset) for task in members]
    problems = [problem for problem in given if isinstance(problem, Problem)]
    offer, solver = workshop.solver(members[0])
    times = np.array(members[0].times, dtype=np.float64)
    with offer.blamed("solving"), within_range("solving"):
        answers = attempt(solver.evolve_many, problems, times)
    if not isinstance(answers, list) or len(answers) != len(problems):
        alone = partial(attempt, _trained_alone, workshop)
        return {str(task.training_key): alone(task, dataset) for task in members}
    seconds = (time.perf_counter() - start) / len(members)
    left = iter(zip(problems, answers, strict=True))
    found: dict[str, Training | Failure] = {}
    for task, problem in zip(members, given, strict=True):
        if isinstance(problem, Failure):
            found[str(task.training_key)] = problem
        else:
            result = attempt(_accepted, workshop, task, *next(left), times, seconds)
            found[str(task.training_key)] = result
    return found


def member(found: Mapping[str, Training | Failure], key: str) -> Training | Failure:
    """Return the training of one network of those that were trained together."""
    return found[key]


def _given(workshop: Workshop, task: CellTask, dataset: Dataset) -> Problem:
    starts = task.initial_output_key is not None
    initial = initial_outputs(workshop, task, dataset) if starts else None
    return _problem(workshop, task, dataset, None, None, initial, None)[0]


def _trained_alone(workshop: Workshop, task: CellTask, dataset: Dataset) -> Training:
    start = time.perf_counter()
    problem = _given(workshop, task, dataset)
    evolution = _evolution(workshop, task, problem, np.array(task.times, dtype=np.float64))
    return Training(evolution, time.perf_counter() - start)


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
        problem, times = _problem(
            workshop, task, dataset, blocks, decomposition, initial, operators
        )
        if training is None:
            evolution = _evolution(workshop, task, problem, times)
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
        times,
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


def _problem(
    workshop: Workshop,
    task: CellTask,
    dataset: Dataset,
    blocks: KernelBlocks | None,
    decomposition: Spectrum | None,
    initial: InitialOutputs | None,
    operators: KernelOperators | None,
) -> tuple[Problem, Array]:
    """Return what the solver of a cell is given: the problem, and the times."""
    problem = Problem(
        x_train=dataset.x_train,
        y_train=dataset.y_train,
        x_test=dataset.x_test,
        f0_train=np.zeros_like(dataset.y_train) if initial is None else initial.train,
        f0_test=np.zeros(dataset.y_test.shape) if initial is None else initial.test,
        zero_initial_output=task.zero_initial_output,
        kernels=blocks,
        spectrum=decomposition,
        model=workshop.model(task),
        extras=task.extras,
        operators=operators,
    )
    return problem, np.array(task.times, dtype=np.float64)


def _evolution(workshop: Workshop, task: CellTask, problem: Problem, times: Array) -> Evolution:
    offer, solver = workshop.solver(task)
    with offer.blamed("solving"), within_range("solving"):
        evolution = solver.evolve(problem, times)
        require_evolution(evolution, problem, times)
    return read_only(evolution)


def _accepted(
    workshop: Workshop,
    task: CellTask,
    problem: Problem,
    answer: Any,
    times: Array,
    seconds: float,
) -> Training:
    """Return a solver's answer, or raise what it is if that is an error, or if it is wrong."""
    offer, _ = workshop.solver(task)
    with offer.blamed("solving"), within_range("solving"):
        if isinstance(answer, Exception):
            raise answer
        require_evolution(answer, problem, times)
        return Training(read_only(answer), seconds)
