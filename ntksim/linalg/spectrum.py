"""Eigendecomposition of a training kernel."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from ntksim.types import Array, Spectrum

EPSILON = float(np.finfo(np.float64).eps)

ASYMMETRY_LIMIT = 1e-8
"""Largest |K − Kᵀ| relative to the largest |K| that is taken for rounding and averaged away."""

INDEFINITE_LIMIT = 1e-6
"""Most negative eigenvalue, relative to the largest, that is taken for an inexact kernel entry."""


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
    ascending, vectors = scipy.linalg.eigh(
        _symmetric(matrix, exponent), driver="evd", overwrite_a=True, check_finite=False
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
        eigenvectors=np.asfortranarray(vectors[:, ::-1]),
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
    """Return the symmetric part of ``matrix`` times 2^−exponent."""
    scaled = np.ldexp(matrix, -exponent)
    difference = scaled - scaled.T
    if difference.max() > ASYMMETRY_LIMIT:
        i, j = (int(index) for index in np.unravel_index(difference.argmax(), matrix.shape))
        raise ValueError(
            f"the kernel is not symmetric: {matrix[i, j]:.17g} at ({i}, {j}) "
            f"but {matrix[j, i]:.17g} at ({j}, {i})"
        )
    difference *= 0.5
    scaled -= difference
    return scaled
