"""How far the parameters move."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ntksim.plot.curves import as_one, canvas, label_of, time_label
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import matching
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.kinds.loss import loss
from ntksim.plot.legend import add_legend
from ntksim.plot.scales import log_limits, set_log
from ntksim.plot.seeds import Spread, over_seeds
from ntksim.plot.series import draw_curve, reached
from ntksim.plot.style import MOST_LINES, THEORY, Palette
from ntksim.plot.time_axis import TimeAxis

_PATTERN = "parameter_*"
_FIRST = ("parameter_value", "parameter_motion_rms_layer", "parameter_motion")
"""What is drawn of the many; all of them where none of these was recorded."""

_LEAST_TIMES = 3


def parameters(
    data: xr.Dataset,
    /,
    *,
    variable: str | None = None,
    ax: Axes | None = None,
    palette: Palette | None = None,
) -> Axes:
    """Draw a variable ``parameter_*`` over time, a line for each parameter or layer it has.

    A line is the mean over seeds, its band one standard deviation. A motion that spans more than a
    decade is drawn on a logarithmic axis, values are not. What theory says is dashed: a variable
    of the same name with ``_theory``.

    Parameters
    ----------
    data
        One dataset of a store.
    variable
        What is drawn; by default the first of ``parameter_*`` that was recorded.
    ax, palette
        Where to draw, and the colours that other panels have used.

    Raises
    ------
    PlotError
        If there is no such variable, or more than the seed varies.
    """
    palette = palette or Palette()
    names = _recorded(data) if variable is None else matching(data, [variable])
    if not names:
        raise PlotError(f"nothing was recorded of {variable or _PATTERN}")
    name = names[0]
    theory = matching(data, [f"{name}_theory"])
    data = as_one(data, [name, *theory])
    array = data[name]
    inner = [str(dim) for dim in array.dims if dim not in ("time", "seed")]
    if len(inner) > 1:
        raise PlotError(f"{name} has the dimensions {inner}; one besides time can be drawn")
    array = reached(array)
    arrays = {label: array.isel(part) for label, part in _parts(inner, array).items()}
    axis, entries = TimeAxis.of(array["time"].values), []
    with canvas(ax) as ax:
        is_motion = "parameter" not in inner and float(array.min()) >= 0
        is_log = is_motion and set_log(ax, *log_limits(own.values for own in arrays.values()))
        for label, own in arrays.items():
            spread = over_seeds(own, logarithmic=is_log)
            entries = draw_curve(ax, axis, spread, {"color": palette[label]}, label) or entries
        for expected in theory:
            mean = over_seeds(reached(data[expected]), logarithmic=is_log).mean
            draw_curve(ax, axis, Spread(mean), {"color": "black", **THEORY}, "theory")
        axis.set_up(ax, time_label(data))
        ax.set_ylabel(label_of(data[name]))
        add_legend(ax, entries)
    return ax


def _parts(inner: list[str], array: xr.DataArray) -> dict[str, dict[str, int]]:
    """Return where each line is, by its name; of many, evenly spaced ones."""
    if not inner:
        return {"all parameters": {}}
    (dim,) = inner
    names = _names(array, dim)
    there = [i for i in range(array.sizes[dim]) if array.isel({dim: i}).notnull().any()]
    at = np.linspace(0, len(there) - 1, min(MOST_LINES, len(there))).round().astype(int)
    return {names[there[i]]: {dim: there[i]} for i in at}


def _names(array: xr.DataArray, dim: str) -> list[str]:
    """Return names along a dimension: those of a text coordinate, or numbers."""
    for coordinate in array.coords.values():
        if coordinate.dims == (dim,) and coordinate.dtype.kind not in "iuf":
            return [str(value) for value in coordinate.values]
    word = dim.replace("_", " ")
    return [f"{word} {value}" for value in array[dim].values]


def _recorded(data: xr.Dataset) -> list[str]:
    names = [
        name
        for name in matching(data, [*_FIRST, _PATTERN])
        if "time" in data[name].dims and not name.endswith("_theory")
    ]
    return [name for name in names if name in _FIRST] or names


def panels(data: xr.Dataset) -> list[Panel]:
    """Return the loss, if it was recorded, and one panel for each variable."""
    first = [Panel("", data, loss)] if matching(data, ["loss_train"]) else []
    return [
        *first,
        *(Panel("", data, partial(parameters, variable=name)) for name in _recorded(data)),
    ]


def _has_time(data: xr.Dataset) -> str | None:
    return None if _recorded(data) else "it draws parameters over time, and none has a time"


def _over_time(datasets: Mapping[str, xr.Dataset]) -> bool:
    """Whether there are enough times to see a motion."""
    return any(data.sizes.get("time", 0) >= _LEAST_TIMES for data in datasets.values())


KIND = Kind(
    name="parameters",
    description="Motion of the parameters over time.",
    needs=((_PATTERN,),),
    record=("parameters", "loss"),
    uses=("loss_train", "loss_test"),
    draw=parameters,
    panels=panels,
    fits=_has_time,
    suits=_over_time,
    own_legends=True,
)
