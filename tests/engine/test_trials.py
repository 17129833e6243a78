"""How long training may take, which solvers are asked before it is done."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from ntksim.engine import run, trials
from ntksim.engine.forecast import Forecast
from ntksim.engine.workshop import Workshop
from ntksim.store import Journal, Places
from ntksim.study import CellTask, Plan, load_study, plan_cells
from ntksim.types import Dataset, Problem

from ntksim_builtin.architectures import Mlp
from ntksim_builtin.solvers import Eigh, NetworkGradientDescent
from running_studies import write_study


@dataclass(frozen=True)
class Clock:
    """A clock that is as late as it is told to be."""

    now: list[float]

    def monotonic(self) -> float:
        return self.now[0]


@dataclass
class Asked:
    """Answers to the question how long a cell takes, by its width."""

    answers: dict[float, float | None]
    clock: Clock
    seconds: float
    widths: ClassVar[list[float]] = []

    def __call__(self, workshop: Workshop, task: CellTask, dataset: Dataset) -> float | None:
        del workshop, dataset
        self.widths.append(task.model.width)
        self.clock.now[0] += self.seconds
        return self.answers[task.model.width]


@pytest.fixture
def planned(tmp_path: Path) -> tuple[Workshop, Plan]:
    study = load_study(
        write_study(tmp_path, solver="network_gradient_descent", width=[4, 8, 16], seed=[0, 1])
    )
    return Workshop.of(study.registry), plan_cells(study)


@pytest.fixture(autouse=True)
def nobody_asked() -> None:
    Asked.widths.clear()


def asked(
    planned: tuple[Workshop, Plan],
    monkeypatch: pytest.MonkeyPatch,
    answers: dict[float, float | None],
    seconds: float,
) -> dict[float, set[float]]:
    workshop, plan = planned
    clock = Clock([0.0])
    monkeypatch.setattr(trials, "time", clock)
    monkeypatch.setattr(trials, "_asked", Asked(answers, clock, seconds))
    tasks = list(plan.tasks.values())
    found = trials.seconds_of_training(workshop, tasks, plan.datasets, plan.tasks.parameters)
    told: dict[float, set[float]] = {}
    for key, value in found.items():
        told.setdefault(plan.tasks[key].model.width, set()).add(value)
    return told


def test_one_of_the_seeds_is_asked_about(planned, monkeypatch: pytest.MonkeyPatch) -> None:
    told = asked(planned, monkeypatch, {4: 1.0, 8: 2.0, 16: 3.0}, seconds=0.01)
    assert told == {4: {1.0}, 8: {2.0}, 16: {3.0}}
    assert Asked.widths == [4, 8, 16]


def test_what_there_is_no_time_for_is_scaled(planned, monkeypatch: pytest.MonkeyPatch) -> None:
    told = asked(planned, monkeypatch, {4: 1.0}, seconds=2 * trials.MOST_SECONDS)
    assert Asked.widths == [4]
    # A ReLU network with one input and appended one: 3 parameters a unit, and the output bias.
    assert told[8] == {25 * (1 / 13)}
    assert told[16] == {49 * (1 / 13)}


def test_who_does_not_know_says_nothing(planned, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(planned, monkeypatch, {4: None, 8: 2.0, 16: None}, 0.0) == {8: {2.0}}


def test_a_fault_of_a_solver_is_left_to_the_run(planned, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(*_: object) -> float:
        raise RuntimeError("torn")

    monkeypatch.setattr(NetworkGradientDescent, "most_seconds", torn)
    workshop, plan = planned
    tasks = list(plan.tasks.values())
    assert trials.seconds_of_training(workshop, tasks, plan.datasets, {}) == {}


def problem_of(width: int) -> Problem:
    from ntksim.types import Model, SeedTree

    x = np.random.default_rng(0).standard_normal((20, 3))
    model = Model(Mlp(depth=1).network((3,), 1), width, SeedTree(0))
    zeros = np.zeros((20, 1))
    return Problem(x, np.sin(x[:, :1]), x, zeros, zeros, False, model=model)


def test_the_longer_training_the_more_time() -> None:
    problem = problem_of(16)
    times = np.array([0.0, 10.0])
    # Steps of a tenth: a hundred of them; of a thousandth 10,000, of which few are allowed.
    tenth = NetworkGradientDescent(learning_rate=0.1).most_seconds(problem, times)
    thousandth = NetworkGradientDescent(learning_rate=0.001).most_seconds(problem, times)
    capped = NetworkGradientDescent(learning_rate=0.001, max_steps=10).most_seconds(problem, times)
    endless = NetworkGradientDescent(max_steps=10**9).most_seconds(problem, np.array([math.inf]))
    assert tenth is not None
    assert thousandth is not None
    assert capped is not None
    assert endless is not None
    # Factors of 100, 10, and 1e5 more: ten times each is left for what a step is measured as.
    assert capped < tenth < thousandth < endless


def test_a_solver_without_steps_says_nothing() -> None:
    assert Eigh().most_seconds(problem_of(4), np.array([1.0])) is None


def test_the_time_is_of_the_order_of_what_a_run_takes(tmp_path: Path) -> None:
    solver = {"name": "network_gradient_descent", "learning_rate": 1e-4, "tolerance": 1e-300}
    path = write_study(tmp_path, solver=solver, width=[64], seed=[0], time=[0, 1], record=["loss"])
    study = load_study(path)
    plan = plan_cells(study)
    tasks = list(plan.tasks.values())
    (told,) = trials.seconds_of_training(
        Workshop.of(study.registry), tasks, plan.datasets, plan.tasks.parameters
    ).values()
    assert run(study, store=tmp_path / "store.zarr").is_complete
    journal = Journal(Places.of(tmp_path / "store.zarr").journal)
    taken = float(journal.header(tasks[0].key).info["wall_time"])
    # 10,000 steps, none spared; on a busy machine either measurement can be several times off.
    assert taken / 20 < told < 20 * taken


def test_it_is_said_what_is_known_of_training() -> None:
    assert "which may take far longer" in str(Forecast(0.1, 3, 0, 2))
    assert "2 networks are trained step by step, which takes about 3 hours more" in str(
        Forecast(0.1, 3, 0, 2, 3 * 3600.0)
    )
    assert "1 network is trained step by step" in str(Forecast(0.1, 3, 0, 1, 5.0))
