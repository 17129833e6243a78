"""Second moments of inputs, exact for pairs that are almost parallel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ntksim.nn.moments import Moments
from ntksim.types import Array, SecondMoments

NEARLY_PARALLEL = 1e-3
"""Pairs with 1 − |cos| below this are recomputed: 1 − cos has lost three digits of sixteen."""

CHUNK = 2**17
"""Largest number of coordinates of nearly parallel pairs that are held at a time."""


def input_moments(x1: Array, x2: Array | None = None) -> Moments:
    """Moments of inputs (N, *positions, features); ``x2=None`` means ``x1``, symmetric.

    The covariance is x·z/n for n features. Deficit and surplus, s₁s₂(1 ∓ cos), have full relative
    accuracy at every angle and norms from 1e-150 to 1e150. The tangent kernel is 0: inputs have no
    parameters.
    """
    positions = x1.shape[1:-1]
    second = _between_positions(x1, x2)
    within = (_within_points(x1), _within_points(x1 if x2 is None else x2)) if positions else ()
    return Moments(second, np.zeros_like(second.deficit), x1.shape[-1], "fixed", *within)


def vector_moments(x1: Array, x2: Array | None = None) -> SecondMoments:
    """Second moments x·z/n of the rows of (N, n) and (M, n)."""
    first = Directions.of(x1)
    second = first if x2 is None else Directions.of(x2)
    scaled1, scaled2 = first.scaled, second.scaled
    cosine = first.unit @ second.unit.T
    if x1.shape[1] > 1:  # one coordinate has cosines of exactly ±1
        deficit, surplus = _refined(cosine, scaled1, scaled2)
    else:
        deficit, surplus = 1.0 - cosine, 1.0 + cosine
    if x2 is None:
        np.fill_diagonal(deficit, 0.0)
        np.fill_diagonal(surplus, 2.0)
    std1, std2 = first.std[:, None], second.std[None, :]
    product = std1 * std2
    deficit *= product
    surplus *= product
    return SecondMoments(std1, std2, deficit, surplus)


@dataclass(frozen=True)
class Directions:
    """Rows (N, n) as directions and sizes, whatever their order of magnitude.

    ``scaled`` are the rows times powers of two, so that the largest entry is in [1/2, 1); ``unit``
    have length 1, or 0 for a row of zeros; ``std`` (N,) are the root mean squares.
    """

    scaled: Array
    unit: Array
    std: Array

    @classmethod
    def of(cls, x: Array) -> Directions:
        """Scale and normalise."""
        exponent = np.frexp(np.abs(x).max(axis=1))[1]
        scaled = np.ldexp(x, -exponent[:, None])
        norm = np.sqrt(np.vecdot(scaled, scaled))
        unit = scaled / np.where(norm > 0.0, norm, 1.0)[:, None]
        return cls(scaled, unit, np.ldexp(norm, exponent) / math.sqrt(x.shape[1]))


def _between_positions(x1: Array, x2: Array | None) -> SecondMoments:
    positions, features = x1.shape[1:-1], x1.shape[-1]
    rows1 = x1.reshape(-1, features)
    flat = vector_moments(rows1, None if x2 is None else x2.reshape(-1, features))
    if not positions:
        return flat
    n, m, p = len(x1), len(x1 if x2 is None else x2), math.prod(positions)
    ones = (1,) * len(positions)

    def pairs(matrix: Array) -> Array:
        return matrix.reshape(n, p, m, p).swapaxes(1, 2).reshape(n, m, *positions, *positions)

    return SecondMoments(
        flat.std1.reshape(n, 1, *positions, *ones),
        flat.std2.reshape(1, m, *ones, *positions),
        pairs(flat.deficit),
        pairs(flat.surplus),
    )


def _within_points(x: Array) -> SecondMoments:
    """Moments between the positions of each point, (N, 1, *positions, *positions′)."""
    parts = [_between_positions(x[i : i + 1], None) for i in range(len(x))]
    ones = (1,) * (x.ndim - 2)
    if not parts:
        empty = np.zeros((0, 1, *x.shape[1:-1], *x.shape[1:-1]))
        return SecondMoments(empty, empty, empty, empty)
    return SecondMoments(
        np.concatenate([part.std1 for part in parts]),
        np.concatenate([part.std2 for part in parts]).reshape(len(x), 1, *ones, *x.shape[1:-1]),
        np.concatenate([part.deficit for part in parts]),
        np.concatenate([part.surplus for part in parts]),
    )


def _refined(cosine: Array, scaled1: Array, scaled2: Array) -> tuple[Array, Array]:
    """1 − cos and 1 + cos, recomputed from the rows where either is small."""
    deficit, surplus = 1.0 - cosine, 1.0 + cosine
    rows, columns = np.nonzero(np.minimum(deficit, surplus) < NEARLY_PARALLEL)
    step = max(1, CHUNK // scaled1.shape[1])
    for start in range(0, len(rows), step):
        i, j = rows[start : start + step], columns[start : start + step]
        small = one_minus_abs_cosine(scaled1[i], scaled2[j])
        same_side = cosine[i, j] > 0.0
        deficit[i, j] = np.where(same_side, small, 2.0 - small)
        surplus[i, j] = np.where(same_side, 2.0 - small, small)
    return deficit, surplus


def one_minus_abs_cosine(x: Array, z: Array) -> Array:
    """Return 1 − |cos| between nearly parallel rows, to full relative accuracy.

    From the part w of z orthogonal to x: 1 − |cos| = s²/(1 + √(1 − s²)) with s = ‖w‖/‖z‖. The
    products in z − βx are split into two floats (Dekker 1971), so that no digit is lost although
    the difference is small; a second projection removes the rounding error of β.
    """
    square = np.vecdot(x, x)
    beta = (np.vecdot(x, z) / square)[:, None]
    product = beta * x
    beta_high, x_high = _leading_half(beta), _leading_half(x)
    beta_low, x_low = beta - beta_high, x - x_high
    rounding = beta_low * x_low - (
        ((product - beta_high * x_high) - beta_low * x_high) - beta_high * x_low
    )
    w = (z - product) - rounding
    w -= (np.vecdot(w, x) / square)[:, None] * x
    sine_squared = np.vecdot(w, w) / np.vecdot(z, z)
    return sine_squared / (1.0 + np.sqrt(1.0 - sine_squared))


def _leading_half(x: Array) -> Array:
    shifted = 134217729.0 * x  # 2²⁷ + 1 (Veltkamp)
    return shifted - (shifted - x)
