"""A cell that fails is recorded with all that there is to say, and the others go on."""

import json
from pathlib import Path

import pytest
from ntksim.engine import CellFinished, Event, run
from ntksim.engine.failures import Failure, attempt
from ntksim.store import Journal, Places, open_results

from command_line import ntksim
from running_studies import lines, statuses, write_study

SOLVER = {"name": "misbehaving", "width": 4}


def failures(store: Path) -> list[dict[str, str]]:
    journal = Journal(Places.of(store).journal)
    records = [journal.read(key) for key in sorted(journal.keys())]
    return [dict(record.info) for record in records if record.status == "failed"]


@pytest.mark.parametrize(
    ("deed", "message"),
    [
        ("raise", "RuntimeError: asked to raise"),
        ("leave", "SystemExit: 4"),
        ("nan", "FloatingPointError: train outputs at time 0 are not finite"),
        ("wide", "ValueError: the solver returned train of shape (3, 6, 1), not (3, 3, 1)"),
        ("list", "TypeError: the solver returned train as list, not an array of shape (3, 3, 1)"),
        (
            "nothing",
            (
                "TypeError: evolve returned None; it must return Evolution(reached (T,), train "
                "(T, N, K), test (T, M, K)) for T times; is a return statement missing? (raised by "
                "solver 'misbehaving'"
            ),
        ),
    ],
)
def test_what_goes_wrong_is_recorded_with_the_plugin(
    tmp_path: Path, deed: str, message: str
) -> None:
    store = tmp_path / "small.zarr"
    events: list[Event] = []
    study = write_study(tmp_path, solver=SOLVER | {"deed": deed})
    summary = run(study, store=store, listener=events.append)
    assert summary.counts == {"done": 2, "failed": 2}
    assert not summary.is_complete
    assert len(failures(store)) == 2
    for info in failures(store):
        assert info["error"].startswith(message)
        assert "Traceback" in info["traceback"]
    ended = [event for event in events if isinstance(event, CellFinished)]
    assert [bool(event.error) for event in ended].count(True) == 2
    with open_results(store) as tree:
        root = tree.to_dataset()
        failed = root["status"].sel(width=4)
        assert (failed == "failed").all()
        assert (root["status"].sel(width=8) == "done").all()
        assert root["loss_train"].sel(width=4).isnull().all()
        assert root["loss_train"].sel(width=8).notnull().all()
        assert str(root["message"].sel(width=4).values.flat[0]).startswith(message)


def test_the_plugin_is_named(tmp_path: Path) -> None:
    store = tmp_path / "small.zarr"
    run(write_study(tmp_path, solver=SOLVER | {"deed": "raise"}), store=store)
    for info in failures(store):
        assert "(raised by solver 'misbehaving' of plugin file /" in info["error"]
        assert info["error"].endswith("/misbehaving.py while solving)")
        assert "in misbehave" in info["traceback"]
        assert 'raise RuntimeError("asked to raise")' in info["traceback"]


def test_the_log_has_everything_in_full(tmp_path: Path) -> None:
    store = tmp_path / "small.zarr"
    run(write_study(tmp_path, solver=SOLVER | {"deed": "raise"}), store=store)
    text = (tmp_path / "small.log").read_text()
    for seed in (0, 1):
        assert (
            f"three_points-points4, shallow_relu, width 4, seed {seed}, counted, misbehaving"
            in text
        )
    assert "width 8" not in text
    assert text.count("RuntimeError: asked to raise (raised by solver 'misbehaving'") == 2
    assert text.count("Traceback (most recent call last)") == 2
    for key, status in statuses(store).items():
        assert (f"cell {key}" in text) == (status == "failed")
    # A second run adds, and takes nothing away.
    run(tmp_path / "small.yaml", store=store, retry_failed=True)
    again = (tmp_path / "small.log").read_text()
    assert again.startswith(text)
    assert again.count("Traceback (most recent call last)") == 4


def test_without_failures_there_is_no_log(tmp_path: Path) -> None:
    run(write_study(tmp_path), store=tmp_path / "small.zarr")
    assert not (tmp_path / "small.log").exists()


def test_shared_work_that_fails_fails_the_cells_that_need_it(tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    kernels = [{"name": "counted", "deed": "raise", "tally": str(tally)}, "analytic"]
    store = tmp_path / "small.zarr"
    summary = run(write_study(tmp_path, kernel=kernels), store=store)
    assert summary.counts == {"done": 4, "failed": 4}
    assert len(lines(tally)) == 1  # tried once, not once for each cell
    for info in failures(store):
        assert info["error"].startswith("ArithmeticError: the kernel cannot be had (raised by ker")


def test_failed_cells_stay_failed_until_a_retry(tmp_path: Path) -> None:
    tally, cured = tmp_path / "tally", tmp_path / "cured"
    solver = SOLVER | {"deed": "raise", "until": str(cured), "tally": str(tally)}
    study = write_study(tmp_path, solver=solver)
    store = tmp_path / "small.zarr"
    assert run(study, store=store).computed == 4
    cured.touch()
    again = run(study, store=store)
    assert (again.computed, again.reused) == (0, 4)
    assert again.counts == {"done": 2, "failed": 2}
    retried = run(study, store=store, retry_failed=True)
    assert (retried.computed, retried.reused) == (2, 2)
    assert retried.is_complete
    # Those at width 8 were computed once.
    assert sorted(line.rpartition(" ")[0] for line in lines(tally)) == sorted(
        2 * ["4 0", "4 1"] + ["8 0", "8 1"]
    )


def test_the_command_line_says_what_failed(tmp_path: Path) -> None:
    cured = tmp_path / "cured"
    study = write_study(tmp_path, solver=SOLVER | {"deed": "raise", "until": str(cured)})
    found = ntksim("run", study, cwd=tmp_path)
    assert found.returncode == 1
    assert "2 done, 2 failed" in found.stdout
    assert "failed: three_points-points4, shallow_relu, width 4, seed 0" in found.stderr
    assert "Traceback" not in found.stderr
    status = ntksim("status", "small.zarr", cwd=tmp_path)
    assert status.returncode == 0
    assert "failed: RuntimeError: asked to raise (raised by solver 'misbehaving'" in status.stdout
    assert "width 4, seed 0" in status.stdout
    as_json = json.loads(ntksim("status", "small.zarr", "--json", cwd=tmp_path).stdout)
    assert as_json["counts"] == {"done": 2, "failed": 2}
    assert ntksim("run", study, cwd=tmp_path).returncode == 1
    cured.touch()
    retried = ntksim("run", study, "--retry-failed", cwd=tmp_path)
    assert retried.returncode == 0
    assert "4 done (2 computed in" in retried.stdout


def test_a_message_that_cannot_be_shown_or_is_endless() -> None:
    class UnspeakableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def fail(error: Exception) -> None:
        raise error

    failure = attempt(fail, UnspeakableError())
    assert isinstance(failure, Failure)
    assert failure.message == "UnspeakableError: its message cannot be shown"
    failure = attempt(fail, ValueError("x" * 10**6))
    assert isinstance(failure, Failure)
    assert len(failure.message) < 3000
