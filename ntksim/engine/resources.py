"""What a run may use of the machine."""

from __future__ import annotations

from dataclasses import dataclass

from ntksim.engine.threads import available_cores
from ntksim.study.memory import readable

LEAST_MEMORY = 300_000_000
"""Bytes that a worker takes before it computes anything, and some to compute with."""


class BadRequest(ValueError):  # noqa: N818 - reads as the sentence that it is
    """A run is asked for something that this machine does not have."""


@dataclass(frozen=True)
class Resources:
    """Processes, threads of numerical libraries in each, and bytes of memory for all together.

    Raises
    ------
    BadRequest
        If there are not as many cores on this machine, or workers would have too little memory.
    """

    workers: int = 1
    threads: int = 1
    memory: int | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.workers < 1 or self.threads < 1:
            raise BadRequest(
                f"workers and threads must be at least 1, not {self.workers} and {self.threads}"
            )
        if self.scheduler is not None:
            return
        cores = available_cores()
        if self.workers * self.threads > cores:
            raise BadRequest(
                f"{self.workers} workers of {self.threads} threads each are more than the "
                f"{cores} cores that this process may use"
            )
        share = self.memory_of_one
        if share is not None and share < LEAST_MEMORY:
            raise BadRequest(
                f"{readable(share)} are too little memory for a worker; each needs at least "
                f"{readable(LEAST_MEMORY)}"
            )

    @property
    def memory_of_one(self) -> int | None:
        """Bytes that one cell may take."""
        return None if self.memory is None else self.memory // self.workers

    @property
    def needs_cluster(self) -> bool:
        """Whether cells must be computed in other processes than this one."""
        return self.workers > 1 or self.scheduler is not None or self.memory is not None
