"""Predictors side by side: full, linearised, infinitely wide, trained."""

from __future__ import annotations

from collections.abc import Iterator

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ntksim.plot.curves import as_one, canvas, draw_spread
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import matching, members, trimmed, varying
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.kinds.function_fit import (
    TIMES,
    at_times,
    chosen_times,
    draw_targets,
    draw_training_points,
)
from ntksim.plot.legend import add_legend, step_label
from ntksim.plot.points import line_inputs, on_a_line, sorted_line
from ntksim.plot.reached import ASKED
from ntksim.plot.read import plugin_name
from ntksim.plot.seeds import over_seeds
from ntksim.plot.style import Palette

_FULL, _PLAIN = "prediction_full_test", "prediction_test"
_KERNELS = {"empirical": (1, "linearised network"), "analytic": (2, "infinite-width kernel")}
_TRAINED = ("network_gradient_descent",)


def predictors(
    data: xr.Dataset, /, *, ax: Axes | None = None, palette: Palette | None = None
) -> Axes:
    """Draw all predictors over a one-dimensional input, each at the last time it reached.

    A line is the mean over seeds, its band one standard deviation.

    Raises
    ------
    PlotError
        If the inputs do not lie on a line, there is no prediction, or more varies than kernel,
        solver and seed.
    """
    if (why := on_a_line(data)) is not None:
        raise PlotError(why)
    palette = palette or Palette()
    found = list(_predictors(data))
    if not found:
        raise PlotError(
            "no prediction was recorded; a study records it with `record: [predictions]`"
        )
    with canvas(ax) as ax:
        band: list[Patch] = []
        for title, name, own in found:
            last = sorted_line(_at_last_time(own, name))
            x, spread = line_inputs(last, "test"), over_seeds(last[name])
            label = (
                f"{title}, {step_label(float(last.get(ASKED, last['time'])), float(last['time']))}"
            )
            band = draw_spread(ax, x, spread, palette[title], label=label) or band
            draw_targets(ax, last, x)
        draw_training_points(ax, found[-1][2])
        ax.set_xlabel("input x")
        ax.set_ylabel("output f(x)")
        add_legend(ax, band)
    return ax


def _at_last_time(data: xr.Dataset, name: str) -> xr.Dataset:
    data = as_one(data, [name])
    array = data[name].transpose("time", "test_point", ...)
    return data.isel(time=chosen_times(array, 2)[-1])


def panels(data: xr.Dataset) -> list[Panel]:
    """Return one panel for each predictor, over time, and one with all of them at the end."""
    found = [
        Panel(title, own, at_times(TIMES, variable=name)) for title, name, own in _predictors(data)
    ]
    last = [Panel("last time", data, predictors, family="last")]
    return [*found, *last] if len(found) > 1 else found


def _predictors(data: xr.Dataset) -> Iterator[tuple[str, str, xr.Dataset]]:
    """Yield title, variable and data of each predictor that there is, in a fixed order."""
    found: list[tuple[int, str, str, str, xr.Dataset]] = []
    for name in matching(data, [_FULL, _PLAIN]):
        own = trimmed(data, [name])
        axes = [axis for axis in ("kernel", "solver") if axis in varying(own, [name])]
        for member in members(own, [name], axes):
            is_trained = plugin_name(member.data, "solver") in _TRAINED
            if name == _FULL and _is_no_predictor(data, member.data, is_trained):
                continue
            rank, title = _rank_and_title(name, is_trained, member.data)
            found.append((rank, title, member.label, name, member.data))
    titles = [title for _, title, *_ in found]
    for _, title, label, name, own in sorted(found, key=lambda item: item[0]):
        if titles.count(title) > 1:
            solver = str(own["solver"].values) if own["solver"].ndim == 0 else label
            title = f"{title} ({solver})"
        yield title, name, own


def _is_no_predictor(whole: xr.Dataset, own: xr.Dataset, is_trained: bool) -> bool:
    """Whether the full network says nothing of its own here.

    A trained network is at its own parameters, and those of another kernel than the network's own
    are not the parameters of its linearisation.
    """
    if is_trained:
        return _PLAIN in whole
    others = set(whole["kernel"].attrs.get("plugin_names", {}).values())
    return plugin_name(own, "kernel") != "empirical" and "empirical" in others


def _rank_and_title(name: str, is_trained: bool, data: xr.Dataset) -> tuple[int, str]:
    if is_trained:
        return 4, "trained network"
    kernel = plugin_name(data, "kernel")
    if name == _FULL:
        return 0, "full network, linearised parameters"
    if kernel is None:
        return 3, "prediction"
    return _KERNELS.get(kernel, (3, kernel))


KIND = Kind(
    name="predictors",
    description="Full, linearised, infinite-width and trained network side by side.",
    needs=((_FULL, _PLAIN),),
    record=("predictions", "full_predictions"),
    draw=predictors,
    panels=panels,
    fits=on_a_line,
    spans=("kernel", "solver"),
    suits=lambda datasets: any(matching(data, [_FULL]) for data in datasets.values()),
    shares_y=True,
)
