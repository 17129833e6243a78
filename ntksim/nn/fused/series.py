"""Series of Hermite coefficients: activations without closed form, and all that are entire.

With a_k(σ) = E[φ(σz) he_k(z)]/√E[φ(σz)²] the correlation of features is ρ′ = Σ_k a_k(σ)a_k(σ′)ρᵏ
and the tangent kernel, over the deviations, is multiplied by dρ′/dρ (Mehler; Price). What is left
out is measured by Parseval's identity, for φ and for φ′, and holds at every ρ, ±1 included. The
coefficients are computed at Chebyshev's nodes in log σ and interpolated, which is checked between
the nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ntksim.nn.hermite import hermite_coefficients
from ntksim.nn.quadrature import root_mean_square
from ntksim.types import Activation, Array

TOLERANCE = 1e-12
"""Largest error of a correlation, and of dρ′/dρ relative to its largest value."""

MOST_TERMS, MOST_NODES = 2048, 129

REACHES = 5
"""How often the number of terms may be halved for pairs that are far from parallel."""


class SeriesTooLong(Exception):  # noqa: N818 - not an error: the layers' own algebra takes over
    """A series takes too many terms, as behind a kink, or varies too fast with σ."""


@dataclass(frozen=True)
class Series:
    """a_k(σ) as ``coefficients`` (terms, nodes) times ``basis`` (nodes, P), and its reaches.

    ``reaches`` say up to which |ρ| half of the terms are enough, half of those, and so on.
    """

    coefficients: Array
    basis: Array
    reaches: tuple[float, ...]

    def table(self, points: slice) -> Array:
        """a_k(σ) of some of the points, shape (terms, …)."""
        return self.coefficients @ self.basis[:, points]


def series(activation: Activation, std: Array) -> Series:
    """Return the series of an activation behind the deviations ``std`` (P,).

    Raises
    ------
    SeriesTooLong
        If ``TOLERANCE`` takes more than ``MOST_TERMS`` terms or ``MOST_NODES`` nodes.
    QuadratureError
        As from ``dual``.
    """
    positive = std[std > 0]
    if not positive.size:
        raise SeriesTooLong
    low, high = np.log(positive.min()), np.log(positive.max())
    if high - low < 1e-15:
        table = _coefficients(activation, np.exp([low]))
        return Series(table, np.ones((1, len(std))), _reaches(table))
    middle, half = 0.5 * (high + low), 0.5 * (high - low)
    nodes = 9
    while nodes <= MOST_NODES:
        z = np.cos(np.pi * (np.arange(nodes) + 0.5) / nodes)
        between = np.cos(np.pi * np.arange(1, nodes) / nodes)
        table = _coefficients(activation, np.exp(middle + half * np.append(z, between)))
        transform = _chebyshev(nodes, z) * (2.0 / nodes)
        transform[0] *= 0.5
        coefficients = table[:, :nodes] @ transform.T
        error = coefficients @ _chebyshev(nodes, between) - table[:, nodes:]
        # A correlation is a sum over k of products of two coefficients, and dρ′/dρ of k times them.
        weight = 1.0 + np.arange(len(table))[:, None]
        if np.sqrt(np.sum(weight * error * error, axis=0)).max() < 0.5 * TOLERANCE:
            inside = np.log(np.where(std > 0, std, positive.min()))
            basis = _chebyshev(nodes, np.clip((inside - middle) / half, -1.0, 1.0))
            return Series(coefficients, basis, _reaches(table))
        nodes = 2 * nodes - 1
    raise SeriesTooLong


def _reaches(table: Array) -> tuple[float, ...]:
    """Reaches of a table (terms, σ).

    What is left out is at most |ρ|ⁿ times the measured remainder, for φ and for φ′.
    """
    steep = np.arange(len(table))[:, None] * np.square(table)
    slope = np.maximum(steep.sum(axis=0), np.finfo(np.float64).tiny)
    reaches, terms = [], len(table)
    for _ in range(REACHES):
        terms = (terms + 1) // 2
        rest = max(
            np.square(table[terms:]).sum(axis=0).max(initial=0.0),
            (steep[terms:].sum(axis=0) / slope).max(initial=0.0),
            TOLERANCE,
        )
        reaches.append(float((TOLERANCE / rest) ** (1.0 / max(terms - 1, 1))))
    return tuple(np.minimum.accumulate(reaches).tolist())


def _chebyshev(number: int, z: Array) -> Array:
    """T_k(z) for k below ``number``, shape (number, z)."""
    return np.cos(np.outer(np.arange(number), np.arccos(z)))


def _coefficients(activation: Activation, stds: Array) -> Array:
    norms = root_mean_square(activation, "value", stds)
    slopes = root_mean_square(activation, "derivative", stds)
    if not (norms > 0).all():
        raise SeriesTooLong
    terms = 32
    while terms <= MOST_TERMS:
        table = hermite_coefficients(activation, "value", stds, norms, terms)
        squares = table * table
        # What is left out behind each term, of 1 and of σ²E[φ′(σz)²] = Σ k a_k².
        largest = (stds * slopes / norms) ** 2
        rest = 1.0 - np.cumsum(squares, axis=0)
        steep = 1.0 - np.cumsum(np.arange(terms)[:, None] * squares, axis=0) / largest
        enough = np.all((rest < TOLERANCE) & (steep < TOLERANCE), axis=1)
        if enough[-1]:
            return table[: np.argmax(enough) + 1]
        if np.isnan(table).any():
            break
        terms *= 2
    raise SeriesTooLong
