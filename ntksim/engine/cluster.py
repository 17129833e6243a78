"""Dask clusters: one of our own processes on this machine, or one that runs elsewhere."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ntksim.engine.threads import THREAD_VARIABLES

if TYPE_CHECKING:
    from distributed import Client

STARTING_SECONDS = 90.0

ANSWERING = "10s"
"""How long a scheduler may take to answer."""

_LEASHED = """
import os, runpy, shutil, sys, threading

def leash(folder):
    os.read(0, 1)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)

threading.Thread(target=leash, args=(sys.argv.pop(1),), daemon=True).start()
runpy.run_module("dask", run_name="__main__")
"""
"""Dask's command line in a process that ends when whoever holds the other end of its standard input
ends, however that happens: a killed run leaves no processes behind, and not the folder either."""

KEPT_BYTES = 64 * 2**20
"""What a worker keeps of the memory that it does not use, at most."""

_SETTINGS = {
    # One death is enough to make a cell suspect; whether it is guilty is found out by us.
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
    # Results leave at once: writing them to disk or waiting for memory would only hide its lack.
    "DASK_DISTRIBUTED__WORKER__MEMORY__TARGET": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__SPILL": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE": "False",
    # Dask would have every array's memory given back at once and asked for anew, which takes half
    # as long again as computing with it, and look a hundred times a second what is being done.
    "MALLOC_TRIM_THRESHOLD_": str(KEPT_BYTES),
    "MALLOC_MMAP_THRESHOLD_": str(KEPT_BYTES // 2),
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}


class NoScheduler(Exception):  # noqa: N818 - reads as the sentence that it is
    """The scheduler at the given address does not answer."""


class ClusterLost(Exception):  # noqa: N818 - as above
    """The cluster is gone, cannot be started, or does nothing although there is work."""


@dataclass(frozen=True)
class Cluster:
    """A connection, whether the cluster's processes are there, and a way to kill a worker.

    ``kill`` takes the worker's address and its process on its machine.
    """

    client: Client
    is_alive: Callable[[], bool]
    kill: Callable[[str, int], None]


@contextmanager
def local_cluster(workers: int, threads: int, memory: int | None) -> Iterator[Cluster]:
    """Start workers on this machine, reachable from this machine only, and connect to them.

    They never import the user's script, are out of the reach of the terminal's Ctrl-C, and end with
    this process, even if it is killed. ``memory`` bounds all workers together, in bytes.

    Raises
    ------
    ClusterLost
        If they do not start.
    """
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="ntksim-", ignore_cleanup_errors=True)
            )
        )
        output = stack.enter_context(open(folder / "output", "w+b"))
        contact = folder / "scheduler.json"
        environment = {
            **os.environ,
            **_SETTINGS,
            **{name: str(threads) for name in THREAD_VARIABLES},
        }
        common = ("--scheduler-file", str(contact), "--host", "127.0.0.1", "--no-dashboard")
        commands = {
            "scheduler": ("scheduler", "--port", "0", *common),
            "workers": (
                "worker",
                *("--nworkers", str(workers), "--nthreads", "1"),
                *("--memory-limit", str(memory // workers if memory else 0)),
                *("--local-directory", str(folder)),
                *common,
            ),
        }
        processes = {}
        for name, command in commands.items():
            processes[name] = _start(folder, command, environment, output)
            stack.callback(_end, processes[name])

        def is_alive() -> bool:
            return all(process.poll() is None for process in processes.values())

        try:
            address = _address(contact, is_alive)
            client = stack.enter_context(_connection(address))
            client.wait_for_workers(workers, timeout=STARTING_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            raise ClusterLost(f"no workers could be started: {error}{_tail(output)}") from None
        try:
            yield Cluster(client, is_alive, lambda _, process: _kill(process))
        except BaseException:
            # The connection would be closed with good manners, for which nobody may be left.
            for process in processes.values():
                _end(process)
            raise


@contextmanager
def remote_cluster(address: str) -> Iterator[Cluster]:
    """Connect to the scheduler at an address such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    NoScheduler
        If it cannot be reached within ten seconds.
    """
    with ExitStack() as stack:
        try:
            client = stack.enter_context(_connection(address))
        except (OSError, TimeoutError, ValueError) as error:
            raise NoScheduler(f"no Dask scheduler answers at {address}: {error}") from None

        def kill(worker: str, process: int) -> None:
            del process
            client.restart_workers([worker], timeout=10, raise_for_error=False)

        yield Cluster(client, lambda: True, kill)


@contextmanager
def _connection(address: str) -> Iterator[Client]:
    """Connect."""
    from distributed import Client
    from distributed.comm.addressing import resolve_address

    resolve_address(address)  # a client that fails at this never lets go
    with _silence(), Client(address, timeout=ANSWERING, set_as_default=False) as client:
        yield client


@contextmanager
def _silence() -> Iterator[None]:
    """Keep from the user what Dask has to say about connections that are lost.

    What matters of it becomes an event of the run.
    """
    names = [name for name in logging.root.manager.loggerDict if _is_dask(name)]
    levels = {name: logging.getLogger(name).level for name in ("distributed", *names)}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _is_dask(logger: str) -> bool:
    return logger == "distributed" or logger.startswith("distributed.")


def _start(
    folder: Path, command: tuple[str, ...], environment: Mapping[str, str], output: IO[bytes]
) -> subprocess.Popen[bytes]:
    # -P: a file in the current folder must not take the place of a library's module.
    return subprocess.Popen(  # noqa: S603 - the command is ours
        [sys.executable, "-P", "-c", _LEASHED, str(folder), *command],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and, where there are groups of processes, all that it started."""
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.communicate()


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def _address(contact: Path, is_alive: Callable[[], bool]) -> str:
    """Wait until the scheduler has written its address."""
    end = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < end and is_alive():
        with suppress(OSError, ValueError, KeyError):
            return json.loads(contact.read_text(encoding="utf-8"))["address"]
        time.sleep(0.02)
    raise TimeoutError("the scheduler did not start")


def _tail(output: IO[bytes]) -> str:
    """Return the last thing that the processes said, as the end of a sentence."""
    output.seek(0)
    said = output.read().decode("utf-8", "replace").strip().splitlines()
    return f" ({said[-1].strip()})" if said else ""
