"""What the compiled loops do to a pair, layer by layer, and the vectors over points they need."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeAlias

import numpy as np

from ntksim.nn.activations import Abs, Erf, Gelu, Identity, LeakyRelu, Relu
from ntksim.nn.fused.series import REACHES, Series, series
from ntksim.nn.layers import Dense
from ntksim.nn.moments import Moments
from ntksim.types import Activation, Array

Vectors: TypeAlias = Array
"""Vectors over points, shape (vectors, points)."""

SLOTS = 6
"""Most vectors of an operation."""


class Kind(IntEnum):
    """Kinds of operations, by the numbers that ``loops`` knows them by."""

    PLAIN = 0
    """A dense layer without bias."""
    BIASED = 1
    """One whose weights and bias add multiples of their covariance to the tangent kernel."""
    DENSE = 2
    """Any other."""
    PIECEWISE = 3
    RECTIFIED = 4
    ERF = 5
    GELU = 6
    SERIES = 7
    ANGLE = 8


@dataclass(frozen=True)
class Operation:
    """One step; ``v`` and ``w`` are the kind's own numbers, ``place`` that of its vectors.

    For a dense layer with a bias they are those multiples, of the weights and of the bias.

    For a series they are its first term and their number, and ``reaches`` say up to which
    correlation half of them is enough, half of those, and so on.

    ``weight`` is what a dense layer without bias behind it adds to the tangent kernel, in units of
    the covariance.
    """

    kind: Kind
    v: float = 0.0
    w: float = 0.0
    weight: float = 0.0
    place: int = 0
    reaches: tuple[float, ...] = (0.0,) * REACHES

    def followed_by(self, weight: float) -> Operation:
        """Return the operation with a dense layer without bias behind it."""
        return replace(self, weight=weight)

    def at(self, place: int) -> Operation:
        """Return the operation with its vectors in a place."""
        return replace(self, place=place)


@dataclass(frozen=True)
class Lowered:
    """An activation as an operation with its vectors or series.

    ``acute`` says that correlations behind it are not negative.
    """

    operation: Operation
    acute: bool
    vectors: Vectors | None = None
    series: Series | None = None
    is_smooth: bool = True


def dense_vectors(layer: Dense, before: Moments, unit: Array | float) -> tuple[Array, ...]:
    """Deviations behind a dense layer that features, bias, weights and trained bias account for.

    Four vectors (P,), in units of ``unit``; the last two belong to the tangent kernel.
    """
    gain, bias = layer.multipliers(before.fan_in)
    features = gain * before.second.std1[:, 0] / unit
    constant = np.broadcast_to(bias / unit, features.shape)
    trained = 1.0 if layer.trained else 0.0
    return (
        layer.initial_weight_std * features,
        layer.initial_bias_std * constant,
        trained * features,
        trained * constant,
    )


def activation_operation(
    activation: Activation, std: Array, features: Array, terms: int, acute: bool
) -> Lowered:
    """Return the operation of an activation behind deviations ``std``.

    ``features`` are the deviations behind it, ``terms`` counts those of the series before it, and
    ``acute`` says that no correlation before it is negative.

    Raises
    ------
    SeriesTooLong
        If it needs a series, and that does not converge.
    """
    slope = _slope(activation)
    if slope is not None:
        v = 2.0 * slope / (1.0 + slope * slope)
        w = (1.0 - slope) ** 2 / (1.0 + slope * slope)
        kind = Kind.RECTIFIED if acute else Kind.PIECEWISE
        return Lowered(Operation(kind, v, w), acute or v <= 0.0, is_smooth=False)
    smooth = _SMOOTH.get(type(activation))
    if smooth is not None:
        kind, vectors = smooth
        return Lowered(Operation(kind), acute, vectors(std, features))
    found = series(activation, std)
    operation = Operation(Kind.SERIES, terms, len(found.coefficients), reaches=found.reaches)
    return Lowered(operation, False, series=found)


def _slope(activation: Activation) -> float | None:
    """Slope for negative arguments of an activation that is x for positive ones."""
    kind = type(activation)
    if kind is LeakyRelu:
        assert isinstance(activation, LeakyRelu)  # noqa: S101 - for the type checker
        return activation.negative_slope
    return {Relu: 0.0, Abs: -1.0, Identity: 1.0}.get(kind)


def _erf_vectors(std: Array, features: Array) -> Vectors:
    """p, (1 − p²)/2, 1/h, h, arccos(p²)/2 and the slope σ/σ′ · 2/√π / √(1 + 2σ²), p² = 2σ²/(1+2σ²).

    h² = arcsin p² = σ′² π/2.
    """
    root = np.hypot(1.0, math.sqrt(2.0) * std)
    h = features * math.sqrt(0.5 * math.pi)
    # arccos p² from its sine, √(1 − p⁴) = √(1 + 4σ²)/(1 + 2σ²).
    square = std / root * std / root
    angle = np.arctan2(np.sqrt(1.0 / root / root + 4.0 * square) / root, 2.0 * square)
    alive = features > 0
    return np.stack(
        [
            math.sqrt(2.0) * std / root,
            0.5 / root / root,
            np.divide(1.0, h, out=np.zeros_like(h), where=alive),
            h,
            0.5 * angle,
            np.divide(std, features, out=np.zeros_like(h), where=alive)
            * (2.0 / math.sqrt(math.pi))
            / root,
        ]
    )


def _gelu_vectors(std: Array, features: Array) -> Vectors:
    """p, d and σ/σ′, with d = 1/(1 + σ²) and p² = 1 − d."""
    root = np.hypot(1.0, std)
    ratio = np.divide(std, features, out=np.zeros_like(std), where=features > 0)
    return np.stack([std / root, 1.0 / root / root, ratio])


_SMOOTH: dict[type[Activation], tuple[Kind, Callable[[Array, Array], Vectors]]] = {
    Erf: (Kind.ERF, _erf_vectors),
    Gelu: (Kind.GELU, _gelu_vectors),
}
