"""Memory for large intermediate arrays that is used again and again.

The system clears memory whenever it is given out anew, page by page, which for arrays that are
written once and read once takes longer than the arithmetic.
"""

from __future__ import annotations

import math
import sys
import threading
from types import TracebackType
from typing import Any

import numpy as np

from ntksim.types import Array

SMALLEST = 2**12
"""Numbers in the smallest array that is worth keeping."""

_current = threading.local()


def empty(shape: tuple[int, ...]) -> Array:
    """Return an array to be filled, in memory that the ``Recycling`` in force has no use for."""
    recycling: Recycling | None = getattr(_current, "recycling", None)
    return np.empty(shape) if recycling is None else recycling.empty(shape)


def in_force() -> Recycling:
    """Return the ``Recycling`` of an enclosing context, or a new one."""
    recycling: Recycling | None = getattr(_current, "recycling", None)
    return Recycling() if recycling is None else recycling


class Recycling:
    """A context in which ``empty`` gives arrays again that nobody refers to any more.

    It may be entered many times, also within itself, one thread at a time, and keeps its arrays in
    between: so repeated evaluations of one network are faster within one. An array that is still
    referred to, itself or through a view, is never given a second time.
    """

    def __init__(self) -> None:
        self._arrays: dict[tuple[int, ...], list[Array]] = {}
        self._before: list[Recycling | None] = []
        self._of_no_one = _references([np.empty(0)])[0]

    def empty(self, shape: tuple[int, ...]) -> Array:
        """Return an array of this shape that nobody refers to."""
        if math.prod(shape) < SMALLEST:
            return np.empty(shape)
        kept = self._arrays.setdefault(shape, [])
        for index, references in enumerate(_references(kept)):
            if references == self._of_no_one:
                return kept[index]
        kept.append(np.empty(shape))
        return kept[-1]

    def __enter__(self) -> Recycling:
        self._before.append(getattr(_current, "recycling", None))
        _current.recycling = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _current.recycling = self._before.pop()


def _references(kept: list[Any]) -> list[int]:
    """References to each object of a list, counted in the same way every time."""
    return [sys.getrefcount(array) for array in kept]
