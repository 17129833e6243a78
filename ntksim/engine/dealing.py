"""Dealing tasks out to the workers of a cluster evenly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Future


class Dealer:
    """Says which worker a task should go to, such that each has its share of every kind.

    Dask would send all tasks that need the same data to the worker that has them, and the others
    would wait until it knows how long the tasks take. What is said here is a wish: a task goes
    elsewhere when that worker has gone, or when another one has nothing to do.
    """

    def __init__(self) -> None:
        self._threads: Mapping[str, int] = {}
        self._dealt: dict[str, list[tuple[str, Future]]] = {}

    def know(self, threads: Mapping[str, int]) -> None:
        """Take note of the workers that are there: threads by address."""
        self._threads = threads
        self._dealt = {address: self._dealt.get(address, []) for address in threads}

    def wish(self, kind: str) -> dict[str, Any]:
        """Return how ``Client.submit`` is told where the next task of a kind should go."""
        if len(self._threads) < 2:
            return {}
        return {"workers": [min(self._threads, key=lambda a: self._load(a, kind))]} | {
            "allow_other_workers": True
        }

    def dealt(self, kind: str, wish: Mapping[str, Any], future: Future) -> None:
        """Take note that a task is submitted with a wish."""
        for address in wish.get("workers", ()):
            self._dealt[address].append((kind, future))

    def _load(self, address: str, kind: str) -> tuple[float, float]:
        """Return how many tasks of the kind, and of all kinds, a thread of a worker has."""
        left = [(k, f) for k, f in self._dealt[address] if f.status == "pending"]
        self._dealt[address] = left
        of_kind = sum(k == kind for k, _ in left)
        return of_kind / self._threads[address], len(left) / self._threads[address]
