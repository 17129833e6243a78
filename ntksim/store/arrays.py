"""Creates the arrays of a tree, all in the same manner."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from numpy.dtypes import StringDType
from zarr.codecs import ZstdCodec

from ntksim.store.chunks import MIB, blocks, cell_extents, inner_chunks
from ntksim.store.declared import index_attributes, name_attributes, variable_attributes
from ntksim.types import VariableSpec

TEXT = StringDType()
"""Fixed-length text has no stable specification in Zarr 3 and warns on every use."""

COMPRESSION_LEVEL = 1
"""Numbers of this kind hardly shrink more at higher levels, which take twice as long and more."""

BLOCK_BYTES = 64 * MIB
"""Cells are gathered and written in blocks of about this size, so that memory stays bounded."""

_STRING_BYTES = 1024
"""What a string counts for when chunks are chosen."""


@dataclass(frozen=True)
class GroupWriter:
    """A group whose arrays lead with cell axes; ``cells`` gives their sizes."""

    group: zarr.Group
    cells: Mapping[str, int]

    def coordinate(
        self, dim: str, values: Sequence[Any], dtype: str, attributes: Mapping[str, Any]
    ) -> None:
        """Write the coordinate of a dimension in one chunk."""
        array = np.array(values, dtype=_numpy_type(dtype))
        created = self._create(dim, dtype, {dim: len(array)}, (len(array),), attributes)
        if array.size:
            created[...] = array

    def inner_coordinates(
        self, sizes: Mapping[str, int], names: Mapping[str, Sequence[str]]
    ) -> None:
        """Write the coordinate of each dimension within a cell: its names, or numbers."""
        for dim, size in sizes.items():
            if dim in names:
                self.coordinate(dim, names[dim], "string", name_attributes(dim))
            else:
                self.coordinate(dim, range(size), "int64", index_attributes(dim))

    def data(self, name: str, spec: VariableSpec, values: np.ndarray) -> None:
        """Write an array without cell axes."""
        sizes = dict(zip(spec.dims, values.shape, strict=True))
        chunks = inner_chunks(sizes, values.itemsize).values()
        array = self._create(name, spec.dtype, sizes, chunks, variable_attributes(spec))
        if values.size:
            array[...] = values

    def cell_values(self, name: str, spec: VariableSpec, values: np.ndarray) -> None:
        """Write a variable that has one value a cell, given for all cells."""
        chunks = cell_extents(self.cells, _itemsize(spec.dtype)).values()
        array = self._create(name, spec.dtype, self.cells, chunks, variable_attributes(spec))
        array[...] = values

    def cell_texts(
        self, name: str, spec: VariableSpec, texts: Callable[[tuple[slice, ...]], np.ndarray]
    ) -> None:
        """Write a text for each cell, given for one block of cells after the other."""
        extents = tuple(cell_extents(self.cells, _itemsize(spec.dtype)).values())
        array = self._create(name, spec.dtype, self.cells, extents, variable_attributes(spec))
        for block in blocks(tuple(self.cells.values()), extents):
            array[block] = texts(block)

    def gathered(
        self,
        name: str,
        spec: VariableSpec,
        inner: Mapping[str, int],
        numbers: np.ndarray,
        value: Callable[[int], np.ndarray | None],
    ) -> None:
        """Write a variable from records, block by block.

        ``numbers`` holds the number of the record of each cell, −1 where there is none, and
        ``value`` returns its values, or ``None`` where a record does not have the variable. Those
        that are shorter than ``inner`` are padded.
        """
        cell_bytes = math.prod(inner.values()) * _itemsize(spec.dtype)
        chunks = cell_extents(self.cells, cell_bytes)
        sizes = {**self.cells, **inner}
        chunk_shape = (*chunks.values(), *inner_chunks(inner, _itemsize(spec.dtype)).values())
        array = self._create(name, spec.dtype, sizes, chunk_shape, variable_attributes(spec))
        extents = cell_extents(self.cells, cell_bytes, BLOCK_BYTES, chunks)
        for block in blocks(numbers.shape, tuple(extents.values())):
            here = numbers[block]
            values = None
            for position in map(tuple, np.argwhere(here >= 0).tolist()):
                found = value(int(here[position]))
                if found is None or found.size == 0:
                    continue
                if values is None:
                    shape = (*here.shape, *inner.values())
                    values = np.full(shape, fill(spec.dtype), dtype=spec.dtype)
                values[(*position, *(slice(0, size) for size in found.shape))] = found
            if values is not None:
                array[block] = values

    def _create(
        self,
        name: str,
        dtype: str,
        sizes: Mapping[str, int],
        chunks: Any,
        attributes: Mapping[str, Any],
    ) -> zarr.Array[Any]:
        return self.group.create_array(
            name,
            shape=tuple(sizes.values()),
            chunks=tuple(max(1, size) for size in chunks),
            dtype=_numpy_type(dtype),
            # The default has no checksum: flipped bits would be read as wrong numbers.
            compressors=[ZstdCodec(level=COMPRESSION_LEVEL, checksum=True)],
            # One folder an array, not one a dimension and index.
            chunk_key_encoding={"name": "default", "separator": "."},
            fill_value=fill(dtype),
            dimension_names=tuple(sizes),
            attributes=dict(attributes),
        )


def _numpy_type(dtype: str) -> Any:
    return TEXT if dtype == "string" else np.dtype(dtype)


def _itemsize(dtype: str) -> int:
    return _STRING_BYTES if dtype == "string" else np.dtype(dtype).itemsize


def fill(dtype: str) -> Any:
    """Return what stands where there is no value."""
    if dtype == "string":
        return ""
    return np.nan if np.dtype(dtype).kind == "f" else np.dtype(dtype).type(0)
