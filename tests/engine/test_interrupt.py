"""Ctrl-C once finishes the cells in flight, twice stops at once; what is finished is kept."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from running_processes import Running
from running_studies import lines, ntksim, statuses, write_study

pytestmark = pytest.mark.workers


def slow_study(folder: Path, seconds: float, cells: int = 8) -> Path:
    solver: dict[str, Any] = {"name": "misbehaving", "seconds": seconds}
    solver["tally"] = str(folder / "tally")
    return write_study(folder, seed={"count": cells // 2}, solver=solver)


@pytest.mark.parametrize(("arguments", "most"), [((), 1), (("--workers", "2"), 4)])
@pytest.mark.usefixtures("two_cores")
def test_once_finishes_what_is_in_flight(
    tmp_path: Path, arguments: tuple[str, ...], most: int
) -> None:
    run = Running(slow_study(tmp_path, seconds=1.5), *arguments)
    run.wait_for(1)
    run.signal(signal.SIGINT)
    code, out, err = run.end()
    assert code == 130
    begun = len(lines(tmp_path / "tally"))
    assert 1 <= begun <= most
    # Whatever was begun is in the store.
    assert list(statuses(tmp_path / "small.zarr").values()) == ["done"] * begun
    assert f"small: {begun} done, {8 - begun} missing ({begun} computed in" in out
    assert err == (
        "computing 8 cells, 0 are stored\n"
        "finishing the cells in flight; press Ctrl-C again to stop at once\n"
        "\nInterrupted; run the study again to go on.\n"
    )
    again = ntksim("run", "small.yaml", cwd=tmp_path)
    assert again.returncode == 0
    assert f"8 done ({8 - begun} computed in" in again.stdout


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")])
@pytest.mark.usefixtures("two_cores")
def test_twice_stops_at_once(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    run = Running(slow_study(tmp_path, seconds=100), *arguments)
    run.wait_for(1)
    start = time.monotonic()
    run.signal(signal.SIGINT)
    time.sleep(1)
    run.signal(signal.SIGINT)
    code, out, err = run.end()
    assert time.monotonic() - start < 50  # a cell takes 100
    assert code == 130
    assert "8 missing (0 computed in" in out
    assert err == (
        "computing 8 cells, 0 are stored\n"
        "finishing the cells in flight; press Ctrl-C again to stop at once\n"
        "\nInterrupted; run the study again to go on.\n"
    )
    assert statuses(tmp_path / "small.zarr") == {}
    # The store says what is missing.
    status = ntksim("status", "small.zarr", cwd=tmp_path)
    assert "8 missing" in status.stdout
