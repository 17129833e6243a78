"""Arc-cosine duals: activations that are linear on either side of zero."""

from __future__ import annotations

import math

import numpy as np

from ntksim.types import Array, Dual, SecondMoments

_SERIES_BELOW = 0.9


def sine_minus_angle_cosine(angle: Array) -> Array:
    """Return q(θ) = sin θ − θ cos θ to full relative accuracy; q(θ) → θ³/3 for small θ ≥ 0."""
    square = angle * angle
    # Each term is θ²/((2k)(2k+3)) of the one before: the first left out is below 1e-16 of q.
    series = np.ones_like(angle)
    for divisor in (238.0, 180.0, 130.0, 88.0, 54.0, 28.0, 10.0):
        series = 1.0 - square / divisor * series
    return np.where(
        angle < _SERIES_BELOW,
        angle * square / 3.0 * series,
        np.sin(angle) - angle * np.cos(angle),
    )


def piecewise_linear_dual(
    moments: SecondMoments, negative_slope: float, slope_at_zero: float
) -> Dual:
    """Dual of φ(x) = x for x > 0 and b x for x < 0.

    With θ the angle of the pair, s = σ₁σ₂ and q(θ) = sin θ − θ cos θ,

        E[φφ]   = b c + (1−b)² s q(π−θ) / 2π
        E[φ′φ′] = b + (1−b)² (π−θ) / 2π        (Cho & Saul 2009, n = 1 and n = 0, for b = 0)

    and for the deficit, from whichever side its terms do not cancel,

        (1+b²)/2 · deficit − (1−b)² s q(θ) / 2π                    for θ ≤ π/2
        (1+b)²/2 · s − b · surplus − (1−b)² s q(π−θ) / 2π          for θ > π/2.

    ``slope_at_zero`` is φ′(0), which counts where a pair vanishes identically.
    """
    b = negative_slope
    acute = moments.deficit <= moments.surplus
    angle, complement = moments.angle, moments.complementary_angle
    product = moments.std_product
    weight = (1.0 - b) ** 2 / (2.0 * math.pi) * product
    rectified = weight * sine_minus_angle_cosine(complement)
    deficit = np.where(
        acute,
        0.5 * (1.0 + b * b) * moments.deficit - weight * sine_minus_angle_cosine(angle),
        0.5 * (1.0 + b) ** 2 * product - b * moments.surplus - rectified,
    )
    surplus = np.where(
        acute,
        0.5 * (1.0 + b) ** 2 * product - b * moments.deficit,
        0.5 * (1.0 - b) ** 2 * product + b * moments.surplus,
    )
    gain = math.sqrt(0.5 * (1.0 + b * b))
    features = SecondMoments(
        gain * moments.std1,
        gain * moments.std2,
        np.maximum(deficit, 0.0),
        np.maximum(surplus + rectified, 0.0),
    )
    mean1 = _mean_slope(moments.std1, b, slope_at_zero)
    mean2 = _mean_slope(moments.std2, b, slope_at_zero)
    alive = (moments.std1 > 0) & (moments.std2 > 0)
    derivative = b + (1.0 - b) ** 2 * complement / (2.0 * math.pi)
    return Dual(features, np.where(alive, derivative, mean1 * mean2))


def _mean_slope(std: Array, negative_slope: float, slope_at_zero: float) -> Array:
    return np.where(std > 0, 0.5 * (1.0 + negative_slope), slope_at_zero)
