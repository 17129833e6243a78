"""Ctrl-C: once to finish what is being computed, twice to stop at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType


@dataclass
class Interrupt:
    """Whether the user asked to stop."""

    requested: bool = False


@contextmanager
def graceful_interrupt(announce: Callable[[], None]) -> Iterator[Interrupt]:
    """Turn the first Ctrl-C inside the block into a request, the second into KeyboardInterrupt.

    ``announce`` is called at the first. Outside the main thread, where Python delivers no signals,
    nothing changes.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def handle(signum: int, frame: FrameType | None) -> None:
        del signum, frame
        if interrupt.requested:
            raise KeyboardInterrupt
        interrupt.requested = True
        # Where the program was just writing to the same stream, Python refuses.
        with suppress(RuntimeError):
            announce()

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, previous)
