"""Solving: what a solver is given, and what it answers; networks alone or several together."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ntksim.engine.answers import require_evolution
from ntksim.engine.failures import Failure, attempt
from ntksim.engine.finite import require_finite, within_range
from ntksim.engine.sharing import read_only
from ntksim.engine.workshop import Workshop
from ntksim.registry.answers import require_answer
from ntksim.study import CellTask
from ntksim.types import (
    Array,
    Dataset,
    Evolution,
    KernelBlocks,
    KernelOperators,
    Problem,
    Spectrum,
)


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
    problem = problem_of(workshop, task, dataset, initial=initial)
    evolution = evolution_of(workshop, task, problem)
    return Training(evolution, time.perf_counter() - start)


def trainings(
    workshop: Workshop, members: Sequence[CellTask], dataset: Dataset
) -> dict[str, Training | Failure]:
    """Solve with the networks of several cells together, by the keys of their trainings.

    What fails together is tried one by one, so that who is at fault fails alone.
    """
    start = time.perf_counter()
    starts = [attempt(_start, workshop, task, dataset) for task in members]
    given = [
        attempt(partial(problem_of, initial=initial), workshop, task, dataset)
        if not isinstance(initial, Failure)
        else initial
        for task, initial in zip(members, starts, strict=True)
    ]
    problems = [problem for problem in given if isinstance(problem, Problem)]
    _, solver = workshop.solver(members[0])
    with within_range("solving"):
        answers = attempt(solver.evolve_many, problems, times_of(members[0]))
    if not isinstance(answers, list) or len(answers) != len(problems):
        return {
            str(task.training_key): attempt(training, workshop, task, dataset, initial)
            for task, initial in zip(members, starts, strict=True)
        }
    seconds = (time.perf_counter() - start) / len(members)
    left = iter(answers)
    return {
        str(task.training_key): problem
        if isinstance(problem, Failure)
        else attempt(_accepted, workshop, task, problem, next(left), seconds)
        for task, problem in zip(members, given, strict=True)
    }


def member(found: Mapping[str, Training | Failure], key: str) -> Training | Failure:
    """Return the training of one network of those that were trained together."""
    return found[key]


def _start(workshop: Workshop, task: CellTask, dataset: Dataset) -> InitialOutputs | None:
    """Return the outputs from which a cell starts, if that is not 0."""
    if task.initial_output_key is None:
        return None
    return initial_outputs(workshop, task, dataset)


def problem_of(
    workshop: Workshop,
    task: CellTask,
    dataset: Dataset,
    *,
    blocks: KernelBlocks | None = None,
    decomposition: Spectrum | None = None,
    initial: InitialOutputs | None = None,
    operators: KernelOperators | None = None,
) -> Problem:
    """Return what the solver of a cell is given; without ``initial`` outputs it starts from 0."""
    return Problem(
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


def times_of(task: CellTask) -> Array:
    """Return the times of a cell."""
    return np.array(task.times, dtype=np.float64)


def evolution_of(workshop: Workshop, task: CellTask, problem: Problem) -> Evolution:
    """Solve a problem with the solver of a cell."""
    offer, solver = workshop.solver(task)
    times = times_of(task)
    with offer.blamed("solving"), within_range("solving"):
        evolution = solver.evolve(problem, times)
        require_evolution(evolution, problem, times)
    return read_only(evolution)


def _accepted(
    workshop: Workshop, task: CellTask, problem: Problem, answer: Any, seconds: float
) -> Training:
    """Return a solver's answer, or raise what it is if that is an error, or if it is wrong."""
    offer, _ = workshop.solver(task)
    with offer.blamed("solving"), within_range("solving"):
        if isinstance(answer, Exception):
            raise answer
        require_evolution(answer, problem, times_of(task))
        return Training(read_only(answer), seconds)
