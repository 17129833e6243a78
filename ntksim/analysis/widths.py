"""Power laws of the width."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from ntksim.analysis.cells import done
from ntksim.analysis.choice import AnalysisError, variable
from ntksim.linalg import fit_exponent, logarithmic_means
from ntksim.types import Array


def width_exponent(data: xr.Dataset, quantity: str | xr.DataArray) -> xr.Dataset:
    """Fit quantity = prefactor · width^exponent over the finite widths.

    The line goes through the mean over seeds of the logarithm at each width; how it is fitted and
    what its standard error means is said in ``ntksim.linalg.fit_exponent``. Infinite width, cells
    that are not done, and what is not positive are left out.

    Parameters
    ----------
    data
        A dataset of a store.
    quantity
        A variable of it by name, or a quantity made of its variables, such as a gap.

    Returns
    -------
    xarray.Dataset
        ``exponent``, ``standard_error`` of the exponent, and ``prefactor``, on the axes that are
        left: one law for each. NaN where fewer than two widths have a number.

    Raises
    ------
    AnalysisError
        If there is no such variable, or it has fewer than two finite widths.
    """
    array = variable(data, quantity) if isinstance(quantity, str) else quantity
    if "width" not in array.dims or np.isfinite(array["width"].values).sum() < 2:
        raise AnalysisError(f"'{array.name}' has fewer than two finite widths, which a law needs")
    values = done(data, array) if isinstance(quantity, str) else quantity
    values = values.isel(width=np.isfinite(values["width"].values))
    if "seed" not in values.dims:
        values = values.expand_dims("seed")
    if values.chunks is not None:
        values = values.chunk(width=-1, seed=-1)
    exponent, error, prefactor = xr.apply_ufunc(
        _fitted,
        values,
        kwargs={"widths": values["width"].values},
        input_core_dims=[["width", "seed"]],
        output_core_dims=[[], [], []],
        dask="parallelized",
        output_dtypes=[np.float64] * 3,
    )
    what = str(array.attrs.get("long_name", array.name))
    units = str(array.attrs.get("units", "1"))
    return xr.Dataset(
        {
            "exponent": exponent.assign_attrs(
                {"long_name": f"exponent of the width in the {what}", "units": "1"}
            ),
            "standard_error": error.assign_attrs(
                {"long_name": "standard error of the exponent", "units": "1"}
            ),
            "prefactor": prefactor.assign_attrs(
                {"long_name": f"{what} at width 1 by the law", "units": units}
            ),
        },
        attrs={"variable": str(array.name)},
    )


def _fitted(values: Any, widths: Array) -> tuple[Array, Array, Array]:
    """Fit along the last two axes of (…, width, seed)."""
    first = np.moveaxis(np.asarray(values, dtype=np.float64), (-2, -1), (0, 1))
    exponent, error, constant = fit_exponent(widths, *logarithmic_means(first))
    return exponent, error, np.exp(constant)
