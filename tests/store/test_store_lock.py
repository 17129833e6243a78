import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ntksim.store import Places, StoreInUse, writer_lock

HOLD = """
import subprocess, sys
from ntksim.store.lock import writer_lock
with writer_lock(sys.argv[1]):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(child.pid, flush=True)
    sys.stdin.read()
child.kill()
"""


@contextmanager
def other_holder(store: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-c", HOLD, str(store)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            yield process, child
        finally:
            process.kill()
            os.kill(child, signal.SIGKILL)


def test_a_second_process_is_told_who_is_writing(tmp_path: Path) -> None:
    store = tmp_path / "p.zarr"
    with other_holder(store) as (process, _):
        with pytest.raises(StoreInUse) as caught, writer_lock(store):
            pytest.fail("two writers")
        message = str(caught.value)
        assert f"process {process.pid} on {platform.node()}" in message
        assert str(store) in message
        assert "since 20" in message
        # A refused attempt takes nothing away from the holder.
        with pytest.raises(StoreInUse, match=str(process.pid)), writer_lock(store):
            pytest.fail("two writers")


def test_a_killed_process_leaves_no_lock_though_its_child_lives(tmp_path: Path) -> None:
    store = tmp_path / "p.zarr"
    with other_holder(store) as (process, child):
        process.kill()
        process.wait()
        os.kill(child, 0)
        assert Places.of(store).owner.exists()
        with writer_lock(store):
            assert str(os.getpid()) in Places.of(store).owner.read_text()


def test_the_lock_is_free_after_use_and_after_an_error(tmp_path: Path) -> None:
    store = tmp_path / "new folder" / "p.zarr"
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), writer_lock(store):
            _ = 1 / 0
    with writer_lock(store):
        pass
    assert not store.exists()
    assert not Places.of(store).owner.exists()


def test_the_same_process_cannot_write_twice(tmp_path: Path) -> None:
    with writer_lock(tmp_path / "p.zarr"):
        with pytest.raises(StoreInUse), writer_lock(tmp_path / "p.zarr"):
            pytest.fail("two writers")
        with writer_lock(tmp_path / "other.zarr"):
            pass


def test_a_link_to_a_store_shares_its_lock(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.zarr").symlink_to(tmp_path / "real" / "p.zarr")
    with (
        writer_lock(tmp_path / "real" / "p.zarr"),
        pytest.raises(StoreInUse),
        writer_lock(tmp_path / "link.zarr"),
    ):
        pytest.fail("two writers")


def test_a_holder_that_has_not_signed_yet_is_another_process(tmp_path: Path) -> None:
    with writer_lock(tmp_path / "p.zarr"):
        Places.of(tmp_path / "p.zarr").owner.write_text('{"pid": ')
        with (
            pytest.raises(StoreInUse, match="by another process"),
            writer_lock(tmp_path / "p.zarr"),
        ):
            pytest.fail("two writers")
