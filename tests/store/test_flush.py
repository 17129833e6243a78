"""Files reach the disk behind the writer's back, and errors of the disk are not lost."""

import errno
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from ntksim.store import CellRecord, Journal
from ntksim.store.flush import Flusher

from store.store_examples import key_of


class Disk:
    """Records what is flushed, by the names of the files; slow or broken when asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.flushed: list[Path] = []
        self.before: Callable[[Path], None] = lambda _: None
        monkeypatch.setattr("os.fsync", self.flush)

    def flush(self, descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        self.before(path)
        self.flushed.append(path)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs to know which file a descriptor stands for")
    return Disk(monkeypatch)


def test_every_record_and_then_its_folder_reach_the_disk(tmp_path: Path, disk: Disk) -> None:
    journal, flusher = Journal(tmp_path), Flusher()
    keys = [key_of(number) for number in range(50)]
    for key in keys:
        journal.write(CellRecord(key, "failed", {}, {}), flusher)
    flusher.close()
    assert {path.name for path in disk.flushed} == {*(f"{key}.npz" for key in keys), tmp_path.name}
    assert disk.flushed[-1] == tmp_path
    # Far fewer flushes of the folder than records: those that come meanwhile share one.
    assert len(disk.flushed) == len(keys) + disk.flushed.count(tmp_path)


def test_the_writer_does_not_wait_for_the_disk(tmp_path: Path, disk: Disk) -> None:
    go_on = threading.Event()
    disk.before = lambda _: assert_true(go_on.wait(60))
    journal, flusher = Journal(tmp_path), Flusher()
    for number in range(20):
        journal.write(CellRecord(key_of(number), "failed", {}, {}), flusher)
    assert len(journal.keys()) == 20
    assert disk.flushed == []
    go_on.set()
    flusher.close()
    assert len({path for path in disk.flushed if path != tmp_path}) == 20


def assert_true(value: bool) -> None:
    assert value


def test_without_a_flusher_the_record_is_on_the_disk_at_once(tmp_path: Path, disk: Disk) -> None:
    Journal(tmp_path).write(CellRecord(key_of(1), "failed", {}, {}))
    file, folder = disk.flushed
    assert file.name.endswith(".tmp")  # before it gets its name
    assert folder == tmp_path


def test_an_error_of_the_disk_is_raised_once(tmp_path: Path, disk: Disk) -> None:
    def broken(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    disk.before = broken
    flusher = Flusher()
    (tmp_path / "a").touch()
    flusher.add(tmp_path / "a")
    with pytest.raises(OSError, match="Input/output"):
        flusher.wait()
    flusher.add(tmp_path / "a")
    end = time.monotonic() + 60
    with pytest.raises(OSError, match="Input/output"):  # noqa: PT012 - at one of the calls
        while time.monotonic() < end:
            flusher.add(tmp_path / "a")
            time.sleep(0.001)
    disk.before = lambda _: None
    with suppress(OSError):  # an error may have come after the one that was raised
        flusher.close()
    flusher.add(tmp_path / "a")
    flusher.close()
    assert disk.flushed


def test_a_file_that_is_gone_is_no_error(tmp_path: Path) -> None:
    flusher = Flusher()
    flusher.add(tmp_path / "gone")
    flusher.close()
    flusher.close()
