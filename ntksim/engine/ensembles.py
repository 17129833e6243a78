"""Which networks of a study are trained together: seeds of one network, where that is faster."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress

from ntksim.engine.graph import Graph
from ntksim.engine.solving import problem_of, times_of
from ntksim.engine.threads import limited_threads
from ntksim.engine.workshop import Workshop
from ntksim.study import CellTask, Plan
from ntksim.types import Dataset, Solver

LONGEST = 60.0
"""Seconds that training together may take by the solver's own estimate: until it ends nothing of
it is stored, and Ctrl-C waits for it."""


def graph_of(plan: Plan, workshop: Workshop, cells: Sequence[str], workers: int | None) -> Graph:
    """Return the graph of cells, of whose networks some are trained together for so many workers.

    With ``None`` each is trained by itself.
    """
    together = {} if workers is None else ensembles(plan, workshop, cells, workers)
    if together:
        members = {cell: own for own in together.values() for cell in own}
        cells = interleaved(cells, members, workers or 1)
    return Graph(cells, plan.tasks.__getitem__, plan.datasets, workshop, together)


def ensembles(
    plan: Plan, workshop: Workshop, missing: Sequence[str], workers: int
) -> dict[str, tuple[str, ...]]:
    """Return by the key of each training that is done together with others a cell for each of them.

    So many are together that every worker has something to do, and not more than the solver says.
    """
    found: dict[str, tuple[str, ...]] = {}
    for trainings in _alike(plan, missing):
        keys = list(trainings)
        most = math.ceil(len(keys) / workers)
        if most > 1:
            task = trainings[keys[0]]
            most = min(most, _most(workshop, task, plan.datasets[task.dataset]))
        size = math.ceil(len(keys) / math.ceil(len(keys) / most))
        for start in range(0, len(keys), size):
            members = keys[start : start + size]
            if len(members) > 1:
                cells = tuple(trainings[key].key for key in members)
                found |= dict.fromkeys(members, cells)
    return found


def _alike(plan: Plan, missing: Sequence[str]) -> list[dict[str, CellTask]]:
    """Return trainings by their keys, those that differ in the seed alone in one mapping."""
    together = {
        index
        for index, value in enumerate(plan.study.axes["solver"])
        if type(value.value).evolve_many is not Solver.evolve_many
    }
    found: dict[tuple[object, ...], dict[str, CellTask]] = {}
    for cell in missing if together else ():
        position, _ = plan.tasks.first[cell]
        if position[-1] not in together:
            continue
        task = plan.tasks[cell]
        if task.training_key is not None:
            model = (task.model.architecture, task.model.width)
            kind = (task.dataset, *model, task.solver, task.extras)
            found.setdefault(kind, {}).setdefault(task.training_key, task)
    return list(found.values())


def _most(workshop: Workshop, task: CellTask, dataset: Dataset) -> int:
    """Return how many trainings like that of a cell are done together at most.

    What goes wrong in a plugin the run will say.
    """
    with suppress(Exception), limited_threads(1):
        _, solver = workshop.solver(task)
        problem = problem_of(workshop, task, dataset)
        most = int(solver.at_once(problem))
        if most > 1 and (seconds := solver.most_seconds(problem, times_of(task))):
            most = min(most, int(LONGEST / seconds))
        return max(1, most)
    return 1


def interleaved(
    cells: Sequence[str], training_of: Mapping[str, tuple[str, ...]], workers: int
) -> list[str]:
    """Return cells in an order in which all workers can begin with a training.

    ``training_of`` holds what is trained together with a cell, if anything is. Cells keep their
    order, but those of as many trainings as there are workers take turns.
    """
    numbers: dict[tuple[str, ...], int] = {}
    ranks: dict[tuple[str, ...], int] = {}
    places: dict[str, tuple[int, int, int]] = {}
    for cell in cells:
        members = training_of.get(cell, (cell,))
        number = numbers.setdefault(members, len(numbers))
        rank = ranks[members] = ranks.get(members, -1) + 1
        places[cell] = (number // workers, rank, number)
    return sorted(cells, key=places.__getitem__)
