"""Runs in processes of their own, and the processes that they start, to be hurt."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from running_studies import command, environment, lines, without_rate

PATIENCE = 100.0
"""Seconds after which a test gives up; nothing takes so long even on a busy machine."""


class Running:
    """A run in a process group of its own, as a terminal starts it."""

    def __init__(self, study: Path, *arguments: object) -> None:
        self.folder = study.parent
        self.process = subprocess.Popen(
            command("run", study.name, *arguments),
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.family: set[psutil.Process] = set()

    def wait_for(self, count: int) -> None:
        """Wait until so many cells were begun."""
        end = time.monotonic() + PATIENCE
        while len(lines(self.folder / "tally")) < count:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)
        self.look()

    def look(self) -> None:
        """Take note of the processes that it has started."""
        with suppress(psutil.NoSuchProcess):
            self.family |= set(psutil.Process(self.process.pid).children(recursive=True))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the group, as a terminal does."""
        os.killpg(self.process.pid, number)

    def end(self) -> tuple[int, str, str]:
        """Return exit code, output, and errors without the rate; no process may be left."""
        out, err = self.process.communicate(timeout=PATIENCE)
        assert left(self.family) == []
        return self.process.returncode, out, without_rate(err)


def left(family: set[psutil.Process]) -> list[psutil.Process]:
    """Return those of some processes that do not end within some seconds."""
    _, alive = psutil.wait_procs(list(family), timeout=10)
    return [process for process in alive if _is_running(process)]


def schedulers(pid: int) -> list[psutil.Process]:
    """Return the Dask schedulers that a process has started."""
    return [child for child in _children(pid) if "scheduler" in words(child)]


def nannies(pid: int) -> list[psutil.Process]:
    """Return the processes that look after the workers that a process has started."""
    return [child for child in _children(pid) if "worker" in words(child)]


def workers(pid: int) -> list[psutil.Process]:
    """Return the workers that a process has started."""
    return [
        child
        for nanny in nannies(pid)
        for child in _children(nanny.pid)
        if any("spawn_main" in word for word in words(child))
    ]


def kill(process: psutil.Process) -> None:
    """Kill a process, if it is there."""
    with suppress(psutil.NoSuchProcess):
        process.kill()


def _children(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children()
    return []


def words(process: psutil.Process) -> list[str]:
    """Return the command line of a process, if it is there."""
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return process.cmdline()
    return []


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
