"""Infinite-width kernels of dense chains in high-precision arithmetic, from exact inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import mpmath as mp
import numpy as np
from ntksim.types import Array

DIGITS = 60
"""Enough for angles of 1e-10, whose fourth powers are lost in 40."""

Number: TypeAlias = Any
"""An mpmath number."""

ExactDual: TypeAlias = Callable[[Number, Number, Number], tuple[Number, Number]]
"""E[φ(u)φ(v)] and E[φ′(u)φ′(v)] from Var u, Var v and Cov(u, v)."""


def piecewise(negative_slope: float) -> ExactDual:
    """Slopes 1 and b on either side of 0 (Cho & Saul 2009)."""
    b = mp.mpf(negative_slope)

    def dual(first: Number, second: Number, covariance: Number) -> tuple[Number, Number]:
        product = mp.sqrt(first * second)
        angle = _angle(first, second, covariance)
        rest = mp.pi - angle
        values = product * (mp.sin(angle) + rest * mp.cos(angle)) / (2 * mp.pi)
        slopes = rest / (2 * mp.pi)
        return b * covariance + (1 - b) ** 2 * values, b + (1 - b) ** 2 * slopes

    return dual


def erf(first: Number, second: Number, covariance: Number) -> tuple[Number, Number]:
    """Williams 1998."""
    product = (1 + 2 * first) * (1 + 2 * second)
    values = 2 / mp.pi * mp.asin(2 * covariance / mp.sqrt(product))
    return values, 4 / mp.pi / mp.sqrt(product - 4 * covariance**2)


def gelu(first: Number, second: Number, covariance: Number) -> tuple[Number, Number]:
    """From E[Φ(u)Φ(v)] and its derivatives, by integrating by parts."""
    one, two = 1 + first, 1 + second
    square = one * two - covariance**2
    both = mp.mpf(1) / 4 + mp.asin(covariance / mp.sqrt(one * two)) / (2 * mp.pi)
    density = 1 / (2 * mp.pi * mp.sqrt(square))
    # ∂/∂c of the first is the second, by Price's law; tests of the duals check both by integration.
    values = covariance * both + density * (
        first * second - covariance**2 + covariance**2 * (1 / one + 1 / two)
    )
    slopes = both + covariance * density * (1 / one + 1 / two + 1 / square)
    return values, slopes


def exact_kernels(
    x: Array, dual: ExactDual, depth: int, weight_std: float, bias_std: float
) -> tuple[np.ndarray, np.ndarray]:
    """NNGP and NTK, each (N, N) of mpmath numbers, of an MLP in NTK parameterisation.

    ``x`` and the deviations are taken as they are, without rounding.
    """
    with mp.workdps(DIGITS):
        rows = [[mp.mpf(float(value)) for value in row] for row in x]
        weight, bias = mp.mpf(weight_std) ** 2, mp.mpf(bias_std) ** 2
        n = len(rows)
        nngp, ntk = np.empty((n, n), dtype=object), np.empty((n, n), dtype=object)
        variances = [[weight * mp.fdot(row, row) / len(row) + bias] for row in rows]
        for own in variances:
            for _ in range(depth):
                own.append(weight * dual(own[-1], own[-1], own[-1])[0] + bias)
        for i in range(n):
            for j in range(i, n):
                covariance = weight * mp.fdot(rows[i], rows[j]) / len(rows[i]) + bias
                theta = covariance
                for first, second in zip(variances[i][:-1], variances[j][:-1], strict=True):
                    value, slope = dual(first, second, covariance)
                    covariance = weight * value + bias
                    theta = weight * slope * theta + covariance
                nngp[i, j] = nngp[j, i] = covariance
                ntk[i, j] = ntk[j, i] = theta
        return nngp, ntk


def relative_error(found: Array, exact: np.ndarray, smallest: float = 0.0) -> Array:
    """|found − exact| over |exact|, or over ``smallest`` √(K_ii K_jj) where that is more."""
    with mp.workdps(DIGITS):
        result = np.zeros(found.shape)
        for i, j in np.ndindex(*found.shape):
            scale = mp.sqrt(exact[i, i] * exact[j, j])
            size = max(abs(exact[i, j]), smallest * scale)
            difference = abs(mp.mpf(float(found[i, j])) - exact[i, j])
            result[i, j] = float(difference / size) if difference else 0.0
        return result


def _angle(first: Number, second: Number, covariance: Number) -> Number:
    return mp.acos(max(-1, min(1, covariance / mp.sqrt(first * second))))
