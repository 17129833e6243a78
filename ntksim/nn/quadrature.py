"""Gauss-Legendre rules on the pieces between the points where an activation is not smooth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from ntksim.nn.evaluation import Part, QuadratureError, evaluated
from ntksim.types import Activation, Array

REACH = 14.0
"""Ends of one-dimensional integrals, in standard deviations; √density is 5e-22 there."""

STEEP = 25.0
"""Deviation above which one-dimensional integrals have pieces of their own around 0."""

_TOLERANCE = 1e-12
_NODES = (32, 64, 128, 256, 512, 1024)
_CHUNK = 256
_LAYER = 16.0


def root_mean_square(activation: Activation, what: Part, stds: Array) -> Array:
    """Return √E[f(σz)²], z ~ N(0, 1), for each σ in ``stds`` (S,), f = φ or φ′ by ``what``.

    Raises
    ------
    QuadratureError
        If f is not smooth between its kinks, or grows too fast for the normal density.
    """
    result = np.empty(len(stds))
    for part in equally_split(stds):
        result[part] = _converged(activation, what, stds[part])
    check_growth(activation, what, stds, result, REACH)
    return result


def check_growth(
    activation: Activation, what: Part, stds: Array, norms: Array, reach: float
) -> None:
    """Check that f(σz)² times the density has all of its weight between ±reach.

    ``norms`` are √E[f(σz)²]. Polynomials pass at every σ, exponentials only at small ones.

    Raises
    ------
    QuadratureError
        If more than 1e-12 of it is beyond.
    """
    ends = np.abs(evaluated(activation, what, stds[:, None] * np.array([-reach, reach])))
    excessive = ends.max(axis=1) * math.sqrt(normal_density(reach)) > 1e-6 * norms
    if excessive.any():
        raise QuadratureError(
            f"the {what} of activation '{activation.name}' grows too fast to be integrated over a "
            f"normal variable of standard deviation {stds[excessive].min():g}"
        )


def not_converged(activation: Activation, what: Part, *stds: float) -> QuadratureError:
    """Return the error for a function that is not smooth on its pieces."""
    at = " and ".join(f"{std:g}" for std in stds)
    return QuadratureError(
        f"the Gaussian dual of the {what} of activation '{activation.name}' did not converge at "
        f"standard deviation {at}. The usual reason is a point where the function or one of its "
        f"derivatives jumps that `kinks`, now {activation.kinks}, does not list; others are values "
        "in single precision, and very fast oscillation"
    )


def equally_split(stds: Array, steep: float = STEEP) -> Iterator[np.ndarray]:
    """Yield indices of deviations on the same side of ``steep``, a chunk at a time."""
    above = stds > steep
    for group in (np.flatnonzero(~above), np.flatnonzero(above)):
        for start in range(0, len(group), _CHUNK):
            yield group[start : start + _CHUNK]


def sharp_points(activation: Activation, *, steep: bool) -> Array:
    """Return the kinks, and the ends of the layer around 0 where ``steep`` says that it is thin.

    Activations vary on the scale of 1 and mostly at 0. On the scale of a large deviation that is a
    layer to which nodes must be given.
    """
    return np.unique(np.array([*activation.kinks, *((-_LAYER, _LAYER) if steep else ())]))


def scaled_breaks(points: Array, stds: Array, reach: float) -> Array:
    """Return the points in units of each σ, cut at ±reach, shape (S, points)."""
    limit = reach * stds[:, None]
    clipped = np.clip(points, -limit, limit)
    return np.divide(clipped, stds[:, None], out=np.zeros(clipped.shape), where=limit > 0)


def rule(breaks: Array, reach: float, nodes: int) -> tuple[Array, Array]:
    """Nodes and weights on all pieces of [−reach, reach] between ``breaks`` (…, points).

    Both have shape (…, (points + 1) · nodes).
    """
    unit, weight = gauss_legendre(nodes)
    inside = np.sort(np.clip(breaks, -reach, reach), axis=-1)
    end = np.full((*breaks.shape[:-1], 1), reach)
    ends = np.concatenate([-end, inside, end], axis=-1)
    half = 0.5 * np.diff(ends, axis=-1)[..., None]
    middle = 0.5 * (ends[..., 1:] + ends[..., :-1])[..., None]
    shape = (*breaks.shape[:-1], -1)
    return (middle + half * unit).reshape(shape), (half * weight).reshape(shape)


def rule_for(activation: Activation, stds: Array, nodes: int) -> tuple[Array, Array]:
    """Nodes and weights over z for f(σz), shape (S, n), or (1, n) where all σ share them."""
    sharp = sharp_points(activation, steep=stds.max(initial=0.0) > STEEP)
    points = np.unique(np.append(sharp, 0.0))
    shared = not points.any()
    return rule(scaled_breaks(points, np.ones(1) if shared else stds, REACH), REACH, nodes)


def normal_density(z: Array | float) -> Array:
    """Return exp(−z²/2)/√(2π)."""
    return np.exp(-0.5 * np.square(z)) / math.sqrt(2.0 * math.pi)


@lru_cache(maxsize=64)
def gauss_legendre(nodes: int) -> tuple[Array, Array]:
    """Nodes and weights on [−1, 1], both (nodes,), to full relative accuracy.

    Newton's iteration for the zeros θ of P_n(cos θ). The usual recurrence loses the weights next to
    the ends, where steep functions have theirs: 1e-10 for 400 nodes. Here the differences
    d_k = P_k − P_{k−1} recur with 1 − cos θ, which does not cancel.
    """
    slope = np.empty((nodes + 1) // 2)
    angle = math.pi * (np.arange((nodes + 1) // 2) + 0.75) / (nodes + 0.5)
    for _ in range(5):
        versine = 2.0 * np.sin(0.5 * angle) ** 2
        value, step = np.ones_like(angle), np.zeros_like(angle)
        for k in range(nodes):
            step = (k * step - (2 * k + 1) * versine * value) / (k + 1)
            value = value + step
        slope = nodes * (step - versine * value) / np.sin(angle)
        angle = angle - value / slope
    weight = 2.0 / slope**2
    mirror = slice(nodes // 2 - 1, None, -1) if nodes > 1 else slice(0)
    return (
        np.concatenate([-np.cos(angle), np.cos(angle[mirror])]),
        np.concatenate([weight, weight[mirror]]),
    )


def _converged(activation: Activation, what: Part, stds: Array) -> Array:
    current, unsure = np.full(len(stds), np.inf), np.ones(len(stds), dtype=bool)
    for nodes in _NODES:
        previous, current = current, _root_mean_square(activation, what, stds, nodes)
        unsure = ~(np.abs(current - previous) <= _TOLERANCE * current)
        if not unsure.any():
            return current
    raise not_converged(activation, what, float(stds[unsure].min()))


def _root_mean_square(activation: Activation, what: Part, stds: Array, nodes: int) -> Array:
    z, weight = rule_for(activation, stds, nodes)
    values = evaluated(activation, what, stds[:, None] * z)
    largest = np.abs(values).max(axis=1, initial=0.0)
    scaled = np.divide(
        values, largest[:, None], out=np.zeros(values.shape), where=largest[:, None] > 0
    )
    return largest * np.sqrt(np.vecdot(weight * normal_density(z), scaled * scaled))
