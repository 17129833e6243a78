"""Seeds of one network that are trained together, where the solver can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ntksim.engine import run
from ntksim.engine.ensembles import ensembles, graph_of, interleaved
from ntksim.engine.graph import Graph
from ntksim.engine.workshop import Workshop
from ntksim.store import Journal, Places
from ntksim.study import load_study, plan_cells
from ntksim.types import Array, Evolution, Problem

from ntksim_builtin.solvers import NetworkGradientDescent
from running_studies import lines, recorded, write_study

REAL = {"name": "network_gradient_descent", "learning_rate": 0.01}


def groups(
    folder: Path, workers: int = 1, stored: int = 0, **changes: Any
) -> list[list[tuple[float, int]]]:
    """Return widths and seeds of what is trained together, of a study of which some is stored."""
    study = load_study(write_study(folder, **({"solver": REAL, "time": [0, 1]} | changes)))
    plan = plan_cells(study)
    found = ensembles(plan, Workshop.of(study.registry), list(plan.tasks)[stored:], workers)
    for key, cells in found.items():
        assert key in {plan.tasks[cell].training_key for cell in cells}
    models = [[plan.tasks[cell].model for cell in cells] for cells in dict.fromkeys(found.values())]
    return [[(model.width, model.seed) for model in own] for own in models]


def test_seeds_of_one_network_are_together(tmp_path: Path) -> None:
    found = groups(tmp_path, seed=[0, 1, 2], width=[4, 8])
    assert found == [[(4, 0), (4, 1), (4, 2)], [(8, 0), (8, 1), (8, 2)]]


def test_what_is_stored_is_not_trained_again(tmp_path: Path) -> None:
    assert groups(tmp_path, seed=[0, 1, 2], width=[4], stored=1) == [[(4, 1), (4, 2)]]
    assert groups(tmp_path, seed=[0, 1, 2], width=[4], stored=2) == []


def test_every_worker_has_something_to_do(tmp_path: Path) -> None:
    found = groups(tmp_path, workers=2, seed={"count": 7}, width=[4])
    assert sorted(map(len, found)) == [3, 4]
    assert groups(tmp_path, workers=7, seed={"count": 7}, width=[4]) == []


def test_there_are_not_more_than_the_solver_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NetworkGradientDescent, "at_once", lambda *_: 4)
    found = groups(tmp_path, seed={"count": 9}, width=[4])
    # Three and three and three, not four and four and one.
    assert list(map(len, found)) == [3, 3, 3]


@pytest.mark.parametrize(("seconds", "sizes"), [(1.0, [9]), (15.0, [3, 3, 3]), (40.0, [])])
def test_it_does_not_take_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, sizes: list[int]
) -> None:
    # A minute for all of them: sixty, four, or one at a time.
    monkeypatch.setattr(NetworkGradientDescent, "most_seconds", lambda *_: seconds)
    assert list(map(len, groups(tmp_path, seed={"count": 9}, width=[4]))) == sizes


def test_other_solvers_and_large_networks_are_alone(tmp_path: Path) -> None:
    assert groups(tmp_path, solver="misbehaving", seed=[0, 1]) == []
    assert groups(tmp_path, solver={"name": "gradient_descent", "learning_rate": 0.1}) == []
    assert groups(tmp_path, width=[1_000_000], seed=[0, 1]) == []
    # Parameters are recorded: too many to be handed on.
    assert groups(tmp_path, seed=[0, 1], record=["loss", "parameters"]) == []


def test_trainings_take_turns() -> None:
    cells = ["a0", "a1", "b0", "b1", "x", "c0", "c1"]
    members = {cell: (cell[0] + "0", cell[0] + "1") for cell in cells if cell != "x"}
    assert interleaved(cells, members, 1) == cells
    assert interleaved(cells, members, 2) == ["a0", "b0", "a1", "b1", "x", "c0", "c1"]
    # More workers than trainings: the first of each, then the others.
    assert interleaved(cells, members, 9) == ["a0", "b0", "x", "c0", "a1", "b1", "c1"]


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many networks were trained at a time."""
    found: list[int] = []
    real = NetworkGradientDescent.evolve_many

    def counted(
        self: NetworkGradientDescent, problems: Sequence[Problem], times: Array
    ) -> list[Evolution | Exception]:
        found.append(len(problems))
        return real(self, problems, times)

    monkeypatch.setattr(NetworkGradientDescent, "evolve_many", counted)
    return found


STUDY = {"solver": REAL, "time": [0, 1], "seed": [0, 1, 2], "record": ["loss", "predictions"]}


@pytest.mark.parametrize("initial_output", ["zero", "network"])
def test_a_cell_has_the_same_bits_as_alone(
    tmp_path: Path, together: list[int], monkeypatch: pytest.MonkeyPatch, initial_output: str
) -> None:
    study = write_study(tmp_path, initial_output=initial_output, **STUDY)
    assert run(study, store=tmp_path / "together.zarr").counts == {"done": 6}
    assert together == [3, 3]
    monkeypatch.setattr(NetworkGradientDescent, "at_once", lambda *_: 1)
    assert run(study, store=tmp_path / "alone.zarr").counts == {"done": 6}
    assert together == [3, 3]
    assert recorded(tmp_path / "together.zarr") == recorded(tmp_path / "alone.zarr")


def trainings(graph: Graph) -> set[str]:
    keys = {key for cell in graph.cells for key in graph.closure(cell)}
    return {key for key in keys if key.startswith("trainings")}


def test_a_graph_is_taken_apart(tmp_path: Path) -> None:
    study = load_study(write_study(tmp_path, **STUDY))
    plan = plan_cells(study)
    cells, workshop = list(plan.tasks), Workshop.of(study.registry)
    graph = graph_of(plan, workshop, cells, 1)
    assert len(trainings(graph)) == 2
    assert trainings(graph.without({cells[0]})) == set()
    assert trainings(graph.apart()) == set()
    assert trainings(graph_of(plan, workshop, cells, None)) == set()


def errors(store: Path) -> Counter[str]:
    journal = Journal(Places.of(store).journal)
    keys = journal.keys()
    return Counter(str(journal.header(key).info.get("error", "")) for key in keys)


def test_who_fails_together_fails_alone(tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    solver = {"deed": "raise", "width": 4, "seed": 1, "tally": str(tally)}
    found = {}
    for name in ("misbehaving_together", "misbehaving"):
        study = write_study(tmp_path, solver=solver | {"name": name}, seed=[0, 1, 2])
        counts = run(study, store=tmp_path / f"{name}.zarr").counts
        assert counts == {"done": 5, "failed": 1}
        found[name] = errors(tmp_path / f"{name}.zarr")
    assert lines(tally).count("together 3") == 2
    said = {name: [e.replace("_together", "") for e in own if e] for name, own in found.items()}
    assert said["misbehaving_together"] == said["misbehaving"]
    assert "asked to raise" in said["misbehaving"][0]


@pytest.mark.parametrize("answer", [None, [], "raise"])
def test_a_solver_that_cannot_do_it_together_does_it_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    def torn(*_: object) -> object:
        if answer == "raise":
            raise RuntimeError("torn")
        return answer

    monkeypatch.setattr(NetworkGradientDescent, "evolve_many", torn)
    study = write_study(tmp_path, **STUDY)
    assert run(study, store=tmp_path / "torn.zarr").counts == {"done": 6}
    monkeypatch.undo()
    assert run(study, store=tmp_path / "whole.zarr").counts == {"done": 6}
    assert recorded(tmp_path / "torn.zarr") == recorded(tmp_path / "whole.zarr")


@pytest.mark.parametrize("deed", ["nan", "wide", "nothing"])
def test_a_wrong_answer_is_that_of_one(tmp_path: Path, deed: str) -> None:
    solver = {"name": "misbehaving_together", "deed": deed, "width": 4, "seed": 1}
    study = write_study(tmp_path, solver=solver, seed=[0, 1, 2])
    assert run(study, store=tmp_path / "one.zarr").counts == {"done": 5, "failed": 1}


@pytest.mark.workers
@pytest.mark.usefixtures("two_cores")
def test_workers_share_trainings(tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    solver = {"name": "misbehaving_together", "tally": str(tally), "seconds": 0.2}
    study = write_study(tmp_path, solver=solver, seed={"count": 8}, width=[4])
    assert run(study, store=tmp_path / "two.zarr", workers=2).counts == {"done": 8}
    assert lines(tally).count("together 4") == 2
    pids = Counter(line.split()[2] for line in lines(tally) if not line.startswith("together"))
    assert sorted(pids.values()) == [4, 4]
    assert run(study, store=tmp_path / "one.zarr").counts == {"done": 8}
    assert recorded(tmp_path / "one.zarr") == recorded(tmp_path / "two.zarr")
