"""Arrays in a file, before they are read: what is announced is checked first."""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from ntksim import DataError

from ntksim_builtin.datasets.reading.bounded import bounded_memory

DAMAGED = (
    OSError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a damaged file raises, in one format or another."""


@dataclass(frozen=True)
class StoredArray:
    """What a file announces about one of its arrays, and how to read it."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], np.ndarray[Any, Any]]

    @property
    def size(self) -> int:
        """Bytes that it takes in memory: as float64, or as its own type where that is larger."""
        return math.prod(self.shape) * max(8, self.dtype.itemsize)


def read_stored(
    stored: Mapping[str, StoredArray],
    names: Sequence[str],
    text: Collection[str],
    limit: int,
    file: str,
) -> dict[str, np.ndarray[Any, Any]]:
    """Read arrays that hold numbers, or words for those in ``text``, up to ``limit`` bytes in all.

    Raises
    ------
    DataError
        If one is missing, holds something else, or they are too large.
    """
    require(names, stored, f"{file} has no array")
    for name in names:
        dtype = stored[name].dtype
        if dtype.hasobject and dtype.kind != "T":
            raise DataError(
                f"{file}: {name} holds Python objects, which only a pickle can store, and pickles "
                "are never read; save it as an array of numbers"
            )
        if dtype.kind not in ("biufUST" if name in text else "biuf"):
            raise DataError(f"{file}: {name} holds {dtype}, not real numbers")
    size = sum(stored[name].size for name in set(names))
    if size > limit:
        shapes = ", ".join(f"{name} {stored[name].shape}" for name in names)
        raise DataError(
            f"{file} announces {size / 1e9:.3g} GB as float64 ({shapes}), more than "
            f"max_gigabytes: {limit / 1e9:g}"
        )
    return {name: _read(stored[name], name, file) for name in names}


def _read(stored: StoredArray, name: str, file: str) -> np.ndarray[Any, Any]:
    try:
        with bounded_memory(stored.size):
            return stored.read()
    except MemoryError:
        raise DataError(
            f"{file}: {name} takes far more memory to read than the {stored.size:,} bytes that it "
            "announces"
        ) from None
    except DAMAGED as error:
        raise DataError(f"{file}: {name} cannot be read: {error}") from None


def require(names: Iterable[str], there: Iterable[str], complaint: str) -> None:
    """Refuse names that are not there, with a list of those that are and the nearest.

    Raises
    ------
    DataError
        Starting with ``complaint``.
    """
    there = list(there)
    for name in names:
        if name not in there:
            near = get_close_matches(name, there, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            shown = ", ".join(there[:30]) + (", …" if len(there) > 30 else "")
            raise DataError(f"{complaint} '{name}'; there are {shown or 'none'}{hint}")
