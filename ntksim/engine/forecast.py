"""How long the missing cells of a study may take, before they are computed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

import numpy as np

from ntksim.study import CellTask
from ntksim.study.reference import Reference
from ntksim.types import Dataset

_SPECTRUM, _PASSES = 9.0, 6.0
"""Operations of an eigendecomposition over N³ (4.5 products), and of a forward and a backward pass
over parameters times points (three products)."""

_PROBE = 256


@dataclass(frozen=True)
class Forecast:
    """Seconds that one worker needs for the missing cells, and what is known of that.

    ``alike`` of the ``missing`` cells are like cells that are stored, whose times they are given;
    for the others only eigendecompositions and passes through finite networks are counted, so that
    ``seconds`` is then a lower bound. For them ``trained`` networks are trained really: their
    solvers say that this takes ``training`` seconds more, or less where it converges early;
    ``None`` if one of them does not say.
    """

    seconds: float
    missing: int
    alike: int
    trained: int = 0
    training: float | None = None

    def __str__(self) -> str:
        if not self.missing:
            return "nothing is to be computed"
        if self.alike == self.missing:
            return f"about {_readable(self.seconds)} on one worker, going by cells that are stored"
        known = f"; {self.alike} of {self.missing} cells go by ones that are stored"
        return (
            f"at least {_readable(self.seconds)} on one worker, counting linear algebra alone"
            f"{known if self.alike else ''}{self._training}"
        )

    @property
    def _training(self) -> str:
        if not self.trained:
            return ""
        networks = "1 network is" if self.trained == 1 else f"{self.trained} networks are"
        if self.training is None:
            return f"; {networks} trained step by step, which may take far longer"
        return (
            f"; {networks} trained step by step, which takes about "
            f"{_readable(self.training)} more if none converges early, going by the time of a step"
        )


def forecast(
    missing: Collection[CellTask],
    wall_times: Mapping[str, float],
    stored: Iterable[CellTask],
    datasets: Mapping[str, Dataset],
    parameters: Mapping[str, int],
    operations_per_second: float,
    training: Collection[Reference] = (),
    trial: Callable[[Collection[CellTask]], Mapping[str, float]] = lambda _: {},
) -> Forecast:
    """Estimate the time of missing cells from those that are stored, else from what they count.

    ``wall_times`` are seconds by key of stored cells, ``parameters`` the size of the finite network
    of each missing cell, 0 where it has none, ``training`` the solvers that train it really, and
    ``trial`` returns how many seconds that takes at most, by key of the cells of which it knows. A
    cell is like another that differs in the seed, else in the width as well.
    """
    known: dict[tuple[object, ...], list[float]] = {}
    for task in stored:
        if task.key in wall_times:
            for trait in _traits(task):
                known.setdefault(trait, []).append(wall_times[task.key])
    seconds, alike, counted, spectra = 0.0, 0, 0.0, set[str]()
    trained: dict[str, CellTask] = {}
    for task in missing:
        trait = next((trait for trait in _traits(task) if trait in known), None)
        if trait is not None:
            seconds += mean(known[trait])
            alike += 1
            continue
        if task.solver in training:
            trained.setdefault(task.training_key or task.key, task)
        data = datasets[task.dataset]
        n, m = len(data.x_train), len(data.x_test)
        counted += _PASSES * parameters.get(task.key, 0) * (n + m)
        if task.spectrum_key is not None and task.spectrum_key not in spectra:
            spectra.add(task.spectrum_key)
            counted += _SPECTRUM * float(n) ** 3
    told = trial(trained.values()) if trained else {}
    return Forecast(
        seconds + counted / operations_per_second,
        len(missing),
        alike,
        len(trained),
        sum(told.values()) if trained and len(told) == len(trained) else None,
    )


def measured_speed() -> float:
    """Return the operations a second of a product of two small matrices, the median of five."""
    matrix, product = np.ones((_PROBE, _PROBE)), np.empty((_PROBE, _PROBE))
    np.matmul(matrix, matrix, out=product)
    durations = []
    for _ in range(5):
        start = time.perf_counter()
        np.matmul(matrix, matrix, out=product)
        durations.append(time.perf_counter() - start)
    return 2.0 * _PROBE**3 / max(median(durations), 1e-9)


def _traits(task: CellTask) -> Sequence[tuple[object, ...]]:
    """Return what makes cells alike, from close to loose."""
    same = (task.dataset, task.model.architecture, task.kernel, task.solver, len(task.times))
    limit = math.isinf(task.model.width)
    return ((*same, task.model.width), (*same, limit))


def _readable(seconds: float) -> str:
    if seconds < 1:
        return "a second"
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            count = seconds / size
            return f"{count:.0f} {unit}" if count > 9 else f"{count:.2g} {unit}"
    return f"{seconds:.0f} s"
