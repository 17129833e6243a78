"""Duals in closed form of activations without kinks: erf, gelu, sine and cosine.

Deficit and surplus of the features are differences here, accurate to rounding of the product of
their standard deviations. Smooth activations do not amplify that. One with a kink behind them sees
angles θ to about 1e-16/θ, at worst to 1e-8.
"""

from __future__ import annotations

import math

import numpy as np

from ntksim.types import Array, Dual, SecondMoments


def erf_dual(moments: SecondMoments) -> Dual:
    """Dual of erf (Williams 1998, eq. 11), with c the covariance.

        E[φφ]   = (2/π) arcsin(2c / √((1 + 2σ₁²)(1 + 2σ₂²)))
        E[φ′φ′] = (4/π) / √((1 + 2σ₁²)(1 + 2σ₂²) − 4c²)

    The last root is formed without its cancellation, from σ₁²σ₂² − c² = deficit · surplus.
    """
    root = np.hypot(
        np.sqrt(1.0 + 2.0 * (moments.std1**2 + moments.std2**2)), 2.0 * _determinant(moments)
    )
    covariance = (2.0 / math.pi) * np.arctan2(2.0 * moments.covariance, root)
    features = features_from_covariance(
        moments, _erf_std(moments.std1), _erf_std(moments.std2), covariance
    )
    return Dual(features, (4.0 / math.pi) / root)


def gelu_dual(moments: SecondMoments) -> Dual:
    """Dual of x Φ(x), Φ the normal distribution function.

    By Stein's identity, with P = E[Φ(u)Φ(v)] and Q = E[Φ′(u)Φ′(v)] = 1/(2πR) for
    R² = (1 + σ₁²)(1 + σ₂²) − c²,

        E[φφ]   = c P + Q (σ₁²σ₂² − c² + c² (1/(1 + σ₁²) + 1/(1 + σ₂²)))
        E[φ′φ′] = P + c Q (1/(1 + σ₁²) + 1/(1 + σ₂²) + 1/R²).
    """
    square1, square2 = moments.std1**2, moments.std2**2
    covariance, determinant = moments.covariance, _determinant(moments)
    root = np.hypot(np.sqrt(1.0 + (square1 + square2)), determinant)
    both_positive = 0.25 + np.arctan2(covariance, root) / (2.0 * math.pi)
    damping = 1.0 / (1.0 + square1) + 1.0 / (1.0 + square2)
    slope = covariance / (2.0 * math.pi * root)
    features = features_from_covariance(
        moments,
        _gelu_std(moments.std1),
        _gelu_std(moments.std2),
        covariance * both_positive
        + determinant * (determinant / root) / (2.0 * math.pi)
        + slope * (covariance * damping),
    )
    return Dual(features, both_positive + slope * (damping + 1.0 / root / root))


def sin_dual(moments: SecondMoments) -> Dual:
    """Dual of sin: E[φφ] = exp(−(σ₁² + σ₂²)/2) sinh c, E[φ′φ′] the same with cosh."""
    sine, cosine = _sine_and_cosine_covariances(moments)
    std1, std2 = (np.sqrt(-0.5 * np.expm1(-2.0 * s * s)) for s in (moments.std1, moments.std2))
    return Dual(features_from_covariance(moments, std1, std2, sine), cosine)


def cos_dual(moments: SecondMoments) -> Dual:
    """Dual of cos: E[φφ] = exp(−(σ₁² + σ₂²)/2) cosh c, E[φ′φ′] the same with sinh."""
    sine, cosine = _sine_and_cosine_covariances(moments)
    std1, std2 = (np.sqrt(0.5 + 0.5 * np.exp(-2.0 * s * s)) for s in (moments.std1, moments.std2))
    return Dual(features_from_covariance(moments, std1, std2, cosine), sine)


def features_from_covariance(
    moments: SecondMoments, std1: Array, std2: Array, covariance: Array
) -> SecondMoments:
    """Second moments of features φ(u), φ(v) that have a covariance and standard deviations.

    Points that are equal in ``moments`` stay equal exactly.
    """
    product = std1 * std2
    same = (moments.deficit == 0) & (moments.std1 == moments.std2)
    return SecondMoments(
        std1,
        std2,
        np.where(same, 0.0, np.maximum(product - covariance, 0.0)),
        np.where(same, 2.0 * product, np.maximum(product + covariance, 0.0)),
    )


def _determinant(moments: SecondMoments) -> Array:
    """Return √(σ₁²σ₂² − c²), as a product that overflows no earlier than its factors."""
    return np.sqrt(moments.deficit) * np.sqrt(moments.surplus)


def _erf_std(std: Array) -> Array:
    square = std * std
    return np.sqrt((2.0 / math.pi) * np.arctan2(2.0 * square, np.sqrt(1.0 + 4.0 * square)))


def _gelu_std(std: Array) -> Array:
    square = std * std
    root = np.sqrt(1.0 + 2.0 * square)
    positive = 0.25 + np.arctan2(square, root) / (2.0 * math.pi)
    return std * np.sqrt(positive + square / (1.0 + square) / (math.pi * root))


def _sine_and_cosine_covariances(moments: SecondMoments) -> tuple[Array, Array]:
    """E[sin u sin v] and E[cos u cos v]: exp(−(σ₁²+σ₂²)/2) times sinh c and cosh c."""
    spread = 0.5 * (moments.std1 - moments.std2) ** 2
    near = np.exp(-(moments.deficit + spread))
    far = np.exp(-(moments.surplus + spread))
    twice = moments.surplus - moments.deficit
    # near − far, as the larger of the two times what the smaller takes away from it.
    larger = np.maximum(near, far)
    sine = -0.5 * np.sign(twice) * larger * np.expm1(-np.abs(twice))
    return sine, 0.5 * (near + far)
