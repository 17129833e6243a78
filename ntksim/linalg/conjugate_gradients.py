"""Conjugate gradients for several right-hand sides, preconditioned by known eigenvectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ntksim.types import Array


@dataclass(frozen=True)
class SpectralPreconditioner:
    """P⁻¹ = I + U diag(μ/θ − 1) Uᵀ with p orthonormal U (n, p) and their eigenvalues θ (p,) of A.

    It brings the known eigenvalues of A, all at least μ, down to μ: what is left is the condition
    of the rest. With approximate eigenvectors it is the preconditioner of randomised Nyström
    methods (Frangella, Tropp & Udell 2023); any P is safe, a poor one only costs iterations.
    """

    vectors: Array
    eigenvalues: Array

    def apply(self, residual: Array) -> Array:
        """P⁻¹ of columns (n, c)."""
        if not len(self.eigenvalues):
            return residual.copy()
        factors = self.eigenvalues.min() / self.eigenvalues - 1.0
        return residual + self.vectors @ (factors[:, None] * (self.vectors.T @ residual))


@dataclass(frozen=True)
class LinearSolution:
    """Approximate solutions X (n, c), their true residuals B − A X, and the products with A."""

    solution: Array
    residual: Array
    products: int


def conjugate_gradients(
    product: Callable[[Array], Array],
    targets: Array,
    start: Array,
    precondition: Callable[[Array], Array],
    tolerance: float,
    max_products: int,
) -> LinearSolution:
    """Solve A X = B for positive definite A by preconditioned conjugate gradients.

    All columns at once, each with coefficients of its own, from ``start`` X₀ until the Frobenius
    norm of B − A X is at most ``tolerance``, or ``max_products`` are used up. The residual is
    computed anew before it is believed; where the recurrence was wrong the iteration starts again
    from there, and it ends where rounding allows no more.
    """
    solution = start.copy()
    used, best = 0, np.inf
    residual = np.array(targets, dtype=np.float64)
    while True:
        residual = targets - product(solution)
        used += 1
        size = float(np.linalg.norm(residual))
        if size <= tolerance or used >= max_products or not size < 0.5 * best:
            return LinearSolution(solution, residual, used)
        best = size
        direction = np.zeros_like(residual)
        before = np.zeros(residual.shape[1])
        while used < max_products - 1 and np.linalg.norm(residual) > 0.5 * tolerance:
            corrected = precondition(residual)
            inner = np.einsum("nc,nc->c", residual, corrected)
            direction = corrected + direction * _quotient(inner, before)
            image = product(direction)
            used += 1
            step = _quotient(inner, np.einsum("nc,nc->c", direction, image))
            solution += step * direction
            residual -= step * image
            before = inner


def _quotient(numerator: Array, denominator: Array) -> Array:
    """0 where there is nothing to divide by: a column that is solved stays where it is."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
