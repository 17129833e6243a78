"""How JAX is used: in float64, with the host's number of threads, and only for our own work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import jax
from threadpoolctl import threadpool_info

_THREADS = "PJRT_NPROC"
"""Environment variable from which XLA takes the number of its threads when its backend starts."""

_is_started = False


@contextmanager
def tracing() -> Iterator[None]:
    """Make JAX know float64 inside the block, whatever its configuration says outside."""
    with jax.enable_x64(True):
        yield


@contextmanager
def computing() -> Iterator[None]:
    """As ``tracing``, with the backend started."""
    _start_backend()
    with jax.enable_x64(True):
        yield


def _start_backend() -> None:
    """Start XLA with as many threads as BLAS has here, if it does not run already.

    ntksim limits the threads of BLAS so that workers times threads are no more than the cores; XLA
    has a pool of its own, whose size is fixed when the backend starts. A number in the environment
    variables ``PJRT_NPROC`` or ``NPROC`` is respected.
    """
    global _is_started
    if _is_started:
        return
    mine = _THREADS not in os.environ and "NPROC" not in os.environ
    if mine:
        os.environ[_THREADS] = str(_blas_threads())
    try:
        jax.devices()
    finally:
        if mine:
            del os.environ[_THREADS]
    _is_started = True


def _blas_threads() -> int:
    found = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return min(found, default=1)
