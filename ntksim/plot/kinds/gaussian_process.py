"""Mean and uncertainty of an ensemble of infinitely wide networks."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from ntksim.plot.curves import as_one, canvas
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import matching
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.kinds.function_fit import (
    at_chosen_times,
    chosen_times,
    draw_targets,
    draw_training_points,
    time_labels,
)
from ntksim.plot.legend import add_legend, band_entry, style_entry
from ntksim.plot.points import line_inputs, on_a_line, sorted_line
from ntksim.plot.seeds import over_seeds
from ntksim.plot.style import BAND_ALPHA, COLOURS, Palette

_MEAN, _VARIANCE = "prediction_test", "prediction_variance_test"
_DRAWN = ("*sample*",)
_SAMPLES = 5
"""Most samples that are drawn, within the band."""

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
    first and the last always among them. Thin lines are the first samples, if any were recorded.

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
    data, colours = at_chosen_times(data, array, times)
    mean, variance = over_seeds(data[_MEAN]).mean, over_seeds(data[_VARIANCE]).mean
    samples = _samples(data)
    x = line_inputs(data, "test")
    with canvas(ax) as ax:
        draw_targets(ax, data, x)
        if len(colours) == 1:
            colours = [to_rgba(COLOURS[0])]
        for i, (said, colour) in enumerate(zip(time_labels(data), colours, strict=True)):
            centre, deviation = mean.isel(time=i).values, np.sqrt(variance.isel(time=i).values)
            ax.fill_between(
                x,
                centre - deviation,
                centre + deviation,
                facecolor=to_rgba(colour, BAND_ALPHA),
                edgecolor=to_rgba(colour, 0.5),
                linewidth=0.6,
            )
            label = "mean" if len(colours) == 1 else f"mean, {said}"
            ax.plot(x, centre, color=colour, label=label)
            if samples is not None:
                own = samples.isel(time=i).values[:, :_SAMPLES]
                ax.plot(x, own, color=colour, linewidth=0.6, alpha=0.7)
        draw_training_points(ax, data)
        ax.set_xlabel("input x")
        ax.set_ylabel("output f(x)")
        entries: list[Artist] = [band_entry("predicted ±1 s.d.", colours[-1])]
        if samples is not None and samples.notnull().any():
            entries.append(style_entry("samples", color=colours[-1], linewidth=0.6, alpha=0.7))
        add_legend(ax, entries)
    return ax


def _samples(data: xr.Dataset) -> xr.DataArray | None:
    """Return functions drawn from the process (time, test_point, sample), of the first seed."""
    for name in matching(data, _DRAWN):
        if {"time", "test_point", "sample"} <= set(data[name].dims):
            array = data[name].isel(seed=0) if "seed" in data[name].dims else data[name]
            array = array.transpose("time", "test_point", "sample", ...)
            return array.isel(dict.fromkeys(array.dims[3:], 0))
    return None


def _panel_times(data: xr.Dataset) -> list[int]:
    """Return where the times are that have a panel: those with samples, and others up to six."""
    spread = chosen_times(data[_VARIANCE].transpose("time", "test_point", ...), _PANELS)
    drawn = _samples(data)
    found = set() if drawn is None else set(chosen_times(drawn, _PANELS).tolist())
    others = [i for i in spread.tolist() if i not in found]
    return sorted([*found, *others[: _PANELS - len(found)]])


def panels(data: xr.Dataset) -> list[Panel]:
    """Return one panel for each of a few times."""
    data = as_one(data, [_MEAN, _VARIANCE])
    at = _panel_times(data)
    return [
        Panel(title, data.isel(time=[i]), gaussian_process)
        for i, title in zip(at, time_labels(data.isel(time=at)), strict=True)
    ]


KIND = Kind(
    name="gaussian_process",
    description="Mean and one standard deviation over initialisations, at several times.",
    needs=((_MEAN,), (_VARIANCE,)),
    record=("predictions", "variance"),
    uses=_DRAWN,
    draw=gaussian_process,
    panels=panels,
    fits=on_a_line,
    shares_y=True,
)
