"""A factor of a positive semi-definite matrix, singular ones included."""

from __future__ import annotations

import numpy as np
from scipy.linalg import get_lapack_funcs

from ntksim.linalg.spectrum import EPSILON
from ntksim.types import Array

INDEFINITE_LIMIT = 1e-6
"""Largest part of a matrix, relative to its diagonal, that its factor may leave out."""


def semidefinite_factor(matrix: Array) -> Array:
    """Return F (n, r) with F Fᵀ = A for a symmetric positive semi-definite A (n, n).

    Cholesky with complete pivoting (LAPACK ``pstrf``), which stops at the numerical rank r: what it
    leaves out is at most n ε max diag A times a modest factor (Higham, *Accuracy and Stability of
    Numerical Algorithms*, 10.3). Cost n r², a fraction of an eigendecomposition.

    Raises
    ------
    ValueError
        If the matrix is not finite, or F Fᵀ misses it by more than rounding and inexact entries
        explain: it is not symmetric positive semi-definite.
    """
    n = len(matrix)
    if not np.isfinite(matrix).all():
        i, j = (int(index) for index in np.argwhere(~np.isfinite(matrix))[0])
        raise ValueError(f"the covariance holds {matrix[i, j]} at ({i}, {j}); it must be finite")
    largest = float(np.diagonal(matrix).max(initial=0.0))
    if largest <= 0:
        factor = np.zeros((n, 0))
    else:
        (pivoted_cholesky,) = get_lapack_funcs(("pstrf",), dtype=np.float64)
        triangle, pivots, rank, _ = pivoted_cholesky(matrix, tol=n * EPSILON * largest, lower=1)
        factor = np.empty((n, rank))
        factor[pivots - 1] = np.tril(triangle[:, :rank])
    left_out = float(np.abs(matrix - factor @ factor.T).max(initial=0.0))
    if left_out > INDEFINITE_LIMIT * largest:
        raise ValueError(
            "the covariance is not symmetric positive semi-definite: "
            f"{left_out:.3g} of it, beside a largest variance of {largest:.3g}, has no factor"
        )
    return factor
