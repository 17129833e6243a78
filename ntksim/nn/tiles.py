"""Pairs of tiles of points, of which each is prepared as seldom as memory allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

Prepared = TypeVar("Prepared")


def slices(points: int, most: int) -> list[slice]:
    """Cut points into pieces of at most ``most``, all of one size but the last, which may be less.

    There is one piece, which is empty, where there are no points; ``most`` below 1 is 1.
    """
    number = max(1, -(-points // max(1, most)))
    step = max(1, -(-points // number))
    return [slice(start, min(start + step, points)) for start in range(0, max(points, 1), step)]


def tile_pairs(
    rows: list[slice],
    columns: list[slice] | None,
    held: int,
    prepare_row: Callable[[slice], Prepared],
    prepare_column: Callable[[slice], Prepared],
) -> Iterator[tuple[slice, slice, Prepared, Prepared]]:
    """Yield all pairs of tiles with what was prepared of each.

    ``columns=None`` means those of the rows: then the pairs are those on and above the diagonal,
    and the two sides of a pair on it are one object. Of the rows ``held`` are prepared at a time
    and kept, of the columns one; a column is prepared once for every such batch of rows.
    """
    for start in range(0, len(rows), max(1, held)):
        batch = [(tile, prepare_row(tile)) for tile in rows[start : start + max(1, held)]]
        if columns is None:
            for index, (column, right) in enumerate(batch):
                for row, left in batch[: index + 1]:
                    yield row, column, left, right
        for column in rows[start + len(batch) :] if columns is None else columns:
            right = prepare_column(column)
            for row, left in batch:
                yield row, column, left, right
