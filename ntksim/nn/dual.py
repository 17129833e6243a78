"""What an activation does to a Gaussian pair: in closed form, or by quadrature."""

from __future__ import annotations

import math

import numpy as np

from ntksim.nn.evaluation import Part
from ntksim.nn.hermite import hermite_covariance
from ntksim.nn.quadrature import root_mean_square
from ntksim.nn.smooth_duals import features_from_covariance
from ntksim.nn.split_quadrature import split_covariance
from ntksim.types import Activation, Array, Dual, SecondMoments

_BLOCK = 1 << 20  # pairs integrated at a time


def dual(activation: Activation, moments: SecondMoments) -> Dual:
    """Return E[φ(u) φ(v)], as second moments of the features, and E[φ′(u) φ′(v)].

    An activation without closed form is integrated to 1e-10 of √(E[φ(u)²] E[φ(v)²]): pair by pair
    by its Hermite series, whose remainder is measured, and where that needs too many terms, which
    is where u and v are nearly parallel and the activation is not smooth on the scale of their
    deviations, by a quadrature split at the kinks. The second takes about a millisecond a pair.

    Raises
    ------
    QuadratureError
        If no quadrature converges; the usual reason is a kink that ``kinks`` does not list.
    ActivationError
        If φ or φ′ returns values that are not finite or of another shape.
    """
    closed = activation.closed_form(moments)
    if closed is not None:
        return closed
    std1, std2, covariance = _integrated(activation, "value", moments)
    _, _, derivative = _integrated(activation, "derivative", moments)
    return Dual(features_from_covariance(moments, std1, std2, covariance), derivative)


def _integrated(
    activation: Activation, what: Part, moments: SecondMoments
) -> tuple[Array, Array, Array]:
    """√E[f(u)²], √E[f(v)²] and E[f(u) f(v)] for f = φ or φ′."""
    stds, inverse = np.unique(
        np.concatenate([moments.std1.ravel(), moments.std2.ravel()]), return_inverse=True
    )
    norms = root_mean_square(activation, what, stds)
    index1 = inverse[: moments.std1.size].reshape(moments.std1.shape)
    index2 = inverse[moments.std1.size :].reshape(moments.std2.shape)
    shape = moments.deficit.shape
    result = np.empty(shape)
    rows = max(1, _BLOCK // max(1, math.prod(shape[1:])))
    for start in range(0, len(result), rows):
        part = slice(start, start + rows)
        result[part] = _covariance(
            activation,
            what,
            stds,
            norms,
            np.broadcast_to(index1, shape)[part].ravel(),
            np.broadcast_to(index2, shape)[part].ravel(),
            moments.deficit[part].ravel(),
            moments.surplus[part].ravel(),
        ).reshape(result[part].shape)
    return norms[index1], norms[index2], result


def _covariance(
    activation: Activation,
    what: Part,
    stds: Array,
    norms: Array,
    first: np.ndarray,
    second: np.ndarray,
    deficit: Array,
    surplus: Array,
) -> Array:
    """E[f(u) f(v)] for pairs (P,) whose deviations are ``stds[first]`` and ``stds[second]``."""
    result = norms[first] * norms[second]
    pairs = np.flatnonzero((deficit > 0) | (first != second))
    total = surplus[pairs] + deficit[pairs]
    correlation = np.divide(
        surplus[pairs] - deficit[pairs], total, out=np.zeros_like(total), where=total > 0
    )
    found = hermite_covariance(
        activation, what, stds, norms, (first[pairs], second[pairs]), correlation
    )
    result[pairs] = found
    pairs = pairs[np.isnan(found)]
    if pairs.size:
        # In a symmetric matrix every pair occurs twice; (u, v) and (v, u) are the same.
        lower = np.minimum(first[pairs], second[pairs])
        upper = np.maximum(first[pairs], second[pairs])
        key = np.stack([lower, upper, deficit[pairs], surplus[pairs]])
        _, once, inverse = np.unique(key, axis=1, return_index=True, return_inverse=True)
        i, j, chosen = lower[once], upper[once], pairs[once]
        moments = SecondMoments(stds[i], stds[j], deficit[chosen], surplus[chosen])
        result[pairs] = split_covariance(activation, what, moments, norms[i], norms[j])[
            inverse.ravel()
        ]
    return result
