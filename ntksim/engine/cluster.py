"""Dask clusters: one on this machine, or a connection to one that runs elsewhere."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ntksim.engine.threads import THREAD_VARIABLES

if TYPE_CHECKING:
    from distributed import Client


class NoScheduler(Exception):  # noqa: N818 - reads as the sentence that it is
    """The scheduler at the given address does not answer."""


@contextmanager
def local_cluster(workers: int, threads: int, memory: int | None) -> Iterator[Client]:
    """Start workers on this machine, reachable from this machine only, and connect to them.

    Scheduler and workers are processes of their own that never import the user's script.
    ``memory`` bounds all workers together, in bytes.
    """
    import dask.config
    from distributed import Client
    from distributed.deploy.subprocess import SubprocessCluster

    environment = {name: str(threads) for name in THREAD_VARIABLES}
    settings = {
        "distributed.nanny.pre-spawn-environ": environment,
        "distributed.admin.log-format": "%(levelname)s: %(message)s",
        "distributed.worker.daemon": True,
    }
    worker: dict[str, object] = {"silence_logs": logging.CRITICAL}
    if memory is not None:
        worker["memory_limit"] = memory // workers
    # Subprocesses inherit the environment, and read it before numpy is there to be limited.
    saved = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        with (
            dask.config.set(settings),
            SubprocessCluster(
                host="127.0.0.1",
                n_workers=workers,
                threads_per_worker=1,
                worker_kwargs=worker,
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            client.wait_for_workers(workers, timeout=60)
            yield client
    finally:
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def remote_cluster(address: str) -> Iterator[Client]:
    """Connect to the scheduler at an address such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    NoScheduler
        If it cannot be reached within ten seconds.
    """
    from distributed import Client

    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise NoScheduler(f"no Dask scheduler answers at {address}: {error}") from None
    with client:
        yield client
