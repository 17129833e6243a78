"""The activations that come with the toolkit, with their Gaussian duals in closed form.

References: arc-cosine kernels, Cho & Saul 2009, eqs 6 and 7 and Appendix A; erf, Williams 1998,
eq. 11. All forms here take the deficit and surplus of ``SecondMoments`` and lose no digits next to
parallel and antiparallel pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from ntksim.nn.angles import piecewise_linear_dual
from ntksim.types import Activation, Array, Dual, SecondMoments


@dataclass(frozen=True)
class Relu(Activation):
    """Rectifier, max(x, 0); its derivative at 0 is 0."""

    name: ClassVar[str] = "relu"
    kinks: ClassVar[tuple[float, ...]] = (0.0,)

    def value(self, x: Array) -> Array:
        return np.maximum(x, 0.0)

    def derivative(self, x: Array) -> Array:
        return (x > 0).astype(np.float64)

    def closed_form(self, moments: SecondMoments) -> Dual:
        return piecewise_linear_dual(moments, negative_slope=0.0, slope_at_zero=0.0)


@dataclass(frozen=True)
class LeakyRelu(Activation):
    """Rectifier with a slope for negative arguments; its derivative at 0 is that slope."""

    name: ClassVar[str] = "leaky_relu"
    kinks: ClassVar[tuple[float, ...]] = (0.0,)

    negative_slope: float = 0.01
    """Slope for x ≤ 0."""

    def value(self, x: Array) -> Array:
        return np.where(x > 0, x, self.negative_slope * x)

    def derivative(self, x: Array) -> Array:
        return np.where(x > 0, 1.0, self.negative_slope)

    def closed_form(self, moments: SecondMoments) -> Dual:
        return piecewise_linear_dual(moments, self.negative_slope, self.negative_slope)


@dataclass(frozen=True)
class Abs(Activation):
    """Absolute value; its derivative at 0 is 0."""

    name: ClassVar[str] = "abs"
    kinks: ClassVar[tuple[float, ...]] = (0.0,)

    def value(self, x: Array) -> Array:
        return np.abs(x)

    def derivative(self, x: Array) -> Array:
        return np.sign(x)

    def closed_form(self, moments: SecondMoments) -> Dual:
        return piecewise_linear_dual(moments, negative_slope=-1.0, slope_at_zero=0.0)


@dataclass(frozen=True)
class Identity(Activation):
    """The argument itself: a deep linear network."""

    name: ClassVar[str] = "identity"

    def value(self, x: Array) -> Array:
        return np.array(x)

    def derivative(self, x: Array) -> Array:
        return np.ones_like(x)

    def closed_form(self, moments: SecondMoments) -> Dual:
        return Dual(moments, np.ones_like(moments.deficit))


@dataclass(frozen=True)
class Erf(Activation):
    """Error function, (2/√π) ∫₀ˣ exp(−s²) ds."""

    name: ClassVar[str] = "erf"

    def value(self, x: Array) -> Array:
        return special.erf(x)

    def derivative(self, x: Array) -> Array:
        return (2.0 / math.sqrt(math.pi)) * np.exp(-x * x)

    def closed_form(self, moments: SecondMoments) -> Dual:
        # (1 + 2σ₁²)(1 + 2σ₂²) − 4c² without its cancellation: σ₁²σ₂² − c² = deficit · surplus.
        root = np.hypot(
            np.sqrt(1.0 + 2.0 * (moments.std1**2 + moments.std2**2)), 2.0 * _determinant(moments)
        )
        covariance = (2.0 / math.pi) * np.arctan2(2.0 * moments.covariance, root)
        features = _features(moments, _erf_std(moments.std1), _erf_std(moments.std2), covariance)
        return Dual(features, (4.0 / math.pi) / root)


@dataclass(frozen=True)
class Gelu(Activation):
    """Gaussian error linear unit, x Φ(x) with Φ the normal distribution function."""

    name: ClassVar[str] = "gelu"

    def value(self, x: Array) -> Array:
        return x * special.ndtr(x)

    def derivative(self, x: Array) -> Array:
        return special.ndtr(x) + x * np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)

    def closed_form(self, moments: SecondMoments) -> Dual:
        # By Stein's identity, with P = E[Φ(u)Φ(v)], Q = E[Φ′(u)Φ′(v)] = 1/(2π root):
        #   E[φφ]   = c P + Q (σ₁²σ₂² − c² + c² (1/(1+σ₁²) + 1/(1+σ₂²)))
        #   E[φ′φ′] = P + c Q (1/(1+σ₁²) + 1/(1+σ₂²) + 1/root²).
        square1, square2 = moments.std1**2, moments.std2**2
        covariance, determinant = moments.covariance, _determinant(moments)
        root = np.hypot(np.sqrt(1.0 + square1 + square2), determinant)
        both_positive = 0.25 + np.arctan2(covariance, root) / (2.0 * math.pi)
        damping = 1.0 / (1.0 + square1) + 1.0 / (1.0 + square2)
        slope = covariance / (2.0 * math.pi * root)
        features = _features(
            moments,
            _gelu_std(moments.std1),
            _gelu_std(moments.std2),
            covariance * both_positive
            + determinant * (determinant / root) / (2.0 * math.pi)
            + slope * (covariance * damping),
        )
        return Dual(features, both_positive + slope * (damping + 1.0 / root / root))


@dataclass(frozen=True)
class Sin(Activation):
    """Sine."""

    name: ClassVar[str] = "sin"

    def value(self, x: Array) -> Array:
        return np.sin(x)

    def derivative(self, x: Array) -> Array:
        return np.cos(x)

    def closed_form(self, moments: SecondMoments) -> Dual:
        sine, cosine = _sine_and_cosine_covariances(moments)
        std1, std2 = (np.sqrt(-0.5 * np.expm1(-2.0 * s * s)) for s in (moments.std1, moments.std2))
        return Dual(_features(moments, std1, std2, sine), cosine)


@dataclass(frozen=True)
class Cos(Activation):
    """Cosine."""

    name: ClassVar[str] = "cos"

    def value(self, x: Array) -> Array:
        return np.cos(x)

    def derivative(self, x: Array) -> Array:
        return -np.sin(x)

    def closed_form(self, moments: SecondMoments) -> Dual:
        sine, cosine = _sine_and_cosine_covariances(moments)
        std1, std2 = (
            np.sqrt(0.5 + 0.5 * np.exp(-2.0 * s * s)) for s in (moments.std1, moments.std2)
        )
        return Dual(_features(moments, std1, std2, cosine), sine)


@dataclass(frozen=True)
class Tanh(Activation):
    """Hyperbolic tangent."""

    name: ClassVar[str] = "tanh"

    def value(self, x: Array) -> Array:
        return np.tanh(x)

    def derivative(self, x: Array) -> Array:
        return 4.0 * special.expit(2.0 * x) * special.expit(-2.0 * x)


@dataclass(frozen=True)
class Sigmoid(Activation):
    """Logistic function, 1/(1 + exp(−x))."""

    name: ClassVar[str] = "sigmoid"

    def value(self, x: Array) -> Array:
        return special.expit(x)

    def derivative(self, x: Array) -> Array:
        return special.expit(x) * special.expit(-x)


@dataclass(frozen=True)
class Softplus(Activation):
    """Smooth rectifier, log(1 + exp(x))."""

    name: ClassVar[str] = "softplus"

    def value(self, x: Array) -> Array:
        return np.logaddexp(0.0, x)

    def derivative(self, x: Array) -> Array:
        return special.expit(x)


ACTIVATIONS: tuple[type[Activation], ...] = (
    Relu,
    LeakyRelu,
    Abs,
    Identity,
    Erf,
    Gelu,
    Sin,
    Cos,
    Tanh,
    Sigmoid,
    Softplus,
)


def _determinant(moments: SecondMoments) -> Array:
    """Return √(σ₁²σ₂² − c²), as a product that overflows no earlier than its factors."""
    return np.sqrt(moments.deficit) * np.sqrt(moments.surplus)


def _features(moments: SecondMoments, std1: Array, std2: Array, covariance: Array) -> SecondMoments:
    """Second moments of smooth features from their covariance.

    The deficit is a difference here, accurate to rounding of std1·std2. Smooth duals do not
    amplify that: only a kinked activation behind a smooth one would see it, at angles below 1e-8.
    Equal points are kept equal exactly.
    """
    product = std1 * std2
    same = (moments.deficit == 0) & (moments.std1 == moments.std2)
    deficit = np.where(same, 0.0, np.maximum(product - covariance, 0.0))
    surplus = np.where(same, 2.0 * product, np.maximum(product + covariance, 0.0))
    return SecondMoments(std1, std2, deficit, surplus)


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
