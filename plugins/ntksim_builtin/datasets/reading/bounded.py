"""A bound on the memory that reading a file may take, whatever its compression hides."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

SLACK = 1 << 30
"""Bytes that reading may take beside twice the arrays: buffers, threads, the code of readers."""

_one_at_a_time = threading.RLock()
"""The limit belongs to the process."""


@contextmanager
def bounded_memory(size: int) -> Iterator[None]:
    """Let what reads arrays of ``size`` bytes run out of memory when it takes far more.

    What a chunk announces is checked before, but codecs inflate as much as there is. Only Linux
    knows such a limit; elsewhere there is none.

    Raises
    ------
    MemoryError
        Or whatever else the reader makes of it.
    """
    with _one_at_a_time:
        used = _used()
        if used is None:
            yield
            return
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = used + 2 * size + SLACK
        if soft != resource.RLIM_INFINITY and soft <= limit:
            yield
            return
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _used() -> int | None:
    """Return the private memory that this process may write, in bytes; ``None`` if unknown."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[5]) * resource.getpagesize()
    except (ImportError, OSError, ValueError, IndexError):
        return None
