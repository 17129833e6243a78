"""Keeping the threads of numerical libraries, times the workers, at the number of cores."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)

_limited: tuple[int, int] | None = None
"""The limit that holds in this process, and how many modules were loaded when it was set."""


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limit_threads(threads: int) -> None:
    """Let BLAS and OpenMP use ``threads`` threads in this process from now on.

    The number is part of what makes results reproducible: matrix products split between another
    number of threads are rounded differently. A library that is loaded later brings a number of its
    own, so this is called before every task; it does nothing when no module was loaded in between.
    """
    global _limited
    if _limited == (threads, len(sys.modules)):
        return
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=threads)
    _limited = (threads, len(sys.modules))


def current_limit() -> int | None:
    """Return the number of threads that ``limit_threads`` has set in this process, if it has."""
    return None if _limited is None else _limited[0]


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Limit threads inside the block; afterwards libraries have the number that they had before."""
    global _limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=threads):
        _limited = None
        try:
            yield
        finally:
            _limited = None
