"""Numerical libraries use as many threads as were asked for, whoever loads them."""

import sys
from pathlib import Path

import pytest
import threadpoolctl
from ntksim.engine import BadRequest, run, threads
from ntksim.store import Journal, Places

from running_studies import ntksim, write_study

pytestmark = pytest.mark.workers


def measured(store: Path, name: str) -> set[int]:
    journal = Journal(Places.of(store).journal)
    return {int(journal.value(key, name)) for key in sorted(journal.keys())}


@pytest.mark.parametrize("count", [1, 2])
def test_in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr("ntksim.engine.resources.available_cores", lambda: 4)
    study = write_study(tmp_path, record=["threads"])
    with threadpoolctl.threadpool_limits(limits=3):
        run(study, store=tmp_path / "small.zarr", threads=count)
        # What the caller had is given back.
        assert {pool["num_threads"] for pool in threadpoolctl.threadpool_info()} == {3}
    assert measured(tmp_path / "small.zarr", "threads") == {count}
    # A limit on nothing would prove nothing.
    assert min(measured(tmp_path / "small.zarr", "libraries")) > 0


@pytest.mark.parametrize(("workers", "count"), [(2, 1), (1, 2)])
@pytest.mark.usefixtures("two_cores")
def test_on_workers(tmp_path: Path, workers: int, count: int) -> None:
    study = write_study(tmp_path, record=["threads"])
    run(study, store=tmp_path / "small.zarr", workers=workers, threads=count, cell_timeout=600)
    assert measured(tmp_path / "small.zarr", "threads") == {count}
    assert min(measured(tmp_path / "small.zarr", "libraries")) > 0


def test_libraries_that_are_loaded_later_are_limited_before_the_next_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(threadpoolctl, "threadpool_limits", lambda limits: seen.append(limits))
    monkeypatch.setattr(threads, "_limited", None)
    threads.limit_threads(1)
    threads.limit_threads(1)
    assert seen == [1]
    monkeypatch.setitem(sys.modules, "brings_a_library", threads)
    threads.limit_threads(1)
    assert seen == [1, 1]
    threads.limit_threads(2)
    assert seen == [1, 1, 2]


def test_more_threads_than_cores_are_refused(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    cores = threads.available_cores()
    with pytest.raises(BadRequest, match=f"1 workers of {cores + 1} threads each are more than"):
        run(study, store=tmp_path / "small.zarr", threads=cores + 1)
    found = ntksim("run", study, "--workers", cores + 1, cwd=tmp_path)
    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr == (
        f"error: {cores + 1} workers of 1 threads each are more than the {cores} cores that this "
        "process may use\n"
    )
    assert not (tmp_path / "small.zarr").exists()


@pytest.mark.parametrize(("workers", "count"), [(0, 1), (1, 0), (-1, 1)])
def test_nothing_to_work_with_is_refused(tmp_path: Path, workers: int, count: int) -> None:
    with pytest.raises(BadRequest, match="must be at least 1"):
        run(write_study(tmp_path), store=tmp_path / "small.zarr", workers=workers, threads=count)
