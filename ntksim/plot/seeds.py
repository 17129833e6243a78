"""Seeds as a mean and a band of one standard deviation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr


@dataclass(frozen=True)
class Spread:
    """Mean over ``count`` seeds, with one standard deviation below and above it.

    ``low`` and ``high`` are missing where there is one seed, or all of them agree.
    """

    mean: xr.DataArray
    low: xr.DataArray | None = None
    high: xr.DataArray | None = None
    count: int = 1

    @property
    def label(self) -> str:
        """What a legend says of the band."""
        return f"±1 s.d., {self.count} seeds"


def over_seeds(array: xr.DataArray, *, logarithmic: bool = False) -> Spread:
    """Average over ``seed``, leaving out NaN.

    ``logarithmic`` takes mean and standard deviation of the logarithm, which is what a logarithmic
    axis shows: for quantities that spread over decades an arithmetic band would reach below 0. A
    single 0 has the logarithm −∞, and then the mean is 0. The standard deviation is that of a
    sample, with n − 1.
    """
    if "seed" not in array.dims:
        return Spread(array)
    count = array.sizes["seed"]
    first = array.isel(seed=0, drop=True)
    if count == 1 or bool(((array == first) | (array.isnull() & first.isnull())).all()):
        return Spread(first)
    raw = array.transpose("seed", ...).values
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log(raw) if logarithmic else raw
        mean, deviation = _moments(values)
        ends = mean, mean - deviation, mean + deviation
        shown = [np.exp(end) if logarithmic else end for end in ends]
    mean, low, high = (first.copy(data=end) for end in shown)
    return Spread(mean, low, high, count)


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sample standard deviation over the first axis, without NaN."""
    there = ~np.isnan(values)
    number = there.sum(axis=0)
    mean = np.where(there, values, 0.0).sum(axis=0) / np.where(number, number, np.nan)
    squares = np.where(there, np.square(values - mean), 0.0).sum(axis=0)
    return mean, np.sqrt(squares / np.where(number > 1, number - 1, np.nan))
