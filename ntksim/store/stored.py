"""Reads arrays of a tree that may be damaged: what cannot be read is ``None``, not an exception."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import zarr

from ntksim.store.announced import MOST_CELLS

Position: TypeAlias = tuple[int, ...]

_UNREADABLE = (RuntimeError, ValueError, OSError, KeyError, MemoryError)
"""What zarr and its codecs raise for a damaged chunk; a wrong checksum is a ``RuntimeError``."""


@dataclass(frozen=True)
class StoredArray:
    """An array of the root group (for one dataset, if ``prefix`` says so) or of a dataset's."""

    array: zarr.Array[Any]
    prefix: Position
    cell_rank: int

    @classmethod
    def find(cls, root: zarr.Group, name: str, group: str, number: int) -> StoredArray | None:
        """Find a variable of a dataset: it is in the dataset's group, or else in the root."""
        for path, prefix in ((f"{group}/{name}", ()), (name, (number,))):
            found = root.get(path)
            if isinstance(found, zarr.Array):
                return cls(found, prefix, 5)
        return None

    @property
    def inner_dims(self) -> tuple[str, ...]:
        """Names of the dimensions within a cell."""
        names = getattr(self.array.metadata, "dimension_names", None) or ()
        return tuple(str(name) for name in names[len(self.prefix) + self.cell_rank :])

    @property
    def cell_bytes(self) -> int:
        """Bytes of the values of one cell."""
        inner = self.array.shape[len(self.prefix) + self.cell_rank :]
        return math.prod(inner) * self.array.dtype.itemsize

    def block(self, block: tuple[slice, ...]) -> np.ndarray | None:
        """Read the values of a block of cells."""
        return self._read((*self.prefix, *block))

    def cell(self, position: Position) -> np.ndarray | None:
        """Read the values of one cell."""
        return self._read((*self.prefix, *position))

    def _read(self, selection: tuple[slice | int, ...]) -> np.ndarray | None:
        try:
            return np.asarray(self.array[selection])
        except _UNREADABLE:
            return None


def read_names(root: zarr.Group, group: str, dims: Iterable[str]) -> dict[str, list[str]]:
    """Read the coordinates that are names, of a dataset's group or of the root."""
    found = {}
    for dim in sorted(dims):
        for path in (f"{group}/{dim}", dim):
            array = root.get(path)
            if isinstance(array, zarr.Array) and array.ndim == 1 and array.dtype.kind in "TOU":
                names = StoredArray(array, (), 1).block((slice(None),))
                if names is not None:
                    found[dim] = [str(name) for name in names]
                break
    return found


def read_texts(root: zarr.Group, name: str) -> dict[Position, str]:
    """Read a string variable of the root group where it can be read and is not empty.

    Raises
    ------
    KeyError, ValueError
        If there is no such array, or of more cells than there are.
    """
    array = root[name]
    if not isinstance(array, zarr.Array):
        raise ValueError(f"{name} is not an array")
    if math.prod(array.shape) > MOST_CELLS:
        raise ValueError(f"{name} announces {math.prod(array.shape):,} cells")
    stored = StoredArray(array, (), array.ndim)
    whole = stored.block(tuple(slice(0, size) for size in array.shape))
    texts = {}
    for position in np.ndindex(array.shape):
        text = stored.cell(position) if whole is None else whole[position]
        if text is not None and str(text):
            texts[position] = str(text)
    return texts
