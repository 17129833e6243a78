"""Both kernel matrices from a program: a product of the inputs, tile by tile, and the loops."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ntksim.nn.fused.program import Program
from ntksim.nn.inputs import CHUNK, NEARLY_PARALLEL, Directions, one_minus_abs_cosine
from ntksim.types import Array, KernelKind, Kernels

BOTH: tuple[KernelKind, ...] = ("nngp", "ntk")

ROWS = 128
"""Rows of a tile: enough for the full speed of gemm, and with ``PIECE`` columns half a cache."""

PAIRS = 2**16
"""Near-parallel pairs that are listed at a time."""

APART = 8
"""Unused columns of a tile: without them its rows would compete for the same lines of a cache."""


def fused_kernels(
    program: Program,
    first: Directions,
    second: Directions | None,
    wanted: Collection[KernelKind] = BOTH,
) -> Kernels:
    """Run a program; its points are those of ``first``, then of ``second`` (``None``: the same).

    Needs the results that are ``wanted`` and about 10 MB.
    """
    from ntksim.nn.fused import loops

    n = len(first.std)
    symmetric = second is None
    other = first if second is None else second
    m = len(other.std)
    nngp = np.empty((n, m) if "nngp" in wanted else (0, 0))
    ntk = np.empty((n, m)) if "ntk" in wanted else None
    offset = 0 if symmetric else n
    right = np.ascontiguousarray(program.vectors[..., offset:])
    kinds = np.array([[step.kind, step.place] for step in program.operations], dtype=np.int64)
    scalars = np.array(
        [[step.v, step.w, step.weight, *step.reaches] for step in program.operations]
    )
    values = np.empty((ROWS, loops.PIECE + APART))
    tangents = None if ntk is None else np.empty_like(values)
    near = _Near(first, other, symmetric)
    for start in range(0, n, ROWS):
        stop = min(start + ROWS, n)
        left = np.ascontiguousarray(program.vectors[..., start:stop].transpose(2, 0, 1))
        table = np.ascontiguousarray(program.table(slice(start, stop)).T)
        for column in range(start if symmetric else 0, m, loops.PIECE):
            end = min(column + loops.PIECE, m)
            np.matmul(
                first.unit[start:stop],
                other.unit[column:end].T,
                out=values[: stop - start, : end - column],
            )
            near.encode(values, start, stop, column, end)
            loops.kernel_tile(
                nngp,
                ntk,
                values,
                tangents,
                (start, stop - start, column, end - column),
                symmetric,
                kinds,
                scalars,
                left,
                right,
                table,
                program.table(slice(offset + column, offset + end)),
                program.polynomials,
                program.ends,
            )
    rows, columns = near.equal_points()
    for kernel, diagonal in ((nngp, program.nngp), (ntk, program.ntk)):
        if kernel is None or not kernel.size:
            continue
        kernel[rows, columns] = diagonal[rows]
        if symmetric:
            kernel[columns, rows] = diagonal[rows]
            np.fill_diagonal(kernel, diagonal)
    return Kernels(nngp=nngp if "nngp" in wanted else None, ntk=ntk)


class _Near:
    """Pairs that are nearly parallel: their 1 − |ρ| from differences, and which are equal."""

    def __init__(self, first: Directions, other: Directions, symmetric: bool) -> None:
        self._first, self._other, self._symmetric = first, other, symmetric
        self._rows = np.empty(PAIRS, dtype=np.int64)
        self._columns = np.empty(PAIRS, dtype=np.int64)
        zeros1, zeros2 = np.flatnonzero(first.std == 0), np.flatnonzero(other.std == 0)
        self._equal = [tuple(k.ravel() for k in np.meshgrid(zeros1, zeros2, indexing="ij"))]

    def encode(self, values: Array, start: int, stop: int, column: int, end: int) -> None:
        """Write 1 − |ρ| of such pairs into a tile of correlations."""
        from ntksim.nn.fused.loops import LEAST, MARK, near_parallel

        shape = (stop - start, end - column)
        offset = start - column + 1 if self._symmetric else -shape[0]
        scaled1, scaled2 = self._first.scaled, self._other.scaled
        row, step = 0, max(1, CHUNK // scaled1.shape[1])
        while row < shape[0]:
            count, row = near_parallel(
                values, shape, row, offset, NEARLY_PARALLEL, self._rows, self._columns
            )
            for part in (slice(k, min(k + step, count)) for k in range(0, count, step)):
                i, j = self._rows[part].copy(), self._columns[part].copy()
                left, right = i + start, j + column
                # One coordinate has correlations of exactly ±1.
                flat = scaled1.shape[1] == 1
                gap = 0.0 if flat else one_minus_abs_cosine(scaled1[left], scaled2[right])
                sign = np.sign(values[i, j])
                values[i, j] = sign * (MARK * (LEAST + gap))
                same = (sign > 0) & (gap == 0) & (self._first.std[left] == self._other.std[right])
                if same.any():
                    self._equal.append((left[same], right[same]))

    def equal_points(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of pairs of equal points that were met."""
        return (
            np.concatenate([pair[0] for pair in self._equal]),
            np.concatenate([pair[1] for pair in self._equal]),
        )
