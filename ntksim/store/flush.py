"""Flushes files to the disk behind the writer's back, several at a time."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_THREADS = 8
"""File systems commit what several threads ask for at once: eight are four times as fast as one."""


class Flusher:
    """Makes files survive a loss of power, soon, without making their writer wait for the disk.

    A file that was written and renamed already survives the death of the process; only a loss of
    power can tear it. Flushing begins when the first file is added and goes on while there are
    more, so that what can be lost is what was added within the last moments. An error of the disk
    is raised by the next call.
    """

    def __init__(self) -> None:
        self._state = threading.Condition()
        self._pending: list[Path] = []
        self._is_busy = False
        self._error: OSError | None = None
        self._pool: ThreadPoolExecutor | None = None

    def add(self, path: Path) -> None:
        """Flush a file and the folder that names it.

        Raises
        ------
        OSError
            If flushing an earlier one failed.
        """
        with self._state:
            self._raise()
            self._pending.append(path)
            if self._is_busy:
                return
            self._is_busy = True
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="ntksim-flush")
        self._pool.submit(self._work)

    def wait(self) -> None:
        """Wait until everything is on the disk.

        Raises
        ------
        OSError
            If flushing failed.
        """
        with self._state:
            while self._is_busy:
                self._state.wait()
            self._raise()

    def close(self) -> None:
        """Wait, and end the threads; more can be added later.

        Raises
        ------
        OSError
            If flushing failed.
        """
        try:
            self.wait()
        finally:
            with self._state:
                pool, self._pool = self._pool, None
            if pool is not None:
                pool.shutdown()

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _work(self) -> None:
        while batch := self._next_batch():
            try:
                self._flush(batch)
            except OSError as error:
                with self._state:
                    self._error = error

    def _next_batch(self) -> list[Path]:
        with self._state:
            batch, self._pending = self._pending, []
            if not batch:
                self._is_busy = False
                self._state.notify_all()
            return batch

    def _flush(self, batch: list[Path]) -> None:
        pool = self._pool
        if pool is None:  # closed meanwhile: not reached, since closing waits
            return
        # This thread is one of the pool's: it may wait for the others, which never wait for it.
        list(pool.map(sync_file, batch))
        for folder in {path.parent for path in batch}:
            sync_folder(folder)


def sync_file(path: Path) -> None:
    """Make the content of a file survive a loss of power; one that is gone is no error."""
    try:
        # Windows flushes only what is open for writing.
        descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a loss of power, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
