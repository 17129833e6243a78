"""The spread of many networks beside that which theory predicts."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ntksim.plot.curves import as_one, canvas, folded
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import has_values, matching
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.kinds.function_fit import TIMES, at_chosen_times, time_labels
from ntksim.plot.legend import add_legend, style_entry
from ntksim.plot.points import line_inputs, on_a_line, sorted_line
from ntksim.plot.seeds import over_seeds
from ntksim.plot.style import NEUTRAL, THEORY, Palette

_OUTPUT, _VARIANCE = "prediction_test", "prediction_variance_test"
_VANISHING = 1e-3
_LEAST_SEEDS = 20
"""Seeds of which a standard deviation means something: it is known to 1/√(2·19), 16 %."""


def ensemble(
    data: xr.Dataset,
    /,
    *,
    quantity: Literal["deviation", "ratio"] = "deviation",
    ax: Axes | None = None,
    palette: Palette | None = None,
) -> Axes:
    """Draw the standard deviation over seeds over a one-dimensional input, at several times.

    Points are measured, s over the initialisations of finite networks, and their bars the standard
    error s/√(2(n − 1)) of normal draws. Dashed is √ of ``prediction_variance_test``, the spread
    that the Gaussian process of infinitely wide networks predicts. ``ratio`` draws measured over
    predicted instead. Where a thousandth of the largest spread is left, networks fit: those points
    are left out.

    Raises
    ------
    PlotError
        If the inputs do not lie on a line, mean or variance is missing, there are fewer than 20
        seeds, or more than kernel and seed varies.
    """
    del palette  # colours are those of the times
    if (why := on_a_line(data) or _too_few(data)) is not None:
        raise PlotError(why)
    measured, predicted = _both(data)
    measured, colours = at_chosen_times(measured, _over_points(measured), TIMES)
    predicted = predicted.sel(time=measured["time"].values, method="nearest")
    x = line_inputs(measured, "test")
    seeds = measured.sizes["seed"]
    spread = measured[_OUTPUT].std("seed", ddof=1).transpose("time", "test_point").values
    theory = np.sqrt(over_seeds(predicted[_VARIANCE]).mean.transpose("time", "test_point").values)
    # At the training points networks that fit have no spread to compare.
    there = theory > _VANISHING * theory.max()
    relative = 1 / np.sqrt(2 * (seeds - 1))
    with canvas(ax) as ax:
        if quantity == "ratio":
            ax.axhline(1.0, color=NEUTRAL, **THEORY)
        for i, (label, colour) in enumerate(zip(time_labels(measured), colours, strict=True)):
            values = spread[i] / theory[i] if quantity == "ratio" else spread[i]
            values = np.where(there[i], values, np.nan)
            style = {"fmt": "o", "ms": 3.5, "elinewidth": 1.0, "capsize": 0}
            if quantity == "ratio":
                style["fmt"] = "o-"
            ax.errorbar(x, values, relative * values, color=colour, label=label, **style)
            if quantity == "deviation":
                shown = np.where(there[i], theory[i], np.nan)
                ax.plot(x, shown, color=colour, label="_nolegend_", **THEORY)
        if quantity == "deviation":
            ax.set_yscale("log")
            shown = theory[there]
            ax.set_ylim(0.6 * shown.min(), 1.6 * shown.max())
        ax.set_xlabel("input x")
        words = f"standard deviation over {seeds} seeds"
        ax.set_ylabel(folded(f"{words}, over theory" if quantity == "ratio" else words))
        add_legend(ax, [style_entry("Gaussian process", **THEORY)])
    return ax


def _over_points(data: xr.Dataset) -> xr.DataArray:
    return data[_OUTPUT].transpose("time", "test_point", ...)


def _kernels(data: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Return the part with kernels of the networks' own, and that with the limit's kernel."""
    if "kernel" in data.dims and data.sizes["kernel"] > 1:
        names = data["kernel"].attrs.get("plugin_names", {})
        labels = [str(label) for label in data["kernel"].values]
        limit = [i for i, label in enumerate(labels) if names.get(label, label) == "analytic"]
        own = [i for i in range(len(labels)) if i not in limit]
        if limit and own:
            return data.isel(kernel=own), data.isel(kernel=limit)
    return data, data


def _both(data: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Return measured and predicted data, each of one member, with sorted points."""
    measured, predicted = _kernels(data)
    measured = sorted_line(as_one(measured, [_OUTPUT]))
    return measured, sorted_line(as_one(predicted, [_VARIANCE]))


def _too_few(data: xr.Dataset) -> str | None:
    seeds = data.sizes.get("seed", 1)
    if len(matching(data, [_OUTPUT, _VARIANCE])) < 2:
        return (
            f"it needs {_OUTPUT} and {_VARIANCE}; a study records them with "
            "`record: [predictions, variance]`"
        )
    if seeds < _LEAST_SEEDS:
        return f"a spread over seeds needs {_LEAST_SEEDS} seeds or more, and there are {seeds}"
    return None


def panels(data: xr.Dataset) -> list[Panel]:
    """Return the spread beside its theory, and their ratio, where outputs depend on the seed."""
    measured, predicted = _kernels(data)
    if not (has_values(measured[_OUTPUT]) and has_values(predicted[_VARIANCE])):
        return []
    if not (measured[_OUTPUT].std("seed") > 0).any():
        return []
    return [
        Panel("", data, ensemble, name="deviation"),
        Panel("", data, partial(ensemble, quantity="ratio"), name="ratio"),
    ]


def fits(data: xr.Dataset) -> str | None:
    """Say why a spread cannot be drawn, or return ``None``."""
    return on_a_line(data) or _too_few(data)


KIND = Kind(
    name="ensemble",
    description="Spread over many seeds beside that of the Gaussian process.",
    needs=((_OUTPUT,), (_VARIANCE,)),
    record=("predictions", "variance"),
    draw=ensemble,
    panels=panels,
    fits=fits,
    spans=("kernel",),
)
