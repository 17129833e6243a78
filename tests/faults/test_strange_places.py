"""Stores in strange places, moved, linked, on machines whose clocks and masks are odd."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ntksim.engine import run
from ntksim.store import NotAStore, open_results
from ntksim.store.verify import verify

from running_studies import recorded, write_study

pytestmark = pytest.mark.faults


def extended(folder: Path, store: Path) -> None:
    """Add a seed to the study, and see that nothing that was there is computed again."""
    before = recorded(store)
    summary = run(write_study(folder, seed=[0, 1]), store=store)
    assert summary.counts == {"done": 4}
    after = recorded(store)
    assert len(after) == 4
    assert before.items() <= after.items()
    assert verify(store).is_whole
    with open_results(store) as tree:
        assert (tree.to_dataset()["status"] == "done").all()


@pytest.mark.parametrize(
    "name", ["a b.zarr", "ünï 空.zarr", "$(x);'\"`.zarr", "tab\there.zarr", "no ending", "x" * 200]
)
def test_a_store_of_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "Übung\n{0} %s"
    run(write_study(folder, seed=[0]), store=folder / name)
    extended(folder, folder / name)


def test_a_store_that_was_moved_goes_on(tmp_path: Path) -> None:
    run(write_study(tmp_path / "old", seed=[0]), store=tmp_path / "old" / "small.zarr")
    shutil.move(tmp_path / "old", tmp_path / "new home")
    extended(tmp_path / "new home", tmp_path / "new home" / "small.zarr")


def test_a_store_that_was_moved_alone_and_renamed_goes_on(tmp_path: Path) -> None:
    run(write_study(tmp_path / "old", seed=[0]), store=tmp_path / "old" / "small.zarr")
    (tmp_path / "new").mkdir()
    shutil.move(tmp_path / "old" / "small.zarr", tmp_path / "new" / "other.zarr")
    summary = run(write_study(tmp_path / "new", seed=[0, 1]), store=tmp_path / "new" / "other.zarr")
    assert summary.counts == {"done": 4}
    assert verify(tmp_path / "new" / "other.zarr").is_whole


def test_a_link_to_a_store_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    run(write_study(tmp_path, seed=[0]), store=tmp_path / "real" / "small.zarr")
    (tmp_path / "link.zarr").symlink_to(tmp_path / "real" / "small.zarr")
    extended(tmp_path, tmp_path / "real" / "small.zarr")
    assert run(write_study(tmp_path, seed=[0, 1]), store=tmp_path / "link.zarr").is_complete
    assert (tmp_path / "link.zarr").is_symlink()
    assert not (tmp_path / "link.cells").exists()


def test_files_that_are_linked_elsewhere_are_not_written_through(tmp_path: Path) -> None:
    run(write_study(tmp_path, seed=[0]), store=tmp_path / "small.zarr")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(tmp_path / "small.zarr", elsewhere / "small.zarr", copy_function=os.link)
    shutil.copytree(tmp_path / "small.cells", elsewhere / "small.cells", copy_function=os.link)
    before = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}
    extended(tmp_path, tmp_path / "small.zarr")
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("mask", [0o077, 0o022])
def test_the_mask_of_the_user_holds(tmp_path: Path, mask: int) -> None:
    previous = os.umask(mask)
    try:
        (tmp_path / "s").mkdir()
        run(write_study(tmp_path / "study", seed=[0]), store=tmp_path / "s" / "small.zarr")
    finally:
        os.umask(previous)
    for path in (tmp_path / "s").rglob("*"):
        bits = path.stat().st_mode & 0o777
        assert not bits & mask, path
        if mask == 0o022:
            assert bits & 0o044 == 0o044, path


def test_a_clock_that_goes_backwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(10**9, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    run(write_study(tmp_path, seed=[0]), store=tmp_path / "small.zarr")
    for path in (tmp_path / "small.zarr").rglob("*"):
        os.utime(path, (4e9, 4e9))  # written in the year 2096
    extended(tmp_path, tmp_path / "small.zarr")


def test_a_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = write_study(tmp_path, seed=[0])
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run(study, store=tmp_path / "small.zarr").is_complete


def test_two_runs_that_begin_together(tmp_path: Path) -> None:
    study, store = write_study(tmp_path, seed=[0, 1]), tmp_path / "small.zarr"
    code = "from ntksim.cli import main; main()"
    arguments = [sys.executable, "-c", code, "run", str(study), "--store", str(store)]
    both = [
        subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[1] for process in both]
    codes = [process.returncode for process in both]
    # The one that came later found the store in use, or complete.
    assert set(codes) <= {0, 75}
    assert 0 in codes
    # Who that is has the store's holder written down only after it has the lock.
    in_use = re.compile(r"small\.zarr is in use(: process \d+ on | by another process\n)")
    for code, text in zip(codes, said, strict=True):
        assert code == 0 or in_use.search(text)
    assert verify(store).is_whole
    assert len(recorded(store)) == 4


@pytest.mark.parametrize("path", ["/", "a\0b.zarr", os.fsdecode(b"\xff\xfe.zarr")])
def test_what_is_no_path_of_a_store_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(NotAStore, match="is not the path of a store"):
        run(write_study(tmp_path, seed=[0]), store=path)
    with pytest.raises(NotAStore, match="is not the path of a store"):
        open_results(path)


def test_a_store_does_not_begin_inside_another(tmp_path: Path) -> None:
    study = write_study(tmp_path, seed=[0])
    run(study, store=tmp_path / "small.zarr")
    for inner in ("inner.zarr", "width/inner.zarr"):
        with pytest.raises(NotAStore, match=r"lies inside the Zarr tree .*small\.zarr"):
            run(study, store=tmp_path / "small.zarr" / inner)
    assert verify(tmp_path / "small.zarr").is_whole


def test_no_store_is_begun_where_a_file_is(tmp_path: Path) -> None:
    study = write_study(tmp_path, seed=[0])
    store: Any = tmp_path / "small.zarr"
    store.write_text("mine")
    with pytest.raises(NotAStore, match="is a file, not a store"):
        run(study, store=store)
    assert store.read_text() == "mine"
