"""Covariances by Hermite series (Mehler's formula).

With he_k the orthonormal Hermite polynomials and a_k(σ) = E[f(σz) he_k(z)], z ~ N(0, 1),

    E[f(u) f(v)] = Σ_k a_k(σ₁) a_k(σ₂) ρᵏ .

By Parseval's identity the terms from k = n on sum to at most |ρ|ⁿ √(R_n(σ₁) R_n(σ₂)), with the
measured remainder R_n(σ) = E[f(σz)²] − Σ_{k<n} a_k(σ)². Few terms do for a smooth f; for any f
they do where |ρ| is not close to 1.
"""

from __future__ import annotations

import numpy as np

from ntksim.nn.evaluation import Part, evaluated
from ntksim.nn.quadrature import equally_split, normal_density, rule_for
from ntksim.types import Activation, Array

_FEWEST_TERMS, _MOST_TERMS = 32, 4096  # powers of two
_TOLERANCE = 1e-12
_MOST_NODES = 700
_BLOCK = 1 << 14  # pairs whose running sums stay in the cache
# Beyond so many terms, coefficients are worth their cost only if enough pairs share them.
_ALWAYS, _PAIRS_WORTH = 512, 1.0 / 64.0


def hermite_covariance(
    activation: Activation,
    what: Part,
    stds: Array,
    norms: Array,
    pairs: tuple[np.ndarray, np.ndarray],
    correlation: Array,
) -> Array:
    """Return E[f(u) f(v)] for pairs (P,) of correlation ρ, to 1e-12 of √(E[f(u)²] E[f(v)²]).

    ``norms`` (S,) are √E[f(σz)²] for each σ of ``stds``; ``pairs`` are the indices in them of u and
    of v. NaN where the series needs too many terms.
    """
    first, second = pairs
    result = np.full(len(correlation), np.nan)
    left = np.arange(len(correlation))
    power = np.abs(correlation)
    for _ in range(_FEWEST_TERMS.bit_length() - 1):
        power *= power
    terms = _FEWEST_TERMS
    while left.size and terms <= _MOST_TERMS:
        used = np.zeros(len(stds), dtype=bool)
        used[first[left]] = used[second[left]] = True
        if terms > _ALWAYS and _PAIRS_WORTH * terms * np.count_nonzero(used) > len(left):
            break
        coefficients = hermite_coefficients(activation, what, stds[used], norms[used], terms)
        remainder = np.sqrt(np.maximum(1.0 - np.sum(coefficients**2, axis=0), 0.0))
        remainder[norms[used] == 0] = 0.0
        place = np.cumsum(used) - 1
        i, j = place[first[left]], place[second[left]]
        bound = power * remainder[i] * remainder[j]
        enough = bound <= _TOLERANCE
        ready = left[enough]
        result[ready] = _series(coefficients, i[enough], j[enough], correlation[ready])
        more = bound > _TOLERANCE  # not those whose bound is unknown
        left, power = left[more], power[more] ** 2
        terms *= 2
    return norms[first] * norms[second] * result


def hermite_coefficients(
    activation: Activation, what: Part, stds: Array, norms: Array, terms: int
) -> Array:
    """Return a_k(σ)/√E[f(σz)²], shape (terms, S); NaN for a σ where no rule gives them."""
    # On a piece of length 14, he_k √density turns by up to 14 √k radians: two nodes a turn needed.
    fewest = 32 + int(5.0 * np.sqrt(terms))
    result = np.empty((terms, len(stds)))
    for part in equally_split(stds):
        nodes = fewest
        previous = _projected(activation, what, stds[part], norms[part], terms, nodes)
        while True:
            nodes = 3 * nodes // 2
            current = _projected(activation, what, stds[part], norms[part], terms, nodes)
            sure = np.all(np.abs(current - previous) <= 1e-13, axis=0)
            if sure.all() or nodes > _MOST_NODES:
                break
            previous = current
        result[:, part] = np.where(sure, current, np.nan)
    return result


def _projected(
    activation: Activation, what: Part, stds: Array, norms: Array, terms: int, nodes: int
) -> Array:
    z, weight = rule_for(activation, stds, nodes)
    root_density = np.sqrt(normal_density(z))
    values = evaluated(activation, what, stds[:, None] * z)
    weighted = weight * root_density * values
    weighted = np.divide(
        weighted, norms[:, None], out=np.zeros(weighted.shape), where=norms[:, None] > 0
    )
    result = np.empty((terms, len(stds)))
    # he_k √density by the three-term recurrence, which is stable for them.
    previous, current = np.zeros_like(root_density), root_density
    for k in range(terms):
        result[k] = np.vecdot(current, weighted)
        following = (z * current - np.sqrt(k) * previous) / np.sqrt(k + 1)
        previous, current = current, following
    return result


def _series(coefficients: Array, first: np.ndarray, second: np.ndarray, rho: Array) -> Array:
    """Σ_k c_k[first] c_k[second] ρᵏ by Horner's rule."""
    result = np.empty(len(rho))
    for start in range(0, len(rho), _BLOCK):
        part = slice(start, start + _BLOCK)
        i, j, factor = first[part], second[part], rho[part]
        total = np.zeros(len(factor))
        for row in coefficients[::-1]:
            total *= factor
            total += row[i] * row[j]
        result[part] = total
    return result
