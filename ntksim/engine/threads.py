"""Keeping the threads of numerical libraries, times the workers, at the number of cores."""

from __future__ import annotations

import os
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


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Let BLAS and OpenMP use ``threads`` threads inside the block.

    The number is part of what makes results reproducible: matrix products split between another
    number of threads are rounded differently.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=threads):
        yield
