"""What goes wrong in a task is its result: those that need it pass it on, a cell records it."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

R = TypeVar("R")

LONGEST_MESSAGE = 2000
"""Characters of an exception's message that are kept; some quote whole arrays."""


@dataclass(frozen=True)
class Failure:
    """Why a task has no result."""

    message: str
    traceback: str


def attempt(function: Callable[..., R], *arguments: Any) -> R | Failure:
    """Call, and return a ``Failure`` for an exception or for an argument that is one."""
    for argument in arguments:
        if isinstance(argument, Failure):
            return argument
    try:
        return function(*arguments)
    except (Exception, SystemExit) as error:  # whatever a plugin does, others go on
        if _is_death(error):
            raise
        return Failure(described(error), traceback.format_exc())


def _is_death(error: BaseException) -> bool:
    """Whether a worker died over a part of the task: whose fault that is the supervisor finds out.

    Where nothing runs on a cluster there is no such error, and nothing of it is imported.
    """
    scheduler = sys.modules.get("distributed.scheduler")
    return scheduler is not None and isinstance(error, scheduler.KilledWorker)


def described(error: BaseException) -> str:
    """Return the type, the message and the notes of an exception, whatever its class does."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - a stranger's __str__
        message = "its message cannot be shown"
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    return f"{type(error).__name__}: {message[:LONGEST_MESSAGE]}{notes}"
