"""Second moments of pairs of random functions, kept in a form that loses no digits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ntksim.types.arrays import Array


@dataclass(frozen=True)
class SecondMoments:
    """Second moments of a zero-mean pair (u, v) for all pairs of points.

    For points i of a first and j of a second set, with σ the standard deviations (root mean
    squares) and c the covariance E[u_i v_j],

        deficit = σ_i σ_j − c ≥ 0,        surplus = σ_i σ_j + c ≥ 0.

    The covariance alone cannot tell an angle of 1e-9 from zero, because 1 − cos θ is below
    rounding. Deficit and surplus are each carried to full *relative* accuracy, so the angle is
    accurate at both ends: θ = 2 atan2(√deficit, √surplus) (Kahan 2006).

    Shapes: ``std1`` (N, 1, …) and ``std2`` (1, M, …) broadcast against ``deficit`` and ``surplus``
    (N, M, …). Trailing axes are free: a convolution keeps pairs of positions there.
    """

    std1: Array
    std2: Array
    deficit: Array
    surplus: Array

    @property
    def covariance(self) -> Array:
        """E[u_i v_j], shape (N, M, …)."""
        return 0.5 * (self.surplus - self.deficit)

    @property
    def std_product(self) -> Array:
        """σ_i σ_j, shape (N, M, …)."""
        return self.std1 * self.std2

    @property
    def angle(self) -> Array:
        """Angle in radians between the two as vectors; 0 where either vanishes."""
        return 2.0 * np.arctan2(np.sqrt(self.deficit), np.sqrt(self.surplus))

    @property
    def complementary_angle(self) -> Array:
        """Return π − angle, accurate next to zero; π where either vanishes."""
        angle = 2.0 * np.arctan2(np.sqrt(self.surplus), np.sqrt(self.deficit))
        return np.where(self.std_product == 0, np.pi, angle)

    def scaled(self, factor: float) -> SecondMoments:
        """Moments of (a·u, a·v) for a number a."""
        square = factor * factor
        return SecondMoments(
            abs(factor) * self.std1,
            abs(factor) * self.std2,
            square * self.deficit,
            square * self.surplus,
        )

    def plus(self, other: SecondMoments) -> SecondMoments:
        """Moments of the sum with an independent pair.

        With a, b the standard deviations of the two summands, Lagrange's identity

            √(a₁²+b₁²) √(a₂²+b₂²) − (a₁a₂ + b₁b₂) = (a₁b₂ − a₂b₁)² / (√… √… + a₁a₂ + b₁b₂)

        gives the new deficit and surplus as sums of non-negative terms: nothing cancels.
        """
        std1 = np.hypot(self.std1, other.std1)
        std2 = np.hypot(self.std2, other.std2)
        cross = self.std1 * other.std2 - self.std2 * other.std1
        total = std1 * std2 + (self.std1 * self.std2 + other.std1 * other.std2)
        # cross / total is at most 1: in this order the product overflows no earlier than std1 std2.
        lagrange = cross * np.divide(cross, total, out=np.zeros_like(cross), where=total > 0)
        return SecondMoments(
            std1,
            std2,
            self.deficit + other.deficit + lagrange,
            self.surplus + other.surplus + lagrange,
        )
