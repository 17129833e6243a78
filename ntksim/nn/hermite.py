"""Duals of smooth activations by their Hermite series (Mehler's formula).

With he_k the orthonormal Hermite polynomials and a_k(σ) = E[f(σz) he_k(z)], z ~ N(0, 1),

    E[f(u) f(v)] = Σ_k a_k(σ₁) a_k(σ₂) ρᵏ .

By Parseval's identity the terms that are left out sum to at most √(R(σ₁) R(σ₂)) with the measured
remainder R(σ) = E[f(σz)²] − Σ a_k(σ)².
"""

from __future__ import annotations

import numpy as np

from ntksim.nn.evaluation import evaluated
from ntksim.types import Activation, Array, SecondMoments

_REMAINDER = 1e-13
_MOST_TERMS = 1024
_REACH = 14.0  # f·he_k·density falls like exp(−z²/4): 5e-22 at the ends
_FEWEST_NODES, _MOST_NODES = 257, 8193
_BLOCK_ELEMENTS = 1 << 15  # a block of the result and its factors stay in the cache


def hermite_covariance(
    activation: Activation, what: str, moments: SecondMoments
) -> tuple[Array, Array, Array] | None:
    """Return the standard deviations of f(u), f(v) and E[f(u) f(v)], or None if too many terms.

    ``what`` chooses f = φ or φ′. Shapes are those of ``moments``.
    """
    stds, inverse = np.unique(
        np.concatenate([moments.std1.ravel(), moments.std2.ravel()]), return_inverse=True
    )
    found = _coefficients(activation, what, stds)
    if found is None:
        return None
    coefficients, norms = found
    first, second = inverse[: moments.std1.size], inverse[moments.std1.size :]
    left = coefficients[:, first].reshape(-1, *moments.std1.shape)
    right = coefficients[:, second].reshape(-1, *moments.std2.shape)
    covariance = _horner(left, right, _correlation(moments))
    return (
        norms[first].reshape(moments.std1.shape),
        norms[second].reshape(moments.std2.shape),
        covariance,
    )


def _correlation(moments: SecondMoments) -> Array:
    total = moments.surplus + moments.deficit
    difference = moments.surplus - moments.deficit
    return np.divide(difference, total, out=np.zeros_like(total), where=total > 0)


def _coefficients(activation: Activation, what: str, stds: Array) -> tuple[Array, Array] | None:
    """Coefficients (terms, stds) up to the remainder, and √E[f²] (stds,)."""
    terms = 64
    while terms <= _MOST_TERMS:
        found = _converged_coefficients(activation, what, stds, terms)
        if found is None:
            return None
        coefficients, squares = found
        remainder = squares - np.sum(coefficients**2, axis=0)
        if np.all(remainder <= _REMAINDER * squares):
            return _without_tail(coefficients, squares), np.sqrt(squares)
        terms *= 2
    return None


def _converged_coefficients(
    activation: Activation, what: str, stds: Array, terms: int
) -> tuple[Array, Array] | None:
    """Compare n with 2n nodes of the trapezoidal rule, which converges geometrically."""
    nodes = _FEWEST_NODES
    previous = None
    while nodes <= _MOST_NODES:
        coefficients, squares = _trapezoid(activation, what, stds, terms, nodes)
        if previous is not None:
            scale = np.sqrt(np.maximum(squares, np.finfo(np.float64).tiny))
            if np.all(np.abs(coefficients - previous) <= 1e-14 * scale):
                return coefficients, squares
        previous = coefficients
        nodes = 2 * nodes - 1
    return None


def _trapezoid(
    activation: Activation, what: str, stds: Array, terms: int, nodes: int
) -> tuple[Array, Array]:
    z, step = np.linspace(-_REACH, _REACH, nodes, retstep=True)
    root_density = np.exp(-0.25 * z * z) / (2.0 * np.pi) ** 0.25
    values = evaluated(activation, what, z[:, None] * stds)
    weighted = root_density[:, None] * values
    return step * (_hermite_functions(z, root_density, terms) @ weighted), step * np.sum(
        weighted**2, axis=0
    )


def _hermite_functions(z: Array, root_density: Array, terms: int) -> Array:
    """he_k(z) √density(z) for k < terms, by the three-term recurrence, which is stable for them."""
    functions = np.empty((terms, len(z)))
    functions[0] = root_density
    functions[1] = z * root_density
    for k in range(1, terms - 1):
        functions[k + 1] = (z * functions[k] - np.sqrt(k) * functions[k - 1]) / np.sqrt(k + 1)
    return functions


def _without_tail(coefficients: Array, squares: Array) -> Array:
    """Drop the last terms while what is dropped stays below a tenth of the allowed remainder."""
    tails = np.cumsum(coefficients[::-1] ** 2, axis=0)
    droppable = np.all(tails <= 0.1 * _REMAINDER * squares, axis=1)
    return coefficients[: len(coefficients) - int(np.argmin(droppable))]


def _horner(left: Array, right: Array, correlation: Array) -> Array:
    """Σ_k left[k] right[k] correlation**k, in blocks of rows."""
    result = np.empty(correlation.shape)
    row = max(1, int(np.prod(correlation.shape[1:])))
    rows = max(1, _BLOCK_ELEMENTS // row)
    for start in range(0, len(correlation), rows):
        part = slice(start, start + rows)
        rho = correlation[part]
        total = left[-1, part] * right[-1]
        for k in range(len(left) - 2, -1, -1):
            total *= rho
            total += left[k, part] * right[k]
        result[part] = total
    return result
