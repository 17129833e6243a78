"""Covariances by two-dimensional quadrature, split where the integrand is not smooth.

A standard pair (x, y) of correlation ρ is rotated to independent (r, w),

    x = A r + B w,   y = ±(A r − B w),   A ≥ B ≥ 0,   A² + B² = 1,   B² = (1 − |ρ|)/2,

with the sign of ρ. For fixed w the integrand in r is smooth between the kinks of f(σ₁x) and
f(σ₂y); as a function of w the inner integral is smooth between the w where two of those coincide.
"""

from __future__ import annotations

import numpy as np

from ntksim.nn.evaluation import Part, evaluated
from ntksim.nn.quadrature import (
    check_growth,
    equally_split,
    normal_density,
    not_converged,
    rule,
    scaled_breaks,
    sharp_points,
)
from ntksim.types import Activation, Array, SecondMoments

_REACH = 10.0  # the normal density is 8e-23 there
_TOLERANCE = 1e-11
_NODES = (16, 24, 36, 54, 81, 122, 183, 274, 411)
_CHUNK_ELEMENTS = 1 << 17
_STEEP = 6.0  # lower than for one dimension: nodes cost their square


def split_covariance(
    activation: Activation, what: Part, pairs: SecondMoments, norm1: Array, norm2: Array
) -> Array:
    """Return E[f(u) f(v)], f = φ or φ′ by ``what``, to 1e-11 of √(E[f(u)²] E[f(v)²]).

    All arrays of ``pairs`` are (P,); ``norm1`` and ``norm2`` (P,) are √E[f(u)²] and √E[f(v)²].

    Raises
    ------
    QuadratureError
        If f is not smooth between its kinks, or grows too fast for the normal density.
    """
    check_growth(activation, what, pairs.std1, norm1, _REACH)
    check_growth(activation, what, pairs.std2, norm2, _REACH)
    tolerance = _TOLERANCE * norm1 * norm2
    result = np.empty(len(tolerance))
    for left in equally_split(np.maximum(pairs.std1, pairs.std2), _STEEP):
        previous = np.full(len(left), np.inf)
        for nodes in _NODES:
            std1, std2 = pairs.std1[left], pairs.std2[left]
            current = _covariances(
                activation, what, std1, std2, pairs.deficit[left], pairs.surplus[left], nodes
            )
            result[left] = current
            unsure = ~(np.abs(current - previous) <= tolerance[left])
            left, previous = left[unsure], current[unsure]
            if not left.size:
                break
        else:
            first = left[0]
            raise not_converged(
                activation, what, float(pairs.std1[first]), float(pairs.std2[first])
            )
    return result


def _covariances(
    activation: Activation,
    what: Part,
    std1: Array,
    std2: Array,
    deficit: Array,
    surplus: Array,
    nodes: int,
) -> Array:
    sharp = sharp_points(activation, steep=max(std1.max(), std2.max()) > _STEEP)
    sign = np.where(surplus >= deficit, 1.0, -1.0)
    total = surplus + deficit
    smaller = np.divide(
        np.minimum(deficit, surplus), total, out=np.full_like(total, 0.5), where=total > 0
    )
    minor = np.sqrt(smaller)
    major = np.sqrt(1.0 - smaller)
    breaks1 = scaled_breaks(sharp, std1, _REACH)
    breaks2 = sign[:, None] * scaled_breaks(sharp, std2, _REACH)
    w, outer_weight = rule(_meetings(breaks1, breaks2, minor), _REACH, nodes)
    outer_weight *= normal_density(w)
    result = np.empty(len(std1))
    inner_points = (2 * len(sharp) + 3) * nodes
    size = max(1, _CHUNK_ELEMENTS // (w.shape[1] * inner_points))
    for start in range(0, len(std1), size):
        part = slice(start, start + size)
        shift = (minor[part, None] * w[part])[:, :, None]
        rise = major[part, None, None]
        middle = () if 0.0 in sharp else (-shift / rise, shift / rise)
        inner_breaks = np.concatenate(
            [
                (breaks1[part, None, :] - shift) / rise,
                (breaks2[part, None, :] + shift) / rise,
                *middle,
            ],
            axis=-1,
        )
        r, inner_weight = rule(inner_breaks, _REACH, nodes)
        x = rise * r + shift
        y = sign[part, None, None] * (rise * r - shift)
        product = evaluated(activation, what, std1[part, None, None] * x)
        product = product * evaluated(activation, what, std2[part, None, None] * y)
        inner = np.vecdot(inner_weight * normal_density(r), product)
        result[part] = np.vecdot(outer_weight[part], inner)
    return result


def _meetings(breaks1: Array, breaks2: Array, minor: Array) -> Array:
    """Return the w where a break of one function meets one of the other, or else 0; shape (P, …).

    Columns that are out of reach for all pairs are left out.
    """
    distance = (breaks1[:, :, None] - breaks2[:, None, :]).reshape(len(minor), -1)
    twice = np.broadcast_to(2.0 * minor[:, None], distance.shape)
    outside = np.full(distance.shape, _REACH)
    meetings = np.divide(distance, twice, out=outside, where=np.abs(distance) < _REACH * twice)
    meetings = meetings[:, np.any(np.abs(meetings) < _REACH, axis=0)]
    return meetings if meetings.size else np.zeros((len(minor), 1))
