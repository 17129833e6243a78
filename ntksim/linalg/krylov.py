"""Orthonormal bases of block Krylov spaces, by the Lanczos process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from ntksim.linalg.spectrum import EPSILON
from ntksim.types import Array, Spectrum

INDEFINITE_LIMIT = 1e-6
"""Most negative Ritz value, relative to the largest, that is taken for an inexact kernel entry."""


class KrylovSpace:
    """span{R, K R, K² R, …} of a symmetric positive semi-definite K and a block of vectors R.

    ``basis`` Q (k, n) has orthonormal rows, ``projected`` is T = Q K Qᵀ (k, k), and ``start`` Q R
    are the coefficients of R. With E the last block of coordinates and Q′ the rows that come next,

        K Qᵀ = Qᵀ T + Q′ᵀ C Eᵀ,

    where ``coupling`` C is what the space misses; it is empty once the space is invariant. Every
    block is orthogonalised twice against all before it, so that rounding leaves Q orthonormal and
    the same R gives the same space whatever else is computed. Directions that rounding makes up are
    dropped: a block can shrink, and ends empty. The first block of a zero R is empty.

    Parameters
    ----------
    product
        Maps columns (n, c) to K times them. One call a step.
    vectors
        R (n, c).
    """

    def __init__(self, product: Callable[[Array], Array], vectors: Array) -> None:
        self._product = product
        n = len(vectors)
        self._rows = np.empty((0, n))
        self._triangle = np.empty((0, 0))
        self.size = 0
        scale = float(np.linalg.norm(vectors))
        self._next = _orthonormal(vectors.T / scale if scale > 0 else vectors.T, n * EPSILON)
        self._first = self._next @ vectors
        self._current = slice(0, 0)
        self.coupling = np.empty((0, 0))
        self._largest = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether the space is invariant: what follows from it is exact but for rounding."""
        return len(self._next) == 0

    @property
    def basis(self) -> Array:
        """Q (k, n); a view."""
        return self._rows[: self.size]

    @property
    def projected(self) -> Array:
        """T (k, k); a view."""
        return self._triangle[: self.size, : self.size]

    @property
    def start(self) -> Array:
        """Q R (k, c)."""
        start = np.zeros((self.size, self._first.shape[1]))
        start[: len(self._first)] = self._first[: self.size]
        return start

    @property
    def last(self) -> slice:
        """Coordinates of the last block."""
        return self._current

    def grow(self) -> None:
        """Take in the next block: one product with K."""
        block = self._next
        first, stop = self.size, self.size + len(block)
        self._reserve(stop)
        self._rows[first:stop] = block
        self.size, self._current = stop, slice(first, stop)
        image = np.ascontiguousarray(self._product(block.T).T)
        basis = self.basis
        inner = image @ basis.T
        self._largest = max(self._largest, float(np.linalg.norm(image, axis=1).max()))
        for _ in range(2):  # once leaves rounding of the first subtraction
            image -= (image @ basis.T) @ basis
        self._triangle[first:stop, :stop] = inner
        self._triangle[:stop, first:stop] = inner.T
        own = inner[:, first:]
        self._triangle[first:stop, first:stop] = 0.5 * (own + own.T)
        if stop >= len(self._rows[0]):
            self._next, self.coupling = self._rows[:0], np.empty((0, len(block)))
            return
        block = _orthonormal(image, len(self._rows[0]) * EPSILON * self._largest)
        block -= (block @ basis.T) @ basis  # normalising has made what was left of it larger
        self._next = _orthonormal(block, 0.5)
        self.coupling = self._next @ image.T

    def ritz(self) -> Spectrum:
        """Eigendecomposition of T; ``null_tolerance`` is n ε θ₁, with n that of K.

        Raises
        ------
        ValueError
            If there is a value so negative that K is no tangent kernel.
        """
        ascending, vectors = scipy.linalg.eigh(self.projected, driver="evd", check_finite=False)
        values = ascending[::-1]
        if values[-1] < -INDEFINITE_LIMIT * max(values[0], -values[-1]):
            raise ValueError(
                f"the kernel has an eigenvalue of at most {values[-1]:.6g} beside a largest of at "
                f"least {values[0]:.6g}; a tangent kernel has none below 0"
            )
        values = np.maximum(values, 0.0)
        tolerance = self._rows.shape[1] * EPSILON * float(values[0])
        return Spectrum(values, np.asfortranarray(vectors[:, ::-1]), tolerance)

    def _reserve(self, size: int) -> None:
        if size <= len(self._rows):
            return
        capacity = min(max(size, 3 * len(self._rows) // 2), max(size, self._rows.shape[1]))
        rows, triangle = np.empty((capacity, self._rows.shape[1])), np.zeros((capacity, capacity))
        rows[: self.size] = self.basis
        triangle[: self.size, : self.size] = self.projected
        self._rows, self._triangle = rows, triangle


def _orthonormal(rows: Array, tolerance: float) -> Array:
    """Return orthonormal rows with the same span, but for parts below the tolerance."""
    found: Any = scipy.linalg.qr(rows.T, mode="economic", pivoting=True, check_finite=False)
    q, r, _ = found
    rank = int(np.count_nonzero(np.abs(np.diagonal(r)) > tolerance))
    return np.ascontiguousarray(q[:, :rank].T)
