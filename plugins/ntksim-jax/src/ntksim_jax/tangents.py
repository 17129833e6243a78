"""Empirical tangent kernels by automatic differentiation, in blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from ntksim import Array, Params

from ntksim_jax.blocks import blocks, padded
from ntksim_jax.computing import computing
from ntksim_jax.program import Program

DIRECTIONS = 256
"""Most directions that are pushed forward at once: beyond, blocks of points get too small."""


def averaged_kernel(
    program: Program, params: Params, x1: Array, x2: Array | None, block_bytes: int
) -> Array:
    """(1/K) Σ_k ∇f_k(x1)·∇f_k(x2), shape (N, M), from gradients of two blocks of points at a time.

    Without ``x2`` the lower half is that of the upper.
    """
    other = x1 if x2 is None else x2
    kernel = np.zeros((len(x1), len(other)))
    most = block_bytes // (program.gradient_bytes + program.point_bytes)

    with computing():
        trained, fixed = program.split(params)

        def gradients(points: Array, size: int, unit: Array) -> Any:
            cotangents = np.tile(unit, (size, 1))
            return program.compiled["gradients"](trained, fixed, padded(points, size), cotangents)

        for unit in np.eye(program.outputs):
            for rows, row_size in blocks(len(x1), most):
                left = gradients(x1[rows], row_size, unit)
                for columns, column_size in blocks(len(other), most):
                    if x2 is None and columns.start < rows.start:
                        continue
                    same = x2 is None and columns == rows
                    right = left if same else gradients(other[columns], column_size, unit)
                    tile = np.asarray(program.compiled["contract"](left, right))
                    kernel[rows, columns] += tile[
                        : rows.stop - rows.start, : columns.stop - columns.start
                    ]
    kernel /= program.outputs
    return np.triu(kernel) + np.triu(kernel, 1).T if x2 is None else kernel


def full_kernel(
    program: Program, params: Params, x1: Array, x2: Array | None, block_bytes: int
) -> Array:
    """∇f_k(x1)·∇f_m(x2), shape (N, K, M, K), as J(x1) (J(x2)ᵀ e) for the unit vectors e of x2.

    A block of gradients of x2 is pushed forward through blocks of points of x1.
    """
    outputs = program.outputs
    other = x1 if x2 is None else x2
    points = np.repeat(np.arange(len(other)), outputs)
    units = np.tile(np.eye(outputs), (len(other), 1))
    kernel = np.empty((len(x1), outputs, len(points)))
    most = min(DIRECTIONS, block_bytes // (program.gradient_bytes + program.point_bytes))
    with computing():
        trained, fixed = program.split(params)
        for columns, size in blocks(len(points), most):
            count = columns.stop - columns.start
            directions = program.compiled["gradients"](
                trained, fixed, padded(other[points[columns]], size), padded(units[columns], size)
            )
            for rows, row_size in blocks(len(x1), block_bytes // (size * program.point_bytes)):
                pushed = program.compiled["push_many"](
                    trained, fixed, padded(x1[rows], row_size), directions
                )
                tile = np.asarray(pushed)[:count, : rows.stop - rows.start]
                kernel[rows, :, columns] = tile.transpose(1, 2, 0)
    if x2 is None:
        flat = kernel.reshape(len(points), len(points))
        kernel = 0.5 * (flat + flat.T)
    return kernel.reshape(len(x1), outputs, len(other), outputs)
