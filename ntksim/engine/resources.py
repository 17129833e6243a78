"""What a run may use of the machine."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ntksim.engine.threads import available_cores
from ntksim.study.memory import readable

LEAST_MEMORY = 300_000_000
"""Bytes that a worker takes before it computes anything, and some to compute with."""

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Where Linux says how much memory a container may use."""


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
        share = None if self.memory is None else self.memory // self.workers
        if share is not None and share < LEAST_MEMORY:
            raise BadRequest(
                f"{readable(share)} are too little memory for a worker; each needs at least "
                f"{readable(LEAST_MEMORY)}"
            )

    @property
    def memory_of_one(self) -> int | None:
        """Bytes that one cell may take: a worker's share, or what this machine has.

        ``None`` where a cluster does the work, whose machines have what they have.
        """
        if self.memory is not None:
            return self.memory // self.workers
        return None if self.scheduler is not None else machine_memory()

    @property
    def needs_cluster(self) -> bool:
        """Whether cells must be computed in other processes than this one."""
        return self.workers > 1 or self.scheduler is not None or self.memory is not None


def machine_memory() -> int | None:
    """Return the bytes of memory that this process may have at most, ``None`` if nobody says."""
    limits: list[int] = []
    with suppress(ValueError, OSError, AttributeError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(ValueError, OSError):
        limits.append(int(CGROUP_LIMIT.read_text(encoding="ascii")))
    return min((limit for limit in limits if limit > 0), default=None)
