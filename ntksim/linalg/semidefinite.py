"""A factor of a positive semi-definite matrix, singular ones included."""

from __future__ import annotations

import numpy as np
import scipy

from ntksim.linalg.spectrum import EPSILON
from ntksim.types import Array

INDEFINITE_LIMIT = 1e-6
"""Largest part of a matrix, relative to its diagonal, that its factor may leave out."""


REGULAR = EPSILON**0.5
"""Least pivot, relative to the diagonal, above which a matrix is certainly regular: without an
exchange of rows, rounding alone leaves pivots far above n ε where there should be none."""

ROWS = 64
"""Rows that are compared with columns at once."""


def semidefinite_factor(matrix: Array) -> Array:
    """Return F (n, r) with F Fᵀ = A for a symmetric positive semi-definite A (n, n).

    The lower triangle of Cholesky where all its pivots are above √ε max diag A. Else with complete
    pivoting (LAPACK ``pstrf``), which stops at the numerical rank r: what it leaves out is at most
    n ε max diag A times a modest factor (Higham, *Accuracy and Stability of Numerical Algorithms*,
    10.1 and 10.3). Cost n r², a fraction of an eigendecomposition.

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
    tolerance = n * EPSILON * largest
    _refuse(_asymmetry(matrix), largest)
    cholesky, pivoted_cholesky = scipy.linalg.get_lapack_funcs(("potrf", "pstrf"), dtype=np.float64)
    if largest > 0:
        triangle, failed = cholesky(matrix.T, lower=1, clean=1)
        if not failed and np.diagonal(triangle).min() ** 2 > REGULAR * largest:
            return np.ascontiguousarray(triangle)
        triangle, pivots, rank, _ = pivoted_cholesky(matrix.T, tol=tolerance, lower=1)
        order = pivots - 1
        factor = np.empty((n, rank))
        factor[order] = np.tril(triangle[:, :rank])
    else:
        factor, order, rank = np.zeros((n, 0)), np.arange(n), 0
    # The rows of the pivots are met to rounding, whatever the matrix is.
    left = order[rank:]
    rest = matrix[np.ix_(left, left)] - factor[left] @ factor[left].T
    _refuse(float(np.abs(rest).max(initial=0.0)), largest)
    return factor


def _asymmetry(matrix: Array) -> float:
    """Return max |A − Aᵀ|, by blocks of rows that stay in a cache."""
    found = 0.0
    for first in range(0, len(matrix), ROWS):
        rows = slice(first, first + ROWS)
        difference = matrix[rows, first:] - matrix[first:, rows].T
        found = max(found, float(np.abs(difference).max(initial=0.0)))
    return found


def _refuse(missed: float, largest: float) -> None:
    if missed > INDEFINITE_LIMIT * largest:
        raise ValueError(
            f"the covariance is not symmetric positive semi-definite: its Cholesky factor misses "
            f"an entry by {missed:.3g} beside a largest variance of {largest:.3g}"
        )
