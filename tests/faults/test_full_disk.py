"""Disks that are full, folders that cannot be written: a sentence, and nothing lost."""

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.nursery import COMPLETE, NO_ACCESS
from faults.undisturbed import Nursery, check, contents
from running_studies import command, environment, ntksim, recorded, write_study

pytestmark = pytest.mark.faults

GRID: dict[str, Any] = {
    "dataset": {"name": "three_points", "points": 1000},
    "seed": {"count": 6},
    "solver": "misbehaving",
    "record": ["predictions", "loss"],
}
"""Twelve cells of 24 kB each."""


class SmallDisk:
    """A file system of its own that can be made larger, smaller or read-only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        if shutil.which("mount") is None or not self._mount("-t", "tmpfs", "-o", "size=100k"):
            pytest.skip("mounting a small file system needs root")

    def change(self, option: str) -> None:
        end = time.monotonic() + 10
        # A file that is just open for writing keeps a file system from becoming read-only.
        while not self._mount("-o", f"remount,{option}"):
            assert time.monotonic() < end
            time.sleep(0.002)

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    def _mount(self, *arguments: str) -> bool:
        found = subprocess.run(
            ["mount", *arguments, "tmpfs", self.folder], check=False, capture_output=True
        )
        return found.returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    found = SmallDisk(tmp_path / "disk")
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    found = Nursery()
    yield found
    found.close()


def reference(folder: Path, nursery: Nursery) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    study = write_study(folder, **GRID)
    store = folder / "small.zarr"
    assert nursery.run(study, store) == COMPLETE
    return study, contents(store), recorded(store)


def test_a_disk_that_is_really_full(tmp_path: Path, nursery: Nursery, disk: SmallDisk) -> None:
    study, expected, records = reference(tmp_path / "reference", nursery)
    store = disk.folder / "small.zarr"
    for size in ("100k", "250k", "400k"):
        disk.change(f"size={size}")
        found = ntksim("run", study, "--store", store, cwd=tmp_path)
        assert found.returncode == 2
        error = found.stderr.splitlines()[-1]
        assert error.startswith("error: ")
        assert "No space left on device" in error
        assert "Traceback" not in found.stderr
        # What was finished is there, whole, and only that.
        kept = recorded(store)
        assert 0 < len(kept) <= len(records)
        assert kept.items() <= records.items()
    disk.change("size=20m")
    found = ntksim("run", study, "--store", store, cwd=tmp_path)
    assert found.returncode == 0
    check(store, expected, records)


def test_a_disk_that_becomes_full_under_a_store(
    tmp_path: Path, nursery: Nursery, disk: SmallDisk
) -> None:
    study, expected, records = reference(tmp_path / "reference", nursery)
    disk.change("size=20m")
    store = disk.folder / "small.zarr"
    part = write_study(tmp_path / "part", **GRID | {"width": 8})
    assert nursery.run(part, store) == COMPLETE
    before = contents(store)
    used = sum(path.stat().st_blocks * 512 for path in disk.folder.rglob("*"))
    disk.change(f"size={used + 150_000}")
    said = tmp_path / "said"
    assert nursery.run(study, store, said=str(said)) == NO_ACCESS
    assert "No space left" in said.read_text()
    # The last tree is as it was.
    assert contents(store) == before
    disk.change("size=20m")
    assert nursery.run(study, store) == COMPLETE
    check(store, expected, records)


def test_files_that_may_not_become_large(tmp_path: Path, nursery: Nursery) -> None:
    study, expected, records = reference(tmp_path / "reference", nursery)
    (tmp_path / "limited").mkdir()
    store = tmp_path / "limited" / "small.zarr"
    said = tmp_path / "said"
    # Less than a record takes, and less than a chunk of the tree takes.
    for largest in (10_000, 40_000):
        assert nursery.run(study, store, largest=largest, said=str(said)) == NO_ACCESS
        assert "File too large" in said.read_text()
    assert recorded(store).items() <= records.items()
    assert nursery.run(study, store) == COMPLETE
    check(store, expected, records)


def test_a_folder_that_cannot_be_written(tmp_path: Path, disk: SmallDisk) -> None:
    study = write_study(tmp_path, **GRID)
    disk.change("ro")
    found = ntksim("run", study, "--store", disk.folder / "small.zarr", cwd=tmp_path)
    assert found.returncode == 2
    assert found.stderr.startswith(f"error: {disk.folder}/small.lock: Read-only file system")


def as_an_ordinary_user() -> None:
    """Take from root, in a child, what lets it write where permissions say no."""
    if os.getuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        if libc.prctl(24, capability, 0, 0, 0) != 0:  # PR_CAPBSET_DROP: it is not had after exec
            os._exit(77)


def ordinary(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line without the privileges of root."""
    found = subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=as_an_ordinary_user,
    )
    if found.returncode == 77:
        pytest.skip("this root may not give up its privileges")
    return found


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    study = write_study(tmp_path, **GRID)
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    found = ordinary("run", study, "--store", folder / "small.zarr", cwd=tmp_path)
    assert found.returncode == 2
    assert found.stderr.startswith(f"error: {folder}/small.lock: Permission denied")
    assert list(folder.iterdir()) == []


def test_a_store_in_a_folder_that_was_closed_is_read_and_not_changed(
    tmp_path: Path, nursery: Nursery
) -> None:
    study, expected, records = reference(tmp_path / "closed", nursery)
    folder = study.parent
    store = folder / "small.zarr"
    more = write_study(tmp_path / "more", **GRID | {"seed": {"count": 7}})
    folder.chmod(0o500)
    try:
        for reading in ("status", "verify"):
            found = ordinary(reading, store, cwd=tmp_path)
            assert (found.returncode, found.stderr) == (0, "")
        found = ordinary("run", more, "--store", store, cwd=tmp_path)
        assert found.returncode == 2
        assert found.stderr.startswith("error: ")
        assert "Permission denied" in found.stderr
        assert "Traceback" not in found.stderr
    finally:
        folder.chmod(0o700)
    assert contents(store) == expected
    assert recorded(store) == records
