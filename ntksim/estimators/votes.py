"""How an ensemble of networks with Gaussian outputs votes."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from ntksim.types import Array

_REACH, _STEP = 9.0, 0.125
"""Standard deviations that the integral spans, beyond which a Gaussian has 1e-18 of its mass, and
its step, at which the trapezoidal rule is exact to rounding for Gaussians of unit deviation."""


def shares(outputs: Array, std: Array) -> Array:
    """Probability that a network of the ensemble decides for each class, shape (M, C).

    Outputs are independent Gaussians with means (M, K) and the standard deviation (M,) that all
    outputs of a point share. With K = 1 the classes are its signs, P(+) = Φ(μ/σ). With K = C

        P(c) = ∫ φ(u) Π_{j≠c} Φ(u + (μ_c − μ_j)/σ) du,

    by the trapezoidal rule. Where σ = 0 all networks agree, and a tie is shared.
    """
    if outputs.shape[1] == 1:
        positive = ndtr(_in_deviations(outputs[:, 0], std))
        negative = ndtr(_in_deviations(-outputs[:, 0], std))
        return np.column_stack([negative, positive])
    ahead = _in_deviations(outputs[:, :, None] - outputs[:, None, :], std[:, None, None])
    nodes = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
    weights = np.exp(-0.5 * np.square(nodes))
    won = np.zeros(outputs.shape)
    itself = np.eye(outputs.shape[1], dtype=bool)
    for node, weight in zip(nodes, weights, strict=True):
        won += weight * np.where(itself, 1.0, ndtr(node + ahead)).prod(axis=2)
    return won / won.sum(axis=1, keepdims=True)


def _in_deviations(difference: Array, std: Array) -> Array:
    """Return difference/std, with no difference at all 0 and any other infinite where std is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / std)
