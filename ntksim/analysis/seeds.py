"""Means and bands over seeds."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import xarray as xr

from ntksim.analysis.cells import done
from ntksim.analysis.choice import AnalysisError, listing, variable

Band: TypeAlias = Literal["std", "standard_error"] | tuple[float, float]


def over_seeds(data: xr.Dataset, name: str, band: Band = "std") -> xr.Dataset:
    """Return mean, spread and band of a variable over the seeds, without cells that are not done.

    Parameters
    ----------
    data
        What holds the variable, with a dimension ``seed``.
    name
        The variable.
    band
        ``"std"``: one standard deviation below and above the mean. ``"standard_error"``: one
        standard error of the mean. Two numbers from 0 to 1: these quantiles.

    Returns
    -------
    xarray.Dataset
        ``mean``, ``std`` with n − 1, ``standard_error`` = std/√n, ``low``, ``high``, and ``count``
        n, the seeds that have a number. For fewer than two seeds the spread is NaN.

    Raises
    ------
    AnalysisError
        If there is no such variable, it has no seeds, or the band is none.
    """
    array = variable(data, name)
    if "seed" not in array.dims:
        raise AnalysisError(f"'{name}' has no dimension 'seed'; it has {listing(array.dims)}")
    quantiles = _quantiles(band)
    values = done(data, array)
    if values.chunks is not None:
        values = values.chunk(seed=-1)
    count = values.notnull().sum("seed")
    mean = values.sum("seed") / count.where(count > 0)
    # Under n = 1 the square of the only deviation is 0, and 0/0 says that nothing is known.
    squares = ((values - mean) ** 2).sum("seed")
    std = (squares / (count - 1).where(count > 1)) ** 0.5
    error = std / count**0.5
    if quantiles is None:
        half = std if band == "std" else error
        low, high = mean - half, mean + half
    else:
        low, high = (_quantile(values, share) for share in quantiles)
    what = str(array.attrs.get("long_name", name))
    found = {
        "mean": (mean, f"mean over seeds of the {what}"),
        "std": (std, f"standard deviation over seeds of the {what}"),
        "standard_error": (error, f"standard error of the mean over seeds of the {what}"),
        "low": (low, f"lower end of the band over seeds of the {what}"),
        "high": (high, f"upper end of the band over seeds of the {what}"),
    }
    units = str(array.attrs.get("units", "1"))
    result = xr.Dataset(
        {
            part: own.assign_attrs({"long_name": text, "units": units})
            for part, (own, text) in found.items()
        }
    )
    number = count.assign_attrs({"long_name": "number of seeds", "units": "1"})
    shown = band if isinstance(band, str) else f"quantiles {band[0]:g} and {band[1]:g}"
    return result.assign(count=number).assign_attrs(variable=name, band=shown)


def _quantile(values: xr.DataArray, share: float) -> xr.DataArray:
    return xr.apply_ufunc(
        _quantile_of_numbers,
        values,
        kwargs={"share": share},
        input_core_dims=[["seed"]],
        dask="parallelized",
        output_dtypes=[np.float64],
    )


def _quantile_of_numbers(values: Any, share: float) -> Any:
    """Quantile along the last axis of what is not NaN; NaN where nothing is."""
    there = ~np.isnan(values).all(axis=-1)
    found = np.nanquantile(np.where(there[..., None], values, 0.0), share, axis=-1)
    return np.where(there, found, np.nan)


def _quantiles(band: Band) -> tuple[float, float] | None:
    if band in ("std", "standard_error"):
        return None
    if isinstance(band, str) or len(band) != 2 or not 0 <= band[0] < band[1] <= 1:
        raise AnalysisError(
            f"band is {band!r}; it must be 'std', 'standard_error', or two quantiles such as "
            "(0.05, 0.95)"
        )
    return float(band[0]), float(band[1])
