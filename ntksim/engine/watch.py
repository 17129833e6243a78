"""Noticing that a cluster is gone or idle, and that a task takes too long."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ntksim.engine.cluster import Cluster, ClusterLost
from ntksim.engine.duties import STARTED

ANSWER_SECONDS = 10.0


@dataclass(frozen=True)
class Patience:
    """How many seconds to wait.

    For one ``task`` (``None``: as long as it takes), for a ``cluster`` that does nothing, and
    between two ``look`` s at it.
    """

    task: float | None = None
    cluster: float = 60.0
    look: float = 1.0


class Watch:
    """Notices a cluster that is gone, or idle although cells are in flight."""

    def __init__(self, cluster: Cluster, patience: Patience) -> None:
        self._cluster = cluster
        self._patience = patience
        self._idle_since: float | None = None

    def reset(self) -> None:
        """Take note that something was finished."""
        self._idle_since = None

    def look(self) -> None:
        """Look at the cluster.

        Raises
        ------
        ClusterLost
            If it is gone, or has done nothing for too long.
        """
        if not self._cluster.is_alive():
            raise ClusterLost("the processes of the Dask cluster have ended")
        if self._cluster.client.status != "running":
            raise ClusterLost("the Dask scheduler has gone away")
        now = time.monotonic()
        if self._is_busy():
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        elif now - self._idle_since > self._patience.cluster:
            raise ClusterLost(f"no worker has done anything for {self._patience.cluster:g} seconds")

    def threads(self) -> Mapping[str, int] | None:
        """Return how many threads each worker has, or ``None`` if there is no answer."""
        return self._ask("ncores")

    def _is_busy(self) -> bool:
        answer = self._ask("processing")
        return answer is not None and any(answer.values())

    def _ask(self, question: str) -> Mapping[str, Any] | None:
        # What client.nthreads() and client.processing() do, but for waiting for ever.
        client: Any = self._cluster.client
        if not self._cluster.is_alive() or client.status != "running":
            return None  # without waiting for an answer that nobody will give
        try:
            return client.sync(
                getattr(client.scheduler, question), workers=None, callback_timeout=ANSWER_SECONDS
            )
        except (OSError, TimeoutError, ValueError):
            return None


@dataclass(frozen=True)
class Begun:
    """A task that a worker has begun: its key in Dask, and who computes it since when."""

    key: str
    worker: str
    process: int
    since: float


class Clock:
    """Knows since when tasks run, from what the workers announce."""

    def __init__(self, cluster: Cluster, limit: float | None) -> None:
        self._limit = limit
        self._begun: dict[str, Begun] = {}
        if limit is not None:
            cluster.client.subscribe_topic(STARTED, self._hear)

    def overdue(self) -> Iterator[Begun]:
        """Yield the tasks that began too long ago, finished or not, each once."""
        if self._limit is None:
            return
        # The announcements come in another thread.
        for begun in list(self._begun.values()):
            if time.monotonic() - begun.since > self._limit:
                del self._begun[begun.key]
                yield begun

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        _, said = event
        key = str(said["task"])
        self._begun[key] = Begun(key, said["worker"], int(said["process"]), time.monotonic())
