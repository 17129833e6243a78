"""Eigendecomposition of a training kernel."""

from __future__ import annotations

import numpy as np
import scipy

from ntksim.types import Array, Spectrum

EPSILON = float(np.finfo(np.float64).eps)

ASYMMETRY_LIMIT = 1e-8
"""Largest |K − Kᵀ| relative to the largest |K| that is taken for rounding and averaged away."""

INDEFINITE_LIMIT = 1e-6
"""Most negative eigenvalue, relative to the largest, that is taken for an inexact kernel entry."""

ROWS = 64
"""Rows or columns that are treated at once."""


def flatten_kernel(kernel: Array) -> Array:
    """Return a full kernel (N, K, M, K) as a matrix (N·K, M·K), ordered (point, output).

    A matrix (N, M) is returned as it is.

    Raises
    ------
    ValueError
        If the kernel has neither two nor four axes.
    """
    if kernel.ndim == 2:
        return kernel
    if kernel.ndim == 4:
        n, k, m, other = kernel.shape
        return kernel.reshape(n * k, m * other)
    raise ValueError(
        f"a kernel is (points, points) or (points, outputs, points, outputs); "
        f"this one has shape {kernel.shape}"
    )


def eigendecomposition(kernel: Array) -> Spectrum:
    """Eigendecomposition K = V diag(λ) Vᵀ with λ₁ ≥ λ₂ ≥ … ≥ 0.

    ``kernel`` is (N, N), or full (N, K, N, K), which is flattened in the order (point, output).
    The matrix is first scaled by a power of two, so that entries of any size that float64 holds
    are treated alike. Negative eigenvalues left by rounding are set to 0; ``null_tolerance`` is
    n ε λ₁. LAPACK's divide and conquer does the work: about 4.5 times the cost of one product of
    two such matrices.

    Raises
    ------
    ValueError
        If the kernel is empty, not square, not finite, not symmetric, or has an eigenvalue so
        negative that it is no tangent kernel.
    """
    matrix = flatten_kernel(np.asarray(kernel, dtype=np.float64))
    exponent = _checked_exponent(matrix)
    # In the order of Fortran and to be overwritten, the matrix is not copied any more.
    ascending, vectors = scipy.linalg.eigh(
        _symmetric(matrix, exponent).T, driver="evd", overwrite_a=True, check_finite=False
    )
    values = ascending[::-1]
    if values[-1] < -INDEFINITE_LIMIT * max(values[0], -values[-1]):
        raise ValueError(
            f"the kernel has the eigenvalue {np.ldexp(values[-1], exponent):.6g} beside a largest "
            f"of {np.ldexp(values[0], exponent):.6g}; a tangent kernel has none below 0"
        )
    eigenvalues = np.ldexp(np.maximum(values, 0.0), exponent)
    return Spectrum(
        eigenvalues=eigenvalues,
        eigenvectors=_with_columns_reversed(vectors),
        null_tolerance=len(values) * EPSILON * float(eigenvalues[0]),
    )


def _checked_exponent(matrix: Array) -> int:
    """Return e with max |matrix| in [2^(e−1), 2^e), having refused what is no kernel."""
    rows, columns = matrix.shape
    if rows != columns or rows == 0:
        raise ValueError(f"a training kernel is square and not empty; its shape is {matrix.shape}")
    if not np.isfinite(matrix).all():
        i, j = (int(index) for index in np.argwhere(~np.isfinite(matrix))[0])
        raise ValueError(f"the kernel holds {matrix[i, j]} at ({i}, {j}); it must be finite")
    return int(np.frexp(max(float(matrix.max()), -float(matrix.min())))[1])


def _symmetric(matrix: Array, exponent: int) -> Array:
    """Return a matrix whose upper triangle is the symmetric part of ``matrix`` times 2^−exponent.

    The work is done by blocks of rows that stay in a cache.
    """
    is_ordinary = abs(exponent) < 1000  # the power of two is a normal number
    scaled = matrix * 2.0**-exponent if is_ordinary else np.ldexp(matrix, -exponent)
    for first in range(0, len(scaled), ROWS):
        rows = slice(first, first + ROWS)
        above, below = scaled[rows, first:], scaled[first:, rows].T
        difference = below - above
        if np.abs(difference).max() > ASYMMETRY_LIMIT:
            at = np.unravel_index(np.abs(difference).argmax(), difference.shape)
            i, j = first + int(at[0]), first + int(at[1])
            raise ValueError(
                f"the kernel is not symmetric: {matrix[i, j]:.17g} at ({i}, {j}) "
                f"but {matrix[j, i]:.17g} at ({j}, {i})"
            )
        difference *= 0.5
        np.subtract(below, difference, out=above)
    return scaled


def _with_columns_reversed(vectors: Array) -> Array:
    """Reverse the order of columns in place, and return the array in the order of Fortran."""
    vectors = np.asfortranarray(vectors)
    half = vectors.shape[1] // 2
    for first in range(0, half, ROWS):
        left = slice(first, min(first + ROWS, half))
        right = slice(vectors.shape[1] - left.stop, vectors.shape[1] - left.start)
        kept = vectors[:, left].copy()
        vectors[:, left] = vectors[:, right][:, ::-1]
        vectors[:, right] = kept[:, ::-1]
    return vectors
