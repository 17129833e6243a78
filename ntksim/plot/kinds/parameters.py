"""How far the parameters move."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ntksim.plot.curves import as_lines, as_one, canvas, label_of, time_label
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import Member, ask, matching, trimmed
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.kinds.loss import loss
from ntksim.plot.legend import add_legend, style_entry
from ntksim.plot.scales import log_limits, set_log
from ntksim.plot.seeds import Spread, over_seeds
from ntksim.plot.series import draw_curve, reached
from ntksim.plot.style import MOST_LINES, THEORY, Palette
from ntksim.plot.time_axis import TimeAxis

_PATTERN = "parameter_*"
_FIRST = ("parameter_value", "parameter_motion_rms_layer", "parameter_motion")
"""What is drawn of the many; all of them where none of these was recorded."""

_LEAST_TIMES = 3

_STYLES = ("-", (0, (1, 1.2)), "-.")
"""Line styles of solvers; dashes are theory."""


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
    decade is drawn on a logarithmic axis, values are not. A second solver, such as the network
    really trained beside its linearisation, is dotted. What theory says is dashed: a variable of
    the same name with ``_theory``.

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
        If there is no such variable, or more than solver and seed varies.
    """
    palette = palette or Palette()
    names = _recorded(data) if variable is None else matching(data, [variable])
    if not names:
        raise PlotError(f"nothing was recorded of {variable or _PATTERN}")
    name = names[0]
    theory = matching(data, [f"{name}_theory"])
    solvers = _solvers(data, name)
    array = solvers[0].data[name]
    inner = [str(dim) for dim in array.dims if dim not in ("time", "seed")]
    if len(inner) > 1:
        raise PlotError(f"{name} has the dimensions {inner}; one besides time can be drawn")
    parts = _parts(inner, array)
    arrays = [reached(member.data[name]) for member in solvers]
    axis = TimeAxis.of(np.unique(np.concatenate([own["time"].values for own in arrays])))
    band, said = [], []
    with canvas(ax) as ax:
        is_motion = "parameter" not in inner and min(float(own.min()) for own in arrays) >= 0
        curves = [own.isel(part).values for own in arrays for part in parts.values()]
        is_log = is_motion and set_log(ax, *log_limits(curves))
        for i, (member, own) in enumerate(zip(solvers, arrays, strict=True)):
            style = {"linestyle": _STYLES[i]}
            for label, part in parts.items():
                spread = over_seeds(own.isel(part), logarithmic=is_log)
                own_style = {"color": palette[label], **style}
                band = draw_curve(ax, axis, spread, own_style, "" if i else label) or band
            if member.label:
                said.append(style_entry(member.label, **style))
        for expected in theory:
            own = reached(solvers[0].data[expected])
            mean = over_seeds(own, logarithmic=is_log).mean
            draw_curve(ax, axis, Spread(mean), {"color": "black", **THEORY}, "theory")
        axis.set_up(ax, time_label(data))
        ax.set_ylabel(label_of(data[name]))
        add_legend(ax, [*said, *band])
    return ax


def _solvers(data: xr.Dataset, name: str) -> list[Member]:
    """Return the members along solvers, of which each has a line style.

    Raises
    ------
    PlotError
        If anything else than solver and seed varies, or there are too many.
    """
    data = trimmed(data, [name])
    if "solver" not in data[name].dims:
        return [Member("", as_one(data, [name]))]
    for i in range(data.sizes["solver"]):
        as_one(data.isel(solver=[i]), [name])
    found = as_lines(data, [name], axes=("solver",))
    if len(found) > len(_STYLES):
        raise PlotError(f"{len(found)} solvers cannot be told apart; {ask('solver', 'eigh')}")
    return found


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
    first = [Panel("", data, loss, name="loss")] if matching(data, ["loss_train"]) else []
    return [
        *first,
        *(
            Panel("", data, partial(parameters, variable=name), name=name)
            for name in _recorded(data)
        ),
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
    lines=("solver",),
    suits=_over_time,
    own_legends=True,
)
