"""How fast the loss falls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ntksim.plot.curves import canvas
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import matching, trimmed, varying
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.scales import LEAST_RATIO, log_limits
from ntksim.plot.series import Part, draw_over_time
from ntksim.plot.style import Palette

LEAST_SHARE = 0.25
"""Of an axis that two losses share, what each must take to be seen."""

_LOSSES = {
    ("loss_train", "loss_test"): "loss ½ Σ (f − y)²",
    ("mean_squared_error_train", "mean_squared_error_test"): "mean squared error",
}
BOUNDS = ("loss_*bound*", "loss_theory*")
"""What theory says of the loss, over time."""


def loss(data: xr.Dataset, /, *, ax: Axes | None = None, palette: Palette | None = None) -> Axes:
    """Draw training and test loss over time, with their bounds where those were recorded.

    A line is the geometric mean over seeds, its band one standard deviation of the logarithm.
    Bounds, and the loss in theory, are dashed over what was measured, as long as that is of one
    member of the grid: those of several could not be told apart. Both losses are sums over the
    points of their part, so that training and test loss of unequal numbers of points have unequal
    scales. The axis ends twelve decades below the first value: deeper lies rounding. Values at time
    0 and infinity have a strip of their own, and a triangle where they lie below the axis.

    Raises
    ------
    PlotError
        If no loss was recorded, or more lines are asked for than can be told apart.
    """
    return _drawn(data, ax, palette)


def panels(data: xr.Dataset) -> list[Panel]:
    """Return one panel, or one each for training and test where one would flatten the other.

    A training loss falls to what rounding leaves of it, and the test loss stays where it is.
    """
    names = next(names for names in _LOSSES if matching(data, names))
    if not all(name in data for name in names) or not _is_flattened(data, names):
        return [Panel("", data, loss)]
    return [
        Panel(title, data, partial(_side, name=name), name=title)
        for name, title in zip(names, ("training loss", "test loss"), strict=True)
    ]


def _side(
    data: xr.Dataset,
    /,
    *,
    ax: Axes | None = None,
    palette: Palette | None = None,
    name: str = "",
) -> Axes:
    return _drawn(data, ax, palette, name)


def _drawn(data: xr.Dataset, ax: Axes | None, palette: Palette | None, side: str = "") -> Axes:
    """Draw the losses, or the one of a ``side``: theory speaks of training."""
    for names, label in _LOSSES.items():
        if matching(data, names):
            test = names[1]
            parts = [Part(test, "test loss")] if side == test else list(_parts(data, names))
            if side and side != test:
                parts = [part for part in parts if part.name != test]
            with canvas(ax) as ax:
                draw_over_time(ax, data, parts, palette or Palette(), logarithmic=True)
                ax.set_ylabel(label)
            return ax
    raise PlotError("no loss was recorded; a study records it with `record: [loss]`")


def _is_flattened(data: xr.Dataset, names: tuple[str, str]) -> bool:
    """Whether a loss of the two takes little of an axis that shows both."""
    if _are_equal(*(data[name] for name in names)):
        return False
    spans = [log_limits([data[name].values]) for name in names]
    if not all(low > 0 for low, _ in spans):
        return False
    both = max(high for _, high in spans) / min(low for low, _ in spans)
    share = min(np.log(high / low) for low, high in spans) / np.log(both)
    return bool(both > LEAST_RATIO and share < LEAST_SHARE)


def _parts(data: xr.Dataset, names: tuple[str, ...]) -> Iterator[Part]:
    """Yield the losses, the test loss only if it is another than that of training."""
    train, test = names
    for name in matching(data, names):
        if name == train:
            yield Part(name, "training loss")
        elif train not in data or not _are_equal(data[train], data[test]):
            yield Part(name, "test loss", "second")
    bounds = [name for name in matching(data, BOUNDS) if "time" in data[name].dims]
    if bounds and "loss_train" in names and _is_one(data, names):
        for name in bounds:
            yield Part(name, _said(data[name]), "theory")


def _are_equal(first: xr.DataArray, second: xr.DataArray) -> bool:
    return first.dims == second.dims and bool(np.allclose(first, second, equal_nan=True))


def _is_one(data: xr.Dataset, names: tuple[str, ...]) -> bool:
    """Whether nothing but seeds varies."""
    own = matching(data, names)
    return not varying(trimmed(data, own), own)


def _said(array: xr.DataArray) -> str:
    """Return what a bound is called: its long name, the same for its lower and its upper side."""
    words = str(array.attrs.get("long_name", str(array.name).replace("_", " ")))
    words = words.replace(" of the training loss", "").replace("training loss of the ", "")
    return re.sub(r"\b(lower|upper) bound\b", _sides(str(array.name)), words)


def _sides(name: str) -> str:
    """Return ``bounds`` for what has two sides."""
    return "bounds" if {"lower", "upper"} & set(name.split("_")) else "upper bound"


def _is_bounded(datasets: Mapping[str, xr.Dataset]) -> bool:
    """Whether there is more than the bounds that nearly every study records."""
    return any(matching(data, ["loss_bound_*", "loss_theory*"]) for data in datasets.values())


KIND = Kind(
    name="loss",
    description="Training and test loss over time, bounds dashed.",
    needs=(tuple(name for names in _LOSSES for name in names),),
    record=("loss",),
    uses=BOUNDS,
    draw=loss,
    panels=panels,
    lines=("width", "kernel", "solver", "architecture"),
)

BOUNDED = Kind(
    name="loss_bounds",
    description="Training loss of each network between its bounds, and in theory.",
    needs=(("loss_train",), BOUNDS),
    record=("loss", "loss_bounds", "descent_theory"),
    draw=loss,
    suits=_is_bounded,
    shares_y=True,
)
