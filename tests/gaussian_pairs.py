"""Gaussian pairs with exactly known moments, and expectations over them by other means.

The package integrates with Gauss-Legendre rules, rotated coordinates and Hermite series. Here one
variable is conditioned on the other, which leaves one integral for mpmath where the conditional
expectation is known, or the trapezoidal rule, which converges geometrically, for analytic
functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
from ntksim.nn.evaluation import Part
from ntksim.nn.hermite import hermite_covariance
from ntksim.nn.quadrature import root_mean_square
from ntksim.nn.split_quadrature import split_covariance
from ntksim.types import Activation, Array, SecondMoments

EPS = float(np.finfo(np.float64).eps)
DIGITS = 50

Function = Callable[[Any], Any]
"""A real function of mpmath numbers."""


def exact_pi() -> Any:
    with mpmath.workdps(DIGITS):
        return +mpmath.pi


def pairs(std1: Sequence[Any], std2: Sequence[Any], angles: Sequence[Any]) -> SecondMoments:
    """Moments (P, 1) of pairs, rounded to floats from 50 digits; angles may be mpmath numbers."""
    with mpmath.workdps(DIGITS):
        rows = []
        for first, second, angle in zip(std1, std2, angles, strict=True):
            product, half = mpmath.mpf(first) * mpmath.mpf(second), mpmath.mpf(angle) / 2
            deficit, surplus = 2 * mpmath.sin(half) ** 2, 2 * mpmath.cos(half) ** 2
            rows.append([float(first), float(second), product * deficit, product * surplus])
    columns = np.array(rows, dtype=np.float64).T[:, :, None]
    return SecondMoments(*columns)


def integrated(activation: Activation) -> Activation:
    """The same activation without its closed form."""
    base = type(activation)
    without = type(f"Integrated{base.__name__}", (base,), {"closed_form": Activation.closed_form})
    return without(**vars(activation))


def by_series(activation: Activation, what: Part, moments: SecondMoments) -> Array:
    """Covariances (P,) of pairs by the Hermite series alone; NaN where it gives up."""
    stds, norm1, norm2, flat = _flat(activation, what, moments)
    places = np.searchsorted(stds, flat.std1), np.searchsorted(stds, flat.std2)
    correlation = (flat.surplus - flat.deficit) / (flat.surplus + flat.deficit)
    norms = root_mean_square(activation, what, stds)
    return hermite_covariance(activation, what, stds, norms, places, correlation) / (norm1 * norm2)


def by_splitting(activation: Activation, what: Part, moments: SecondMoments) -> Array:
    """Covariances (P,) of pairs by the two-dimensional rule alone."""
    _, norm1, norm2, flat = _flat(activation, what, moments)
    return split_covariance(activation, what, flat, norm1, norm2) / (norm1 * norm2)


def _flat(
    activation: Activation, what: Part, moments: SecondMoments
) -> tuple[Array, Array, Array, SecondMoments]:
    flat = SecondMoments(
        *(a.ravel() for a in (moments.std1, moments.std2, moments.deficit, moments.surplus))
    )
    stds = np.unique(np.concatenate([flat.std1, flat.std2]))
    norm1, norm2 = (root_mean_square(activation, what, s) for s in (flat.std1, flat.std2))
    return stds, norm1, norm2, flat


def trapezoid(function: Function, std1: float, std2: float, angle: float, step: float) -> float:
    """E[f(u) f(v)] / √(E[f(u)²] E[f(v)²]) of an analytic f.

    The error is exp(−2π d/step) with d the distance of f(σz) from its singularities: π/2σ for
    tanh, π/σ for the logistic function.
    """
    count = int(9.5 / step)
    z = step * np.arange(-count, count + 1)
    density = step * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    first = density * function(std1 * z)
    total = 0.0
    for rows in np.array_split(np.arange(len(z)), 1 + len(z) ** 2 // 2_000_000):
        v = std2 * (np.cos(angle) * z[rows, None] + np.sin(angle) * z)
        total += float(first[rows] @ (function(v) @ density))
    squares = [float(density @ function(std * z) ** 2) for std in (std1, std2)]
    return total / float(np.sqrt(squares[0] * squares[1]))


def conditioned(
    function: Function,
    mean_given: Callable[[Any, Any], Any],
    std1: float,
    std2: float,
    angle: float,
    kinks: Sequence[float] = (),
) -> float:
    """E[f(u) f(v)] from ``mean_given(m, s)`` = E[f(m + s z)], by mpmath over u alone."""
    with mpmath.workdps(20):
        cosine, sine = mpmath.cos(angle), mpmath.sin(angle)
        breaks = {mpmath.mpf(z) for z in (-8, -4, 0, 4, 8)}
        for kink in kinks:
            breaks.add(mpmath.mpf(kink) / std1)
            # As a function of u the conditional mean bends on the scale of its deviation.
            centre, width = kink / (std2 * cosine), abs(sine / cosine)
            breaks.update(centre + width * k for k in (-9, -3, 0, 3, 9))
        inside = sorted(b for b in breaks if abs(b) < 12)
        result: Any = mpmath.quad(
            lambda z: (
                mpmath.npdf(z) * function(std1 * z) * mean_given(std2 * cosine * z, std2 * sine)
            ),
            [-12, *inside, 12],
            method="gauss-legendre",
        )
    return float(result)
