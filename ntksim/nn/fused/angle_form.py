"""Deep kernels as polynomials in the angle between two inputs.

Activations that are linear on either side of 0 do not see the sizes of their arguments. Behind
them, without biases or with inputs of one length, correlation and tangent kernel of the deepest
layer are functions of the angle θ of the inputs alone, analytic from 0 to π (θ and π − θ map to
each other's analytic functions in every layer). Their Chebyshev series take about 30 terms,
whatever the depth, up to some ten layers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ntksim.nn.layers import Layer
from ntksim.nn.moments import Moments
from ntksim.types import Array, SecondMoments

NODES = 128
MOST_TERMS = 56
TOLERANCE = 4e-16
"""Largest coefficient that is left out, relative to the largest value."""
GROWTH = 16.0
"""Largest sum of the sizes of the coefficients as powers, likewise: rounding grows by it."""
SMALLEST = 1.0 / 32.0
"""Smallest value, likewise: errors are relative to the largest one."""


@dataclass(frozen=True)
class AngleForm:
    """Polynomials in 2θ/π − 1, highest power first, shape (2, multiple of 8).

    The first is the correlation, the second the tangent kernel over the product of the deviations.
    """

    polynomials: Array


@lru_cache(maxsize=64)
def angle_form(layers: tuple[Layer, ...], std: float, fan_in: int) -> AngleForm | None:
    """Return the form of layers behind inputs of deviation ``std``, or ``None`` if it is not exact.

    It is refused where it takes too many terms, which is behind many layers, and where a value
    comes close to 0, so that its relative error would be large. It is remembered: kernels by tiles
    of points ask for the same one again and again.
    """
    half = 0.25 * math.pi * (_cosines(1)[0] + 1.0)
    square = std * std
    column = np.full((NODES, 1), std)
    moments = Moments(
        SecondMoments(
            column,
            column,
            (2.0 * square * np.sin(half) ** 2)[:, None],
            (2.0 * square * np.cos(half) ** 2)[:, None],
        ),
        np.zeros((NODES, 1)),
        fan_in,
        "fixed",
    )
    for layer in layers:
        moments = layer.moments(moments)
    product = moments.second.std_product[:, 0]
    values = np.stack([moments.second.covariance[:, 0], moments.ntk[:, 0]]) / product
    powers = [_powers(row) for row in values]
    if any(row is None for row in powers):
        return None
    found = [row for row in powers if row is not None]
    length = -8 * (-max(map(len, found)) // 8)
    return AngleForm(np.stack([np.pad(row[::-1], (length - len(row), 0)) for row in found]))


def _powers(values: Array) -> Array | None:
    """Coefficients of 1, z, z², … of the function with these values at Chebyshev's nodes."""
    size = np.abs(values).max()
    if not np.abs(values).min() > SMALLEST * size:
        return None
    coefficients = _cosines(*range(NODES)) @ values * (2.0 / NODES)
    coefficients[0] *= 0.5
    # Behind the last true coefficient all are rounding errors of the values.
    kept = np.flatnonzero(np.abs(coefficients) > TOLERANCE * size)
    if kept[-1] >= MOST_TERMS:
        return None
    coefficients = coefficients[: kept[-1] + 1]
    powers = np.asarray(np.polynomial.chebyshev.cheb2poly(coefficients), dtype=np.float64)
    return powers if np.abs(powers).sum() <= GROWTH * size else None


def _cosines(*orders: int) -> Array:
    """cos(k θ) at Chebyshev's nodes θ, a row for each order k, from arguments below 2π."""
    turns = np.outer(orders, 2 * np.arange(NODES) + 1) % (4 * NODES)
    return np.cos(turns * (0.5 * math.pi / NODES))
