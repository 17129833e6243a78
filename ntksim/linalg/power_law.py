"""Power laws, fitted by straight lines through logarithms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ntksim.types import Array


@dataclass(frozen=True)
class PowerLaw:
    """y = prefactor · x^exponent, with the standard error of the exponent."""

    exponent: float
    standard_error: float
    prefactor: float

    def __call__(self, x: Array) -> Array:
        """Return the law's values."""
        return self.prefactor * x**self.exponent


def fit_power_law(x: Array, y: Array) -> PowerLaw:
    """Fit a power law to points (n,), of which several at one x are independent draws.

    The line goes through the means of log y at each x, as ``fit_exponent`` says.

    Raises
    ------
    ValueError
        If there are fewer than two different x, or a value is not positive and finite.
    """
    if len(np.unique(x)) < 2 or not (np.isfinite(y) & (y > 0)).all():
        raise ValueError("a power law needs positive values at two places or more")
    places = np.unique(x)
    draws = [y[x == place] for place in places]
    padded = np.full((len(places), max(map(len, draws))), np.nan)
    for row, own in zip(padded, draws, strict=True):
        row[: len(own)] = own
    level, error = logarithmic_means(padded)
    exponent, standard_error, constant = fit_exponent(places, level, error)
    return PowerLaw(float(exponent), float(standard_error), float(np.exp(constant)))


def logarithmic_means(values: Array) -> tuple[Array, Array]:
    """Return the mean of log y over the second axis, and its standard error.

    ``values`` (n, draws, …) that are not positive and finite are left out; the mean is NaN where
    none is left, the standard error where fewer than two are.
    """
    there = np.isfinite(values) & (values > 0)
    logarithms = np.where(there, np.log(np.where(there, values, 1.0)), 0.0)
    count = there.sum(axis=1)
    level = logarithms.sum(axis=1) / np.where(count > 0, count, np.nan)
    deviations = np.where(there, logarithms - level[:, None], 0.0)
    squares = np.square(deviations).sum(axis=1)
    spread = np.where(count > 1, (count - 1.0) * count, np.nan)
    return level, np.sqrt(squares / spread)


def fit_exponent(x: Array, level: Array, error: Array) -> tuple[Array, Array, Array]:
    """Fit log y = a + b log x by least squares to levels (n, …) of log y at x (n,), all alike.

    Returns b, its standard error and a, each (…). The standard error is the larger of two. What
    the standard errors of the levels make of b is √Σ w² error², w = (log x − mean)/Σ(log x −
    mean)². How far the levels scatter about the line makes it √(Σ residual²/(n − 2)/Σ(log x −
    mean)²). Where the law is exact both estimate the same; where it is not, as of networks too
    narrow for their limit, the second is larger: the rule by which averages of inconsistent
    measurements are given a scale factor (Birge 1932). A level that is NaN is left out; an unknown
    error of a level leaves the second alone, and two levels leave the first. All are NaN for fewer
    than two levels.
    """
    there = np.isfinite(level)
    shape = (-1, *(1,) * (level.ndim - 1))
    position = np.where(there, np.log(x).reshape(shape), 0.0)
    level, error = np.where(there, level, 0.0), np.where(there, error, 0.0)
    count = there.sum(axis=0)
    number = np.where(count > 1, count, np.nan)
    mean = position.sum(axis=0) / number
    centred = np.where(there, position - mean, 0.0)
    squares = np.square(centred).sum(axis=0)
    squares = np.where(squares > 0, squares, np.nan)
    exponent = (centred * level).sum(axis=0) / squares
    constant = level.sum(axis=0) / number - exponent * mean
    residual = np.where(there, level - constant - exponent * position, 0.0)
    drawn = np.sqrt(np.square(centred * error).sum(axis=0)) / squares
    freedom = np.where(count > 2, count - 2, np.nan)
    scattered = np.sqrt(np.square(residual).sum(axis=0) / freedom / squares)
    return exponent, np.fmax(drawn, scattered), constant
