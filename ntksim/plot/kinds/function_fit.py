"""The learned function of one input, at several times."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ntksim.plot.curves import as_one, canvas
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import has_values
from ntksim.plot.kind import Kind
from ntksim.plot.legend import add_legend, band_entry, step_label
from ntksim.plot.points import line_inputs, on_a_line, sorted_line
from ntksim.plot.reached import ASKED
from ntksim.plot.seeds import over_seeds
from ntksim.plot.style import BAND_ALPHA, NEUTRAL, THEORY, Colour, Palette, graded
from ntksim.plot.time_axis import TimeAxis
from ntksim.types import Array

TIMES = 8
"""Most times of which a curve is drawn."""

VARIANCE = "prediction_variance_test"


def function_fit(
    data: xr.Dataset,
    /,
    *,
    variable: str = "prediction_test",
    times: int = TIMES,
    ax: Axes | None = None,
    palette: Palette | None = None,
) -> Axes:
    """Draw outputs over a one-dimensional input at several times, light early and dark late.

    Parameters
    ----------
    data
        One dataset of a store, with ``variable`` (time, test_point, output).
    variable
        What is drawn: ``prediction_test``, or other outputs at the test points.
    times
        Most curves that are drawn, evenly spaced on the time axis, the first and the last always
        among them.
    ax, palette
        Where to draw, and the colours that other panels have used.

    The band is one standard deviation at the last time: over the seeds, or with one seed that of
    ``prediction_variance_test``.

    Raises
    ------
    PlotError
        If the inputs do not lie on a line, or more than the seed varies.
    """
    del palette  # colours are those of the times
    if variable not in data:
        raise PlotError(f"'{variable}' was not recorded")
    if (why := on_a_line(data)) is not None:
        raise PlotError(why)
    names = [variable]
    if variable == "prediction_test" and VARIANCE in data and has_values(data[VARIANCE]):
        names.append(VARIANCE)
    data = sorted_line(as_one(data, names))
    array = data[variable].transpose("time", "test_point", ...)
    data, colours = at_chosen_times(data, array, times)
    x, spread = line_inputs(data, "test"), over_seeds(data[variable])
    with canvas(ax) as ax:
        draw_targets(ax, data, x)
        steps, labels = data["time"].values, time_labels(data)
        last = spread.mean.isel(time=-1)
        low, high = spread.low, spread.high
        if low is not None and high is not None:
            ends, said = (low.isel(time=-1).values, high.isel(time=-1).values), spread.label
        elif VARIANCE in names:
            deviation = np.sqrt(over_seeds(data[VARIANCE]).mean.isel(time=-1).values)
            ends = (last.values - deviation, last.values + deviation)
            said = "predicted ±1 s.d."
        else:
            ends, said = None, ""
        entries = []
        if ends is not None:
            ax.fill_between(x, *ends, color=colours[-1], alpha=BAND_ALPHA, linewidth=0)
            when = f", {labels[-1]}" if len(steps) > 1 else ""
            entries.append(band_entry(f"{said}{when}", colours[-1]))
        widths = np.linspace(1.0, 1.9, len(steps)) if len(steps) > 1 else [1.6]
        for i, colour in enumerate(colours):
            ax.plot(
                x,
                spread.mean.isel(time=i).values,
                color=colour,
                linewidth=widths[i],
                label=labels[i],
            )
        draw_training_points(ax, data)
        ax.set_xlabel("input x")
        ax.set_ylabel("output f(x)")
        add_legend(ax, entries)
    return ax


def at_chosen_times(
    data: xr.Dataset, array: xr.DataArray, most: int
) -> tuple[xr.Dataset, list[Colour]]:
    """Return the data at some times of a variable (time, …), as ``chosen_times`` has them.

    With them come their colours. Of times at which a solver was at the same step, one is left; the
    others have the colours that they have beside a solver that was at all of them.
    """
    at = chosen_times(array, most)
    colours = graded(len(at))
    _, first = np.unique(array["time"].values[at], return_index=True)
    first = np.sort(first)
    return data.isel(time=at[first]), [colours[i] for i in first]


def time_labels(data: xr.Dataset) -> list[str]:
    """Return what curves at the times of one member are called."""
    reached = data["time"].values
    asked = data[ASKED].values if ASKED in data.coords else reached
    return [step_label(float(a), float(r)) for a, r in zip(asked, reached, strict=True)]


def chosen_times(array: xr.DataArray, most: int) -> NDArray[np.intp]:
    """Return indices of at most ``most`` times that were reached, evenly spaced on their axis.

    The first and the last are always among them. The axis is that of the times that were asked
    for, so that all solvers are shown at the same ones.
    """
    others = [dim for dim in array.dims if dim != "time"]
    reached = np.flatnonzero(array.notnull().any(others).values)
    if len(reached) <= most:
        return reached
    times = array[ASKED if ASKED in array.coords else "time"].values[reached]
    axis = TimeAxis.of(times)
    places = np.log(axis.positions(times)) if axis.is_log else axis.positions(times)
    wanted = np.linspace(places[0], places[-1], most) if most > 1 else places[-1:]
    return reached[np.unique([np.abs(places - place).argmin() for place in wanted])]


def draw_training_points(ax: Axes, data: xr.Dataset) -> None:
    """Draw the training points as black dots."""
    targets = data["y_train"].values.reshape(data.sizes["train_point"], -1)[:, 0]
    ax.plot(
        line_inputs(data, "train"), targets, "o", color="black", ms=4.5, label="training points"
    )


def draw_targets(ax: Axes, data: xr.Dataset, x: Array) -> None:
    """Draw the targets of the test points, where they are known, dashed."""
    if "y_test" in data and has_values(data["y_test"]):
        targets = data["y_test"].values.reshape(len(x), -1)[:, 0]
        ax.plot(x, targets, color=NEUTRAL, label="test targets", **{**THEORY, "zorder": 1.5})


def at_times(most: int, variable: str = "prediction_test") -> partial[Axes]:
    """Return ``function_fit`` with its options set."""
    return partial(function_fit, variable=variable, times=most)


KIND = Kind(
    name="function_fit",
    description="Learned function of one input at several times, with the training points.",
    needs=(("prediction_test",),),
    record=("predictions",),
    uses=(VARIANCE,),
    draw=function_fit,
    fits=on_a_line,
    shares_y=True,
)
