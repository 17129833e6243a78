"""What a run tells while it goes on, and how much it may use."""

import time
from pathlib import Path

import click
import pytest
from ntksim.cli.sizes import SIZE
from ntksim.engine import (
    BadRequest,
    CellFinished,
    Collecting,
    Event,
    RunStarted,
    Warned,
    output,
    run,
)
from ntksim.study import StudyError

from running_studies import ntksim, without_rate, write_study

pytestmark = pytest.mark.workers


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.usefixtures("two_cores")
def test_events_come_in_order(tmp_path: Path, workers: int) -> None:
    events: list[Event] = []
    study = write_study(tmp_path, solver={"name": "misbehaving", "deed": "raise", "width": 8})
    start = time.monotonic()
    run(study, store=tmp_path / "small.zarr", workers=workers, listener=events.append)
    elapsed = time.monotonic() - start
    assert events[0] == RunStarted(cells=4, missing=4, stored=0, workers=workers)
    assert events[-1] == Collecting(str(tmp_path / "small.zarr"))
    cells = [event for event in events if isinstance(event, CellFinished)]
    assert len(events) == len(cells) + 2
    assert [cell.finished for cell in cells] == [1, 2, 3, 4]
    assert {cell.missing for cell in cells} == {4}
    assert len({cell.key for cell in cells}) == len({cell.label for cell in cells}) == 4
    assert all(0 < cell.seconds < elapsed for cell in cells)
    assert all(("width 8" in cell.label) == bool(cell.error) for cell in cells)


def test_what_the_plan_warns_of_is_said_first(tmp_path: Path) -> None:
    events: list[Event] = []
    solver = {"name": "network_gradient_descent", "learning_rate": 0.01}
    study = write_study(tmp_path, width=[4, ".inf"], solver=solver, time=[0, 0.1])
    run(study, store=tmp_path / "small.zarr", listener=events.append)
    assert isinstance(events[0], Warned)
    assert "width 'inf' is possible nowhere" in events[0].message
    assert isinstance(events[1], RunStarted)


def test_a_long_run_collects_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "FIRST_COLLECTING", -1e6)
    events: list[Event] = []
    run(write_study(tmp_path), store=tmp_path / "small.zarr", listener=events.append)
    names = [type(event).__name__ for event in events]
    # After each cell but the last, and at the end.
    assert names == ["RunStarted", *["CellFinished", "Collecting"] * 4]


def test_collecting_takes_a_tenth_of_the_time_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: clock[0])
    collected: list[float] = []
    real = output.Output.collect

    def slow(self: output.Output) -> object:
        collected.append(clock[0])
        found = real(self)
        # Half a minute, in the eyes of the run.
        self._collecting += 30.0
        return found

    monkeypatch.setattr(output.Output, "collect", slow)

    def listen(event: Event) -> None:
        if isinstance(event, CellFinished):
            clock[0] += 100.0

    study = write_study(tmp_path, seed={"count": 8})
    run(study, store=tmp_path / "small.zarr", listener=listen)
    # Each costs 30 s, so that there is one in 300 s; the last one is the end.
    assert collected == [100.0, 400.0, 700.0, 1000.0, 1300.0, 1600.0]


def test_a_clean_run_says_one_line(tmp_path: Path) -> None:
    found = ntksim("run", write_study(tmp_path), "--workers", "1", "--memory", "2GB", cwd=tmp_path)
    assert found.returncode == 0
    assert without_rate(found.stderr) == "computing 4 cells, 0 are stored\n"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("100000000", 10**8),
        ("4GB", 4 * 10**9),
        ("1.5 gb", 1_500_000_000),
        ("512MiB", 512 * 2**20),
        ("2T", 2 * 10**12),
        (".5k", 500),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert SIZE.convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "4 apples", "-1GB", "GB", "1e9", "4GBs"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a size such as 4GB"):
        SIZE.convert(text, None, None)


def test_a_cell_that_would_need_too_much_memory_is_refused_before_it_is_computed(
    tmp_path: Path,
) -> None:
    study = write_study(tmp_path, dataset={"name": "three_points", "points": 10_000_000})
    with pytest.raises(StudyError, match="at most 400 MB are allowed"):
        run(study, store=tmp_path / "small.zarr", memory=400_000_000)
    assert not (tmp_path / "small.zarr").exists()


def test_too_little_memory_for_a_worker_is_refused(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    with pytest.raises(BadRequest, match="10 MB are too little memory for a worker"):
        run(study, store=tmp_path / "small.zarr", memory=10_000_000)
    found = ntksim("run", study, "--memory", "10MB", cwd=tmp_path)
    assert found.returncode == 2
    assert found.stderr.startswith("error: 10 MB are too little memory")
