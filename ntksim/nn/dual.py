"""What an activation does to a Gaussian pair: in closed form, or by quadrature."""

from __future__ import annotations

import numpy as np

from ntksim.nn.hermite import hermite_covariance
from ntksim.nn.split_quadrature import split_covariance, split_second_moment
from ntksim.types import Activation, Array, Dual, SecondMoments


def dual(activation: Activation, moments: SecondMoments) -> Dual:
    """Return E[φ(u) φ(v)], as second moments of the features, and E[φ′(u) φ′(v)].

    An activation without closed form is integrated to 1e-10 of √(E[φ(u)²] E[φ(v)²]): a smooth one
    by its Hermite series, whose remainder is measured; one with kinks, or one that is too steep
    for the series, by a quadrature that is split at the kinks.

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
    std1, std2, covariance = _moments_of(activation, "value", moments)
    _, _, derivative = _moments_of(activation, "derivative", moments)
    product = std1 * std2
    same = (moments.deficit == 0) & (moments.std1 == moments.std2)
    features = SecondMoments(
        std1,
        std2,
        np.where(same, 0.0, np.maximum(product - covariance, 0.0)),
        np.where(same, 2.0 * product, np.maximum(product + covariance, 0.0)),
    )
    return Dual(features, derivative)


def _moments_of(
    activation: Activation, what: str, moments: SecondMoments
) -> tuple[Array, Array, Array]:
    """Standard deviations of f(u) and f(v), f = φ or φ′, and E[f(u) f(v)]."""
    if not activation.kinks:
        found = hermite_covariance(activation, what, moments)
        if found is not None:
            return found
    std1 = split_second_moment(activation, what, moments.std1)
    std2 = split_second_moment(activation, what, moments.std2)
    return std1, std2, split_covariance(activation, what, moments, std1, std2)
