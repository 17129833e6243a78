"""What ends the interpreter itself in a run without workers: noticed, found out, recorded."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from ntksim.engine import Event, Warned, run
from ntksim.store import Journal, Places

from running_processes import Running
from running_studies import lines, ntksim, recorded, statuses, write_study

pytestmark = pytest.mark.faults

GUILTY = "the worker died 3 times while computing this and nothing else"


def study_with(folder: Path, **solver: Any) -> Path:
    tally = str(folder / "tally")
    return write_study(folder, solver={"name": "misbehaving", "tally": tally, **solver})


def errors(store: Path) -> list[str]:
    journal = Journal(Places.of(store).journal)
    records = [journal.read(key) for key in sorted(journal.keys())]
    return [record.info["error"] for record in records if record.status == "failed"]


@pytest.mark.parametrize("deed", ["exit", "kill"])
def test_a_cell_that_ends_the_run_twice_is_found_guilty_and_the_others_go_on(
    tmp_path: Path, deed: str
) -> None:
    study = study_with(tmp_path, deed=deed, width=4, seed=1)
    for _ in range(2):
        died = ntksim("run", study, cwd=tmp_path)
        assert died.returncode == {"exit": 3, "kill": -signal.SIGKILL}[deed]
        assert (tmp_path / "small.attempts").exists()
    found = ntksim("run", study, cwd=tmp_path)
    assert found.returncode == 1
    assert (
        "the last runs died while they computed three_points-points4, shallow_relu, width 4, "
        in (found.stderr)
    )
    assert errors(tmp_path / "small.zarr") == [GUILTY]
    assert sorted(statuses(tmp_path / "small.zarr").values()) == ["done"] * 3 + ["failed"]
    assert not (tmp_path / "small.attempts").exists()


def test_among_networks_that_are_trained_together_the_guilty_one_is_found(tmp_path: Path) -> None:
    together = {"name": "misbehaving_together", "deed": "exit", "width": 4, "seed": 1}
    study = study_with(tmp_path, **together)
    # Once all together, then each alone, of which one is suspected after the second time.
    for _ in range(3):
        assert ntksim("run", study, cwd=tmp_path).returncode == 3
    assert ntksim("run", study, cwd=tmp_path).returncode == 1
    assert errors(tmp_path / "small.zarr") == [GUILTY]
    assert sorted(statuses(tmp_path / "small.zarr").values()) == ["done"] * 3 + ["failed"]


def test_shared_work_that_ends_the_run_condemns_the_cells_that_need_it(tmp_path: Path) -> None:
    kernels = [{"name": "counted", "deed": "exit"}, "analytic"]
    study = write_study(tmp_path, kernel=kernels)
    for _ in range(2):
        assert ntksim("run", study, cwd=tmp_path).returncode == 3
    assert ntksim("run", study, cwd=tmp_path).returncode == 1
    assert (
        errors(tmp_path / "small.zarr") == [GUILTY.replace("this", "the kernel that it shares")] * 4
    )
    assert len(statuses(tmp_path / "small.zarr")) == 8


def test_an_innocent_cell_whose_runs_are_killed_is_computed(tmp_path: Path) -> None:
    solver = {"name": "misbehaving", "tally": str(tmp_path / "tally"), "seconds": 3}
    study = write_study(tmp_path, width=4, seed=0, solver=solver)
    for count in (1, 2):
        disturbed = Running(study)
        disturbed.wait_for(count)
        disturbed.signal(signal.SIGKILL)
        disturbed.end()
    content = json.loads((tmp_path / "small.attempts").read_text())
    assert content["at"].startswith("cell-")
    assert content["deaths"] == {content["at"]: 1}
    events: list[Event] = []
    summary = run(study, store=tmp_path / "small.zarr", listener=events.append)
    assert summary.counts == {"done": 1}
    (warned,) = (event.message for event in events if isinstance(event, Warned))
    assert warned.endswith("; now a worker process does it")
    assert not (tmp_path / "small.attempts").exists()
    assert lines(tmp_path / "tally")[2].split()[-1] != str(os.getpid())
    # A worker gives the same bits as this process.
    run(study, store=tmp_path / "again.zarr")
    assert lines(tmp_path / "tally")[3].split()[-1] == str(os.getpid())
    assert recorded(tmp_path / "small.zarr") == recorded(tmp_path / "again.zarr")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"at": 3}', '{"at": "x", "deaths": {"y": "z"}}']
)
def test_a_file_of_attempts_that_says_nothing_is_no_hindrance(tmp_path: Path, content: str) -> None:
    study = study_with(tmp_path)
    (tmp_path / "small.attempts").write_text(content)
    assert run(study, store=tmp_path / "small.zarr").counts == {"done": 4}
    assert not (tmp_path / "small.attempts").exists()


def test_a_death_at_something_else_is_forgotten(tmp_path: Path) -> None:
    study = study_with(tmp_path)
    attempts = tmp_path / "small.attempts"
    attempts.write_text(json.dumps({"at": "cell-abc", "deaths": {"cell-def": 5}}))
    events: list[Event] = []
    assert run(study, store=tmp_path / "small.zarr", listener=events.append).is_complete
    assert not any(isinstance(event, Warned) for event in events)
    assert not attempts.exists()
    attempts.write_text("left behind")
    assert run(study, store=tmp_path / "small.zarr").computed == 0
    assert not attempts.exists()
