"""Kernel matrices."""

from __future__ import annotations

from functools import partial

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, Normalize, TwoSlopeNorm
from matplotlib.ticker import MaxNLocator

from ntksim.plot.curves import as_one, canvas, folded, label_of
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import matching
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.seeds import over_seeds
from ntksim.plot.style import Palette

_MATRICES = ("ntk_train", "ntk_test_train", "nngp_train", "nngp_test_train")


def kernel(
    data: xr.Dataset,
    /,
    *,
    variable: str = "ntk_train",
    ax: Axes | None = None,
    palette: Palette | None = None,
) -> Axes:
    """Draw a kernel matrix as a heat map, its mean where there are seeds.

    With entries of both signs, white is 0 and the two signs have two colours.

    Raises
    ------
    PlotError
        If the variable was not recorded, or more than the seed varies.
    """
    del palette
    if not matching(data, [variable]):
        raise PlotError(f"no {variable} was recorded; a study records it with `record: [kernel]`")
    data = as_one(data, [variable])
    array = data[variable]
    seeds = array.sizes.get("seed", 1)
    matrix = over_seeds(array).mean
    rows, columns = (str(dim) for dim in matrix.dims)
    with canvas(ax) as ax:
        low, high = float(np.nanmin(matrix)), float(np.nanmax(matrix))
        colours, scale = colour_scale(low, high)
        edges = [np.arange(size + 1) - 0.5 for size in matrix.shape]
        image = ax.pcolormesh(
            edges[1], edges[0], matrix.values, cmap=colours, norm=scale, rasterized=True
        )
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=True))
        ax.invert_yaxis()
        ax.grid(visible=False)
        for dim, setter in ((rows, ax.set_ylabel), (columns, ax.set_xlabel)):
            setter(dim.removesuffix("_other").replace("_", " "))
        mean = f", mean of {seeds} seeds" if seeds > 1 else ""
        ax.figure.colorbar(
            image, ax=ax, label=folded(label_of(data[variable]).replace("\n", " ") + mean)
        )
    return ax


def colour_scale(low: float, high: float, *, signed: bool = False) -> tuple[Colormap, Normalize]:
    """Return a colour map, and how it is spread from ``low`` to ``high``.

    With both signs, or where they are ``signed`` in other panels, violet is negative, white 0 and
    orange positive, whatever the two extremes.
    """
    if low < 0 < high:
        return mpl.colormaps["PuOr_r"], TwoSlopeNorm(0.0, low, high)
    if not signed:
        return mpl.colormaps["cividis" if low >= 0 else "cividis_r"], Normalize(low, high)
    half = np.linspace(0.5, 1.0, 128) if low >= 0 else np.linspace(0.0, 0.5, 128)
    ends = (0.0, high) if low >= 0 else (low, 0.0)
    return ListedColormap(mpl.colormaps["PuOr_r"](half)), Normalize(*ends)


def scale_ticks(low: float, high: float) -> list[float]:
    """Return a few round numbers on either side of 0, for the bar beside a signed map."""
    ends = [(0.0, high)] if low >= 0 else [(low, 0.0), (0.0, high)] if high > 0 else [(low, 0.0)]
    found = {
        float(tick) for a, b in ends for tick in MaxNLocator(3).tick_values(a, b) if a <= tick <= b
    }
    return sorted(found)


def panels(data: xr.Dataset) -> list[Panel]:
    """Return one panel for each matrix that was recorded."""
    return [Panel("", data, partial(kernel, variable=name)) for name in matching(data, _MATRICES)]


KIND = Kind(
    name="kernel",
    description="Kernel matrices as heat maps.",
    needs=(_MATRICES,),
    record=("kernel",),
    draw=kernel,
    panels=panels,
)
