"""What happens at the training points: outputs, residuals and loss."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from ntksim.plot.curves import as_one, canvas, time_label
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import matching
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.kinds.function_fit import function_fit
from ntksim.plot.kinds.loss import BOUNDS, loss
from ntksim.plot.legend import add_legend, band_entry, style_entry
from ntksim.plot.points import on_a_line, point_labels
from ntksim.plot.seeds import over_seeds
from ntksim.plot.series import draw_curve, reached
from ntksim.plot.style import COLOURS, THEORY, Palette
from ntksim.plot.time_axis import TimeAxis

POINTS = 5
"""Most training points that have a line each: with the losses as many as there are colours."""

_QUANTITIES = {
    "output": "output f(x)",
    "residual": "residual f(x) − y",
}


def dynamics(
    data: xr.Dataset,
    /,
    *,
    quantity: Literal["output", "residual"] = "output",
    ax: Axes | None = None,
    palette: Palette | None = None,
) -> Axes:
    """Draw outputs or residuals of the training points over time.

    Up to five points have a line each, their targets dashed; of more points the median, the
    quartiles and the range over points and seeds are drawn. A line is the mean over seeds, its band
    one standard deviation.

    Raises
    ------
    PlotError
        If neither predictions nor residuals at the training points were recorded, or more than the
        seed varies.
    """
    palette = palette or Palette()
    name = _source(data, quantity)
    data = as_one(data, [name])
    array = reached(data[name])
    if name.startswith("prediction") and quantity == "residual":
        array = array - data["y_train"]
    elif name.startswith("residual") and quantity == "output":
        array = array + data["y_train"]
    axis = TimeAxis.of(array["time"].values)
    with canvas(ax) as ax:
        if quantity == "residual":
            ax.axhline(0, color="0.6", linewidth=0.8, zorder=1)
        if array.sizes["train_point"] > POINTS:
            entries = _draw_quantiles(ax, axis, array)
        else:
            entries = []
            for i, label in enumerate(point_labels(data)):
                style = {"color": palette[label]}
                spread = over_seeds(array.isel(train_point=i))
                entries = draw_curve(ax, axis, spread, style, label) or entries
                if quantity == "output":
                    ax.axhline(float(data["y_train"][i]), **style, **THEORY)
            if quantity == "output":
                entries = [style_entry("target", **THEORY), *entries]
        axis.set_up(ax, time_label(data))
        ax.set_ylabel(_QUANTITIES[quantity])
        add_legend(ax, entries)
    return ax


def _source(data: xr.Dataset, quantity: str) -> str:
    own = ["residual_train", "prediction_train"]
    found = matching(data, own if quantity == "residual" else own[::-1])
    if not found:
        raise PlotError(
            "neither prediction_train nor residual_train was recorded; a study records them with "
            "`record: [predictions, residuals]`"
        )
    return found[0]


def _draw_quantiles(ax: Axes, axis: TimeAxis, array: xr.DataArray) -> list[Artist]:
    others = [dim for dim in array.dims if dim != "time"]
    values = array.transpose("time", *others).values.reshape(array.sizes["time"], -1)
    lowest, lower, middle, upper, highest = np.nanquantile(values, [0, 0.25, 0.5, 0.75, 1], axis=1)
    times, colour = array["time"].values, COLOURS[0]
    axis.band(ax, times, lowest, highest, colour)
    axis.band(ax, times, lower, upper, colour)
    points = array.sizes["train_point"]
    axis.line(ax, times, middle, {"color": colour}, f"median of {points} points")
    return [band_entry("range and quartiles", colour)]


def panels(data: xr.Dataset) -> list[Panel]:
    """Return what there is of: the function, outputs, residuals, loss."""
    found = []
    if matching(data, ["prediction_test"]) and on_a_line(data) is None:
        found.append(Panel("function", data, partial(function_fit, times=5)))
    found += [
        Panel("outputs", data, partial(dynamics, quantity="output")),
        Panel("residuals", data, partial(dynamics, quantity="residual")),
    ]
    if matching(data, ["loss_train"]):
        found.append(Panel("loss", data, loss))
    return found


KIND = Kind(
    name="dynamics",
    description="Outputs, residuals and loss over time.",
    needs=(("residual_train", "prediction_train"),),
    record=("predictions", "residuals", "loss"),
    uses=("prediction_train", "prediction_test", "loss_train", "loss_test", *BOUNDS),
    draw=dynamics,
    panels=panels,
    suits=lambda datasets: any(matching(data, ["residual_train"]) for data in datasets.values()),
)
