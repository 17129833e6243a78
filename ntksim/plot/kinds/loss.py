"""How fast the loss falls."""

from __future__ import annotations

from collections.abc import Iterator

import xarray as xr
from matplotlib.axes import Axes

from ntksim.plot.curves import canvas
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import matching
from ntksim.plot.kind import Kind
from ntksim.plot.series import Part, draw_over_time
from ntksim.plot.style import Palette

_LOSSES = {
    ("loss_train", "loss_test"): "loss ½ Σ (f − y)²",
    ("mean_squared_error_train", "mean_squared_error_test"): "mean squared error",
}
_BOUNDS = ("loss_*bound*",)


def loss(data: xr.Dataset, /, *, ax: Axes | None = None, palette: Palette | None = None) -> Axes:
    """Draw training and test loss over time, with their bounds where those were recorded.

    A line is the geometric mean over seeds, its band one standard deviation of the logarithm;
    bounds are dashed, over what was measured. Both are sums over the points of their part, so that
    training and test loss of unequal numbers of points have unequal scales. The axis ends twelve
    decades below the first value: deeper lies rounding. Values at time 0 and infinity have a strip
    of their own, and a triangle where they lie below the axis.

    Raises
    ------
    PlotError
        If no loss was recorded, or more lines are asked for than can be told apart.
    """
    for names, label in _LOSSES.items():
        if matching(data, names):
            parts = list(_parts(data, names))
            with canvas(ax) as ax:
                draw_over_time(ax, data, parts, palette or Palette(), logarithmic=True)
                ax.set_ylabel(label)
            return ax
    raise PlotError("no loss was recorded; a study records it with `record: [loss]`")


def _parts(data: xr.Dataset, names: tuple[str, ...]) -> Iterator[Part]:
    for name in matching(data, names):
        is_test = name.endswith("test")
        yield Part(name, *(("test loss", "second") if is_test else ("training loss", "first")))
    if "loss_train" in names:
        for name in matching(data, _BOUNDS):
            if "time" in data[name].dims:
                yield Part(name, _family(name), "theory")


def _family(name: str) -> str:
    """Return what a bound is called, the same for its lower and its upper side."""
    words = [w for w in name.split("_") if w not in ("loss", "lower", "upper", "bound", "bounds")]
    return " ".join(["bounds", *(["from", *words] if words else [])])


KIND = Kind(
    name="loss",
    description="Training and test loss over time, bounds dashed.",
    needs=(tuple(name for names in _LOSSES for name in names),),
    record=("loss",),
    uses=_BOUNDS,
    draw=loss,
    lines=("width", "kernel", "solver", "architecture"),
)
