"""How far two predictors are apart."""

from __future__ import annotations

from typing import Literal, TypeAlias

import xarray as xr

from ntksim.analysis.cells import done
from ntksim.analysis.choice import AnalysisError, Choice, chosen, variable

Measure: TypeAlias = Literal["rms", "max", "difference"]

_MEASURES = {
    "rms": "root mean square difference",
    "max": "largest difference",
    "difference": "difference",
}
_INNER = ("train_point", "test_point", "output")


def predictor_gap(
    data: xr.Dataset,
    one: Choice,
    other: Choice,
    *,
    variable_name: str = "prediction_test",
    measure: Measure = "rms",
) -> xr.DataArray:
    """Return how far two predictors are apart: f₁ − f₂, over all points and outputs.

    Each predictor is named by what it has that the other has not, ``"empirical"`` and
    ``"analytic"``, or by values on any axes, ``{"solver": "trained"}`` and ``{"solver": "eigh",
    "kernel": "analytic", "width": inf}``. On all other axes each position is compared with the same
    position; an axis that only one of them fixes is kept, and the fixed one is compared with all of
    its values.

    Parameters
    ----------
    data
        What holds the variable.
    one, other
        The predictors.
    variable_name
        What is compared: predictions at test points by default, or any other number.
    measure
        ``"rms"``: √(mean (f₁ − f₂)²) over points and outputs. ``"max"``: the largest |f₁ − f₂|.
        ``"difference"``: f₁ − f₂ itself, point by point.

    Returns
    -------
    xarray.DataArray
        On the axes that are left; NaN where one of the two is not there.

    Raises
    ------
    AnalysisError
        If there is no such variable, axis or value.
    """
    if measure not in _MEASURES:
        raise AnalysisError(f"measure is {measure!r}; it must be {', '.join(_MEASURES)}")
    array = done(data, variable(data, variable_name))
    difference = chosen(array, one) - chosen(array, other)
    inner = [dim for dim in _INNER if dim in difference.dims]
    if measure == "rms":
        difference = (difference**2).mean(inner, skipna=False) ** 0.5
    elif measure == "max":
        difference = abs(difference).max(inner, skipna=False)
    # Whatever order the two left their axes in, it is that of the store.
    order = [dim for dim in array.dims if dim in difference.dims]
    what = array.attrs.get("long_name", variable_name)
    pair = f"{_described(one)} − {_described(other)}"
    return (
        difference.transpose(*order)
        .rename(f"{variable_name}_gap")
        .assign_attrs(
            {
                "long_name": f"{_MEASURES[measure]} of the {what}",
                "units": array.attrs.get("units", "1"),
                "description": pair,
            }
        )
    )


def _described(choice: Choice) -> str:
    if isinstance(choice, str):
        return choice
    return ", ".join(f"{axis} {value}" for axis, value in choice.items())
