"""How arrays are cut into chunks: for reading, whatever the order in which cells finish."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from ntksim.store.declared import CELL_AXES

MIB = 1 << 20

CELLS_TARGET = 2 * MIB
"""Cells share a chunk as long as it stays below this."""

CELL_LIMIT = 4 * MIB
"""A cell whose values take more is cut itself."""

_NEIGHBOURS = ("seed", "solver", "kernel", "width", "architecture", "dataset")
"""Axes in the order in which cells are read together: a mean over seeds, then a comparison."""


def inner_chunks(sizes: Mapping[str, int], itemsize: int) -> dict[str, int]:
    """Return the chunk shape of the dimensions within a cell.

    The longest dimension is halved until a chunk fits; ``time`` only when all others are 1, since
    a trajectory is read as a whole.
    """
    chunk = {dim: max(1, size) for dim, size in sizes.items()}
    while math.prod(chunk.values()) * itemsize > CELL_LIMIT:
        others = {dim: size for dim, size in chunk.items() if dim != "time" and size > 1}
        longest = max(others, key=others.__getitem__) if others else "time"
        chunk[longest] = math.ceil(chunk[longest] / 2)
    return chunk


def cell_extents(
    sizes: Mapping[str, int],
    cell_bytes: int,
    limit: int = CELLS_TARGET,
    start: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Return how many neighbouring cells fit into ``limit`` bytes along each cell axis.

    Grows from ``start`` (one cell each) in whole multiples of it, seeds first, and goes on to the
    next axis only when one is complete.
    """
    extents = dict(start or dict.fromkeys(sizes, 1))
    for axis in (axis for axis in _NEIGHBOURS if axis in sizes):
        room = limit // max(1, cell_bytes * math.prod(extents.values()))
        steps = math.ceil(sizes[axis] / extents[axis])
        taken = min(steps, max(1, room))
        # Equal parts, not a full one and a rest.
        extents[axis] *= math.ceil(steps / math.ceil(steps / taken))
        if taken < steps:
            break
        extents[axis] = min(extents[axis], max(1, sizes[axis]))
    return extents


def cell_axes(root: bool) -> tuple[str, ...]:
    """Return the cell axes of the root group, or of the group of a dataset."""
    return CELL_AXES if root else CELL_AXES[1:]


def blocks(sizes: Sequence[int], extents: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """Yield the slices that cover an array in blocks of the given extents."""
    starts = (range(0, size, extent) for size, extent in zip(sizes, extents, strict=True))
    for corner in product(*starts):
        yield tuple(
            slice(start, min(start + extent, size))
            for start, extent, size in zip(corner, extents, sizes, strict=True)
        )
