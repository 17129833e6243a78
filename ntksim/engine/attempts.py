"""Knowing what this process computed when it died, so that the next run does not die of it too."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ntksim.engine.graph import Graph

DEATHS = 2
"""Runs that must have died at the same task before it is kept out of the process of the next."""


class Attempts:
    """A file that names the task which this process computes, for as long as it does.

    A task that crashes the interpreter (a fault in compiled code, ``os._exit``, too much memory)
    ends the run with it. So does ``kill -9``, which is not the task's fault, and afterwards nobody
    can tell which it was. So nothing is condemned for it: a task at which two runs in a row have
    died is a suspect, and is computed in a worker process, where its guilt can be found out.
    """

    def __init__(self, path: Path, graph: Graph) -> None:
        self._path = path
        self._graph = graph
        self._deaths = _read(path)
        if self._deaths:
            tasks = {task for cell in graph.cells for task in graph.closure(cell)}
            self._deaths = {task: n for task, n in self._deaths.items() if task in tasks}
        self._at = ""
        self._file: int | None = None
        self._length = 0

    def suspects(self) -> set[str]:
        """Return the cells that need a task at which runs have died again and again."""
        tasks = {task for task, deaths in self._deaths.items() if deaths >= DEATHS}
        if not tasks:
            return set()
        return {
            cell for cell in self._graph.cells if not tasks.isdisjoint(self._graph.closure(cell))
        }

    def begin(self, task: str) -> None:
        """Take note that the last task was survived, and that another one begins."""
        self._deaths.pop(self._at, None)
        self._at = task
        self._write()

    def survived(self, cells: Collection[str]) -> None:
        """Take note that all is done which some cells need."""
        for cell in cells:
            for task in self._graph.closure(cell):
                self._deaths.pop(task, None)

    def __enter__(self) -> Self:
        """Open the file."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._file = os.open(self._path, flags, 0o666)
        self._length = os.fstat(self._file).st_size
        self._write()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take note that the process outlived its work, whichever way that ended."""
        with suppress(OSError):
            self.begin("")
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if not self._deaths:
            with suppress(OSError):
                self._path.unlink()

    def _write(self) -> None:
        if self._file is None:
            return
        text = json.dumps({"at": self._at, "deaths": self._deaths}).encode()
        # In one call, and over all that was there: a kill in between leaves no half of it.
        os.lseek(self._file, 0, os.SEEK_SET)
        os.write(self._file, text.ljust(self._length))
        self._length = max(self._length, len(text))


def _read(path: Path) -> dict[str, int]:
    """Return how often runs have died at tasks, the last death included."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        deaths = {str(task): int(count) for task, count in content["deaths"].items()}
        at = str(content["at"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    if at:
        deaths[at] = deaths.get(at, 0) + 1
    return deaths
