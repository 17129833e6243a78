"""The activations that come with the toolkit.

Their Gaussian duals in closed form are in ``angles`` and ``smooth_duals``; those that have none
are integrated (``dual``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy

from ntksim.nn.angles import piecewise_linear_dual
from ntksim.nn.smooth_duals import cos_dual, erf_dual, gelu_dual, sin_dual
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
        return scipy.special.erf(x)

    def derivative(self, x: Array) -> Array:
        return (2.0 / math.sqrt(math.pi)) * np.exp(-x * x)

    def closed_form(self, moments: SecondMoments) -> Dual:
        return erf_dual(moments)


@dataclass(frozen=True)
class Gelu(Activation):
    """Gaussian error linear unit, x Φ(x) with Φ the normal distribution function."""

    name: ClassVar[str] = "gelu"

    def value(self, x: Array) -> Array:
        return x * scipy.special.ndtr(x)

    def derivative(self, x: Array) -> Array:
        return scipy.special.ndtr(x) + x * np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)

    def closed_form(self, moments: SecondMoments) -> Dual:
        return gelu_dual(moments)


@dataclass(frozen=True)
class Sin(Activation):
    """Sine."""

    name: ClassVar[str] = "sin"

    def value(self, x: Array) -> Array:
        return np.sin(x)

    def derivative(self, x: Array) -> Array:
        return np.cos(x)

    def closed_form(self, moments: SecondMoments) -> Dual:
        return sin_dual(moments)


@dataclass(frozen=True)
class Cos(Activation):
    """Cosine."""

    name: ClassVar[str] = "cos"

    def value(self, x: Array) -> Array:
        return np.cos(x)

    def derivative(self, x: Array) -> Array:
        return -np.sin(x)

    def closed_form(self, moments: SecondMoments) -> Dual:
        return cos_dual(moments)


@dataclass(frozen=True)
class Tanh(Activation):
    """Hyperbolic tangent."""

    name: ClassVar[str] = "tanh"

    def value(self, x: Array) -> Array:
        return np.tanh(x)

    def derivative(self, x: Array) -> Array:
        return 4.0 * scipy.special.expit(2.0 * x) * scipy.special.expit(-2.0 * x)


@dataclass(frozen=True)
class Sigmoid(Activation):
    """Logistic function, 1/(1 + exp(−x))."""

    name: ClassVar[str] = "sigmoid"

    def value(self, x: Array) -> Array:
        return scipy.special.expit(x)

    def derivative(self, x: Array) -> Array:
        return scipy.special.expit(x) * scipy.special.expit(-x)


@dataclass(frozen=True)
class Softplus(Activation):
    """Smooth rectifier, log(1 + exp(x))."""

    name: ClassVar[str] = "softplus"

    def value(self, x: Array) -> Array:
        return np.logaddexp(0.0, x)

    def derivative(self, x: Array) -> Array:
        return scipy.special.expit(x)


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
"""All of them, in the order in which they are offered to studies."""
