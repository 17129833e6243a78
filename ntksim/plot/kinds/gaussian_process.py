"""Mean and uncertainty of an ensemble of infinitely wide networks."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from ntksim.plot.curves import as_one, canvas
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import matching
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.kinds.function_fit import chosen_times, draw_targets, draw_training_points
from ntksim.plot.legend import add_legend, band_entry
from ntksim.plot.points import line_inputs, on_a_line, sorted_line
from ntksim.plot.seeds import over_seeds
from ntksim.plot.style import BAND_ALPHA, COLOURS, Palette, graded
from ntksim.plot.wording import number

_MEAN, _VARIANCE = "prediction_test", "prediction_variance_test"
_PANELS = 6
_BANDS = 3


def gaussian_process(
    data: xr.Dataset,
    /,
    *,
    times: int = _BANDS,
    ax: Axes | None = None,
    palette: Palette | None = None,
) -> Axes:
    """Draw mean and one standard deviation over a one-dimensional input, at a few times.

    The band is √ of ``prediction_variance_test`` around ``prediction_test``: the spread over
    initialisations, not that over seeds. ``times`` is how many of the stored times are drawn, the
    first and the last always among them.

    Raises
    ------
    PlotError
        If the inputs do not lie on a line, mean or variance is missing, or more than the seed
        varies.
    """
    del palette
    if (why := on_a_line(data)) is not None:
        raise PlotError(why)
    if len(matching(data, [_MEAN, _VARIANCE])) < 2:
        raise PlotError(
            f"it needs {_MEAN} and {_VARIANCE}; a study records them with "
            "`record: [predictions, variance]`"
        )
    data = sorted_line(as_one(data, [_MEAN, _VARIANCE]))
    array = data[_VARIANCE].transpose("time", "test_point", ...)
    data = data.isel(time=chosen_times(array, times))
    mean, variance = over_seeds(data[_MEAN]).mean, over_seeds(data[_VARIANCE]).mean
    x, steps = line_inputs(data, "test"), data["time"].values
    with canvas(ax) as ax:
        draw_targets(ax, data, x)
        colours = [COLOURS[0]] if len(steps) == 1 else graded(len(steps))
        for i, (time, colour) in enumerate(zip(steps, colours, strict=True)):
            centre, deviation = mean.isel(time=i).values, np.sqrt(variance.isel(time=i).values)
            ax.fill_between(
                x,
                centre - deviation,
                centre + deviation,
                facecolor=to_rgba(colour, BAND_ALPHA),
                edgecolor=to_rgba(colour, 0.5),
                linewidth=0.6,
            )
            label = "mean" if len(steps) == 1 else f"mean, t = {number(float(time))}"
            ax.plot(x, centre, color=colour, label=label)
        draw_training_points(ax, data)
        ax.set_xlabel("input x")
        ax.set_ylabel("output f(x)")
        add_legend(ax, [band_entry("predicted ±1 s.d.", colours[-1])])
    return ax


def panels(data: xr.Dataset) -> list[Panel]:
    """Return one panel for each of a few times."""
    data = as_one(data, [_MEAN, _VARIANCE])
    array = data[_VARIANCE].transpose("time", "test_point", ...)
    return [
        Panel(f"t = {number(float(data['time'][i]))}", data.isel(time=[i]), gaussian_process)
        for i in chosen_times(array, _PANELS)
    ]


KIND = Kind(
    name="gaussian_process",
    description="Mean and one standard deviation over initialisations, at several times.",
    needs=((_MEAN,), (_VARIANCE,)),
    record=("predictions", "variance"),
    draw=gaussian_process,
    panels=panels,
    fits=on_a_line,
    shares_y=True,
)
