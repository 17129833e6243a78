"""Duals of activations with kinks, by Gauss-Legendre quadrature split where the integrand kinks.

A standard pair (x, y) of correlation ρ is rotated to independent (r, w),

    x = A r + B w,   y = ±(A r − B w),   A ≥ B ≥ 0,   A² + B² = 1,   B² = (1 − |ρ|)/2,

with the sign of ρ. For fixed w the integrand in r is smooth between the kinks of f(σ₁x) and
f(σ₂y); as a function of w the inner integral is smooth between the w where two of those coincide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ntksim.nn.evaluation import QuadratureError, evaluated
from ntksim.types import Activation, Array, SecondMoments

_REACH = 9.0  # the normal density is 1e-18 there
_TOLERANCE = 1e-11
_FEWEST_NODES, _MOST_NODES = 24, 384
_CHUNK_ELEMENTS = 1 << 21
_STEEP, _LAYER = 25.0, 8.0


def split_second_moment(activation: Activation, what: str, std: Array) -> Array:
    """Return √E[f(σz)²] for each σ, f = φ or φ′ by ``what``."""
    stds, inverse = np.unique(std, return_inverse=True)
    squares = _converged(
        activation,
        what,
        lambda nodes: _second_moments(activation, what, stds, nodes),
        lambda squares: squares,
    )
    return np.sqrt(squares)[inverse].reshape(std.shape)


def split_covariance(
    activation: Activation, what: str, moments: SecondMoments, norm1: Array, norm2: Array
) -> Array:
    """Return E[f(u) f(v)]; ``norm1`` and ``norm2`` are √E[f(u)²] and √E[f(v)²]."""
    shape = moments.deficit.shape
    std1, std2, scale = (
        np.broadcast_to(array, shape).ravel()
        for array in (moments.std1, moments.std2, norm1 * norm2)
    )
    deficit, surplus = moments.deficit.ravel(), moments.surplus.ravel()
    result = np.empty(len(scale))
    for part in _chunks(len(scale), _CHUNK_ELEMENTS // 4096):
        result[part] = _converged(
            activation,
            what,
            lambda nodes, part=part: _covariances(
                activation, what, std1[part], std2[part], deficit[part], surplus[part], nodes
            ),
            lambda _, part=part: scale[part],
        )
    return result.reshape(shape)


def _converged(
    activation: Activation,
    what: str,
    integrate: Callable[[int], Array],
    scale_of: Callable[[Array], Array],
) -> Array:
    nodes = _FEWEST_NODES
    previous = integrate(nodes)
    while nodes < _MOST_NODES:
        nodes *= 2
        current = integrate(nodes)
        if np.all(np.abs(current - previous) <= _TOLERANCE * np.abs(scale_of(current))):
            return current
        previous = current
    raise QuadratureError(
        f"the Gaussian dual of the {what} of activation '{activation.name}' did not converge with "
        f"{_MOST_NODES} nodes between its kinks {activation.kinks}; list every point where the "
        "function or one of its derivatives jumps in `kinks`"
    )


def _points(activation: Activation, largest_std: float) -> Array:
    # Zero is where a function that is steep on the scale of σ has its step, and where σ is large
    # the step is a layer of its own: activations vary on the scale of 1.
    layer = (-_LAYER, _LAYER) if largest_std > _STEEP else ()
    return np.unique(np.array([*activation.kinks, 0.0, *layer]))


def _second_moments(activation: Activation, what: str, stds: Array, nodes: int) -> Array:
    ends = _clipped(_points(activation, stds.max(initial=0.0)), stds)
    z, weight = _pieces(ends, nodes)
    values = evaluated(activation, what, stds[:, None] * z)
    return np.sum(weight * _density(z) * values**2, axis=-1)


def _covariances(
    activation: Activation,
    what: str,
    std1: Array,
    std2: Array,
    deficit: Array,
    surplus: Array,
    nodes: int,
) -> Array:
    points = _points(activation, max(std1.max(initial=0.0), std2.max(initial=0.0)))
    sign = np.where(surplus >= deficit, 1.0, -1.0)
    total = surplus + deficit
    smaller = np.divide(
        np.minimum(deficit, surplus), total, out=np.full_like(total, 0.5), where=total > 0
    )
    minor = np.sqrt(smaller)
    major = np.sqrt(1.0 - smaller)
    breaks1 = _clipped(points, std1)[:, 1:-1]
    breaks2 = sign[:, None] * _clipped(points, std2)[:, 1:-1]
    meeting = (breaks1[:, :, None] - breaks2[:, None, :]).reshape(len(std1), -1)
    twice = np.broadcast_to(2.0 * minor[:, None], meeting.shape)
    outer_breaks = np.divide(meeting, twice, out=np.zeros_like(meeting), where=twice > 0)
    w, outer_weight = _pieces(_with_ends(outer_breaks), nodes)
    result = np.empty(len(std1))
    inner_points = (2 * breaks1.shape[1] + 1) * nodes
    for part in _chunks(len(std1), max(1, _CHUNK_ELEMENTS // (w.shape[1] * inner_points))):
        shift = (minor[part, None] * w[part])[:, :, None]
        rise = major[part, None, None]
        inner_breaks = np.concatenate(
            [
                (breaks1[part, None, :] - shift) / rise,
                (breaks2[part, None, :] + shift) / rise,
            ],
            axis=-1,
        )
        r, inner_weight = _pieces(_with_ends(inner_breaks), nodes)
        x = rise * r + shift
        y = sign[part, None, None] * (rise * r - shift)
        f1 = evaluated(activation, what, std1[part, None, None] * x)
        f2 = evaluated(activation, what, std2[part, None, None] * y)
        inner = np.sum(inner_weight * _density(r) * f1 * f2, axis=-1)
        result[part] = np.sum(outer_weight[part] * _density(w[part]) * inner, axis=-1)
    return result


def _density(z: Array) -> Array:
    return np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)


def _clipped(points: Array, stds: Array) -> Array:
    """Ends of the pieces in units of σ: −reach, the points, reach; shape (stds, points + 2)."""
    limit = _REACH * stds[:, None]
    clipped = np.clip(points, -limit, limit)
    scaled = np.divide(clipped, stds[:, None], out=np.zeros(clipped.shape), where=stds[:, None] > 0)
    return _with_ends(scaled)


def _with_ends(breaks: Array) -> Array:
    inside = np.sort(np.clip(breaks, -_REACH, _REACH), axis=-1)
    end = np.full((*breaks.shape[:-1], 1), _REACH)
    return np.concatenate([-end, inside, end], axis=-1)


def _pieces(ends: Array, nodes: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on every piece, flattened along the last axis."""
    unit, weight = np.polynomial.legendre.leggauss(nodes)
    half = 0.5 * np.diff(ends, axis=-1)[..., None]
    middle = 0.5 * (ends[..., 1:] + ends[..., :-1])[..., None]
    shape = (*ends.shape[:-1], -1)
    return (middle + half * unit).reshape(shape), (half * weight).reshape(shape)


def _chunks(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))
