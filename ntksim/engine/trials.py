"""How long solvers say that they need, asked before they are run."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import suppress

from ntksim.engine.solving import problem_of, times_of
from ntksim.engine.threads import limited_threads
from ntksim.engine.workshop import Workshop
from ntksim.study import CellTask
from ntksim.types import Dataset

MOST_SECONDS = 1.0
"""After this time no further solver is asked; for what is left its last answer is scaled."""


def seconds_of_training(
    workshop: Workshop,
    tasks: Collection[CellTask],
    datasets: Mapping[str, Dataset],
    parameters: Mapping[str, int],
) -> dict[str, float]:
    """Return how many seconds cells take at most, by key; nothing of those of whom it is unknown.

    Of cells that differ in the seed alone one is asked about, from the smallest to the largest
    network until the time is up. The others are taken to need the more the more ``parameters``
    they have. What goes wrong in a plugin the run will say.
    """
    start = time.monotonic()
    found: dict[str, float] = {}
    answers: dict[tuple[object, ...], float | None] = {}
    rates: dict[tuple[object, ...], float] = {}
    for task in sorted(tasks, key=lambda task: parameters.get(task.key, 0)):
        kind = (task.solver, task.dataset, task.model.architecture, task.times)
        size = max(1, parameters.get(task.key, 0))
        alike = (*kind, task.model.width)
        if alike not in answers and (kind not in rates or time.monotonic() - start < MOST_SECONDS):
            answers[alike] = _asked(workshop, task, datasets[task.dataset])
        seconds = answers[alike] if alike in answers else rates[kind] * size
        if seconds is not None:
            found[task.key] = seconds
            rates[kind] = seconds / size
    return found


def _asked(workshop: Workshop, task: CellTask, dataset: Dataset) -> float | None:
    with suppress(Exception), limited_threads(1):
        _, solver = workshop.solver(task)
        return solver.most_seconds(problem_of(workshop, task, dataset), times_of(task))
    return None
