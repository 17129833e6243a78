"""What a worker does around every task."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ntksim.engine.threads import limit_threads
from ntksim.engine.workshop import Workshop

STARTED = "ntksim-started"
"""Topic of the events by which workers say what they begin."""


def call(
    workshop: Workshop,
    threads: int,
    announced: str,
    function: Callable[..., Any],
    *arguments: Any,
) -> Any:
    """Call a task's function with the plugins loaded and the threads limited.

    If ``announced`` is not empty it is the task's name, and the supervisor is told which process
    begins it, so that it can end one that takes too long.
    """
    if announced:
        from distributed import get_worker

        worker = get_worker()
        event = {"task": announced, "worker": worker.address, "process": os.getpid()}
        worker.log_event(STARTED, event)
    workshop.registry  # noqa: B018 - plugins bring libraries, which have threads as well
    limit_threads(threads)
    return function(*arguments)
