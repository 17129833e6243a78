"""Both kernel matrices from a program: a product of the inputs, panel by panel, and the loops."""

from __future__ import annotations

import numpy as np

from ntksim.nn.fused.program import Program
from ntksim.nn.inputs import CHUNK, NEARLY_PARALLEL, Directions, one_minus_abs_cosine
from ntksim.types import Array, Kernels

ROWS = 256
"""Rows of a panel: enough for the full speed of gemm."""

COLUMNS = 512
"""Columns for which the coefficients of series are held at a time."""

PAIRS = 2**16
"""Near-parallel pairs that are listed at a time."""


def fused_kernels(program: Program, first: Directions, second: Directions | None) -> Kernels:
    """Run a program; its points are those of ``first``, then of ``second`` (``None``: the same).

    Needs the two results and about 10 MB: correlations are computed where the covariances will be.
    """
    from ntksim.nn.fused import loops

    n = len(first.std)
    symmetric = second is None
    other = first if second is None else second
    nngp, ntk = np.empty((n, len(other.std))), np.empty((n, len(other.std)))
    own = slice(0, n) if symmetric else slice(n, len(program.dead))
    left = np.ascontiguousarray(program.vectors[..., :n])
    right = left if symmetric else np.ascontiguousarray(program.vectors[..., own])
    kinds = np.array([[step.kind, step.place] for step in program.operations], dtype=np.int64)
    scalars = np.array(
        [[step.v, step.w, step.weight, *step.reaches] for step in program.operations]
    )
    for start in range(0, n, ROWS):
        stop = min(start + ROWS, n)
        begin = start if symmetric else 0
        panel = nngp[start:stop, begin:]
        np.matmul(first.unit[start:stop], other.unit[begin:].T, out=panel)
        rows, columns = _encode(panel, first, other, start, begin, symmetric)
        table = program.table(slice(start, stop))
        for column in range(begin, len(other.std), COLUMNS):
            end = min(column + COLUMNS, len(other.std))
            loops.kernel_block(
                nngp,
                ntk,
                (start, stop, column, end),
                symmetric,
                kinds,
                scalars,
                left,
                right,
                table,
                program.table(slice(own.start + column, own.start + end)),
                program.polynomials,
                program.ends,
            )
        for kernel, diagonal in ((nngp, program.nngp), (ntk, program.ntk)):
            kernel[rows, columns] = diagonal[rows]
            if symmetric:
                kernel[columns, rows] = diagonal[rows]
    if symmetric:
        np.fill_diagonal(nngp, program.nngp)
        np.fill_diagonal(ntk, program.ntk)
    return Kernels(nngp=nngp, ntk=ntk)


def _encode(
    panel: Array, first: Directions, other: Directions, start: int, begin: int, symmetric: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Write 1 − |ρ| of pairs that are nearly parallel into a panel, from their differences.

    The panel starts at row ``start`` and column ``begin``. Returns rows and columns of pairs of
    equal points.
    """
    from ntksim.nn.fused.loops import LEAST, MARK, near_parallel

    rows = slice(start, start + len(panel))
    scaled1, scaled2 = first.scaled[rows], other.scaled[begin:]
    size = max(PAIRS, panel.shape[1])
    i, j = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
    zeros1, zeros2 = np.flatnonzero(first.std[rows] == 0), np.flatnonzero(other.std[begin:] == 0)
    equal = [tuple(pair.ravel() for pair in np.meshgrid(zeros1, zeros2, indexing="ij"))]
    row, step = 0, max(1, CHUNK // scaled1.shape[1])
    offset = 1 if symmetric else -len(panel)
    while row < len(panel):
        count, row = near_parallel(panel, row, offset, NEARLY_PARALLEL, i, j)
        for part in (slice(k, min(k + step, count)) for k in range(0, count, step)):
            left, right = i[part].copy(), j[part].copy()
            # One coordinate has correlations of exactly ±1.
            flat = scaled1.shape[1] == 1
            gap = 0.0 if flat else one_minus_abs_cosine(scaled1[left], scaled2[right])
            sign = np.sign(panel[left, right])
            panel[left, right] = sign * (MARK * (LEAST + gap))
            same = (sign > 0) & (gap == 0) & (first.std[rows][left] == other.std[begin:][right])
            equal.append((left[same], right[same]))
    return (
        np.concatenate([pair[0] for pair in equal]) + start,
        np.concatenate([pair[1] for pair in equal]) + begin,
    )
