"""What happens during a run, as events that a command line or a notebook shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class RunStarted:
    """The plan is made: ``cells`` positions of the grid need ``missing`` computations."""

    cells: int
    missing: int
    stored: int
    workers: int


@dataclass(frozen=True)
class CellFinished:
    """One computation ended; ``error`` is empty when it succeeded."""

    key: str
    label: str
    seconds: float
    finished: int
    missing: int
    error: str = ""


@dataclass(frozen=True)
class Collecting:
    """Finished cells are being written into the store."""

    path: str


@dataclass(frozen=True)
class Interrupted:
    """The user asked to stop: cells in flight are finished, unless the user asks again."""


@dataclass(frozen=True)
class Warned:
    """Something that the user should know and that stops nothing."""

    message: str


Event: TypeAlias = RunStarted | CellFinished | Collecting | Interrupted | Warned
Listener: TypeAlias = Callable[[Event], None]
