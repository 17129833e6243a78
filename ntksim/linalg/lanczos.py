"""The largest eigenvalue of a matrix that is only known through its products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy

from ntksim.types import Array


def largest_eigenvalue(
    product: Callable[[Array], Array], size: int, tolerance: float = 1e-6, max_products: int = 100
) -> float:
    """Largest eigenvalue of a symmetric positive semi-definite A of ``size`` rows.

    ``product`` maps v (size,) to A v. Lanczos iteration with full reorthogonalisation, from a
    fixed pseudo-random start, so that the same matrix always gives the same number. It stops when
    the residual norm of the Ritz pair, a bound on the error of the eigenvalue (whose own error is
    of the order of its square), is at most ``tolerance`` times the Ritz value, or after
    ``max_products``. The result never exceeds λ₁ but for rounding.
    """
    basis = np.empty((min(size, max_products), size))
    start = np.random.default_rng(0).standard_normal(size)
    basis[0] = start / np.linalg.norm(start)
    diagonal: list[float] = []
    off_diagonal: list[float] = []
    while True:
        known = basis[: len(diagonal) + 1]
        image = product(known[-1])
        diagonal.append(float(known[-1] @ image))
        for _ in range(2):  # once leaves rounding of the first subtraction
            image = image - known.T @ (known @ image)
        values, vectors = scipy.linalg.eigh_tridiagonal(diagonal, off_diagonal)
        largest = float(values[-1])
        step = float(np.linalg.norm(image))
        if len(known) == len(basis) or step * abs(vectors[-1, -1]) <= tolerance * abs(largest):
            return max(largest, 0.0)
        off_diagonal.append(step)
        basis[len(known)] = image / step
