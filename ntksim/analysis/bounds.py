"""What was measured beside the bounds that theory sets."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from ntksim.analysis.cells import done
from ntksim.analysis.choice import AnalysisError, variable


def bounds(
    data: xr.Dataset,
    measured: str = "loss_train",
    *,
    lower: Sequence[str] = (),
    upper: Sequence[str] = (),
) -> xr.Dataset:
    """Return a measured variable with its bounds, and by how much each is violated.

    Parameters
    ----------
    data
        What holds them.
    measured
        The variable that is bounded.
    lower, upper
        Names of its bounds. Without any they are found by name: for ``loss_train`` and
        ``loss_test`` those that begin with ``loss_`` and have ``bound`` in their names, and for any
        variable those of the same name with ``_min`` or ``_max``.

    Returns
    -------
    xarray.Dataset
        The measured variable and its bounds, each under the name that it is stored by, with the
        attribute ``side``. ``violation`` (bound, …) is the amount by which the measured variable
        lies below a lower or above an upper bound, 0 where it does not, in its own units; late in
        training rounding of the outputs alone violates a bound by about 1e-32 of the first loss.

    Raises
    ------
    AnalysisError
        If one of the variables is not there, or none is a bound.
    """
    value = done(data, variable(data, measured))
    sides = dict.fromkeys(lower, "lower") | dict.fromkeys(upper, "upper") or _found(data, measured)
    if not sides:
        raise AnalysisError(
            f"no bounds of '{measured}' were recorded; a study records those of the loss with "
            "`record: [loss, loss_bounds, label_bounds]`"
        )
    limits = {
        name: done(data, variable(data, name)).assign_attrs(
            {**data[name].attrs, "side": side, "bound_of": measured}
        )
        for name, side in sides.items()
    }
    violations = [
        ((limit - value) if sides[name] == "lower" else (value - limit)).clip(min=0)
        for name, limit in limits.items()
    ]
    names = xr.DataArray(list(sides), dims="bound", attrs={"long_name": "bound"})
    violation = xr.concat(violations, dim="bound", coords="minimal", compat="override")
    attributes = {
        "long_name": f"amount by which a bound of the {value.attrs.get('long_name', measured)} "
        "is violated",
        "units": value.attrs.get("units", "1"),
    }
    return xr.Dataset(
        {
            measured: value.assign_attrs(data[measured].attrs),
            **limits,
            "violation": violation.drop_attrs().assign_attrs(attributes),
        }
    ).assign_coords(bound=names, side=("bound", list(sides.values())))


def _found(data: xr.Dataset, measured: str) -> dict[str, str]:
    """Return the side of each bound that goes by the measured variable's name."""
    stem = measured.removesuffix("_train").removesuffix("_test")
    named = {
        str(name): "lower" if "lower" in str(name) else "upper"
        for name in data.data_vars
        if str(name).startswith(f"{stem}_") and "bound" in str(name).split("_")
    }
    extremes = {f"{measured}_min": "lower", f"{measured}_max": "upper"}
    is_train = not measured.endswith("_test")
    there = {name: side for name, side in extremes.items() if name in data.data_vars}
    return (named if is_train else {}) | there
