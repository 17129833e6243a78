"""The kernel between one input and all inputs of a plane."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, MultipleLocator

from ntksim.plot.curves import as_one, canvas, folded
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import AXES, matching
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.kinds.kernel import colour_scale, scale_ticks
from ntksim.plot.legend import add_legend, style_entry
from ntksim.plot.seeds import over_seeds
from ntksim.plot.style import Palette
from ntksim.plot.wording import number
from ntksim.types import Array

_FIELD, _PLACES = "kernel_field", "kernel_field_anchor"
_PROFILE, _ANGLE = "kernel_profile", "kernel_profile_angle"
_ANCHOR = "#D55E00"


def kernel_field(
    data: xr.Dataset,
    /,
    *,
    anchor: int = 0,
    ax: Axes | None = None,
    palette: Palette | None = None,
) -> Axes:
    """Draw K(x, x*) for one anchor x over a plane of x*: a heat map with the contour of 0.

    ``anchor`` is its index. Dotted are the unit circle, on which the kernel depends on the angle
    alone, and the line x₂ = 1, where one-dimensional inputs with an appended 1 lie.

    Raises
    ------
    PlotError
        If no field was recorded, there is no such anchor, or more than the seed varies.
    """
    del palette
    if not matching(data, [_FIELD]):
        raise PlotError(f"no {_FIELD} was recorded; a study records it with `record: [{_FIELD}]`")
    data = as_one(data, [_FIELD])
    field = over_seeds(data[_FIELD]).mean
    if "anchor" in field.dims:
        if not 0 <= anchor < field.sizes["anchor"]:
            raise PlotError(f"there is no anchor {anchor}; there are {field.sizes['anchor']}")
        field = field.isel(anchor=anchor)
    field = field.transpose("field_y", "field_x")
    x, y = _coordinate(data, "field_x"), _coordinate(data, "field_y")
    # A store has one size for all datasets: a smaller field is padded with NaN.
    field = field.isel(field_x=~np.isnan(x), field_y=~np.isnan(y))
    x, y = x[~np.isnan(x)], y[~np.isnan(y)]
    low, high = float(field.min()), float(field.max())
    with canvas(ax) as ax:
        colours, scale = colour_scale(low, high, signed=True)
        image = ax.pcolormesh(x, y, field.values, cmap=colours, norm=scale, rasterized=True)
        entries = []
        if low < 0 < high:
            ax.contour(x, y, field.values, levels=[0.0], colors="black", linewidths=1.0)
            entries.append(style_entry("kernel is 0", color="black", linewidth=1.0))
        limits = ax.get_xlim(), ax.get_ylim()
        dotted = {"color": "0.25", "linestyle": ":", "linewidth": 1.1}
        turn = np.linspace(0, 2 * np.pi, 200)
        ax.plot(np.cos(turn), np.sin(turn), **dotted)
        ax.axhline(1.0, **dotted)
        entries.append(style_entry("unit circle, and x₂ = 1", **dotted))
        place = anchor_place(data, anchor)
        if place is not None:
            ax.plot(*place, "o", color=_ANCHOR, mec="white", ms=7, label="anchor x", zorder=5)
        ax.set(xlim=limits[0], ylim=limits[1], xlabel="x*₁", ylabel="x*₂", aspect="equal")
        for side in (ax.xaxis, ax.yaxis):
            side.set_major_locator(MaxNLocator(5, integer=True))
        ax.grid(visible=False)
        ax.figure.colorbar(
            image,
            ax=ax,
            label="tangent kernel K(x, x*)",
            ticks=scale_ticks(low, high),
            format=lambda value, _: number(value),
        )
        add_legend(ax, entries)
    return ax


def anchor_place(data: xr.Dataset, anchor: int) -> Array | None:
    """Return the two coordinates of an anchor, if they are stored.

    They are those of ``kernel_field_anchor`` (anchor, 2).
    """
    if _PLACES not in data:
        return None
    return _once(data[_PLACES].variable).values[anchor]


def _coordinate(data: xr.Dataset, dim: str) -> Array:
    """Return the places along a dimension: of a stored variable, or else of its coordinate."""
    name = f"kernel_{dim}"
    if name in data:
        return _once(data[name].variable).values
    return data[dim].values.astype(np.float64)


def _once(array: xr.Variable) -> xr.Variable:
    """Return a variable without the axes of the grid, along which coordinates do not change."""
    return array.isel({dim: 0 for dim in (*AXES, "seed") if dim in array.dims})


def kernel_profile(
    data: xr.Dataset, /, *, ax: Axes | None = None, palette: Palette | None = None
) -> Axes:
    """Draw K(x, x*) over the angle from x to x* on the circle through x, a line for each anchor.

    Raises
    ------
    PlotError
        If no profile was recorded, or more than the seed varies.
    """
    palette = palette or Palette()
    if len(matching(data, [_PROFILE, _ANGLE])) < 2:
        raise PlotError(f"no {_PROFILE} was recorded; a study records it with `record: [{_FIELD}]`")
    data = as_one(data, [_PROFILE])
    profile = over_seeds(data[_PROFILE]).mean.transpose("anchor", "angle")
    angle = _once(data[_ANGLE].variable).values
    with canvas(ax) as ax:
        ax.axhline(0, color="0.6", linewidth=0.8, zorder=1)
        for i in range(profile.sizes["anchor"]):
            label = _anchor_label(data, i)
            ax.plot(angle, profile.isel(anchor=i).values, color=palette[label], label=label)
        ax.xaxis.set_major_locator(MultipleLocator(90))
        ax.xaxis.set_major_formatter("{x:.0f}°".replace("-", "−"))
        ax.set_xlabel("angle between x and x*")
        ax.set_ylabel(folded("tangent kernel on the circle through x"))
        add_legend(ax)
    return ax


def _anchor_label(data: xr.Dataset, anchor: int) -> str:
    place = anchor_place(data, anchor)
    if place is None:
        return f"anchor {anchor}"
    return f"x = ({', '.join(number(float(value)) for value in place)})"


def panels(data: xr.Dataset) -> list[Panel]:
    """Return one panel for each anchor, and one with the profiles around a circle."""
    found = []
    for i in range(data.sizes.get("anchor", 1)):
        own = data.isel(anchor=[i]) if "anchor" in data.dims else data
        found.append(Panel(_anchor_label(data, i), own, kernel_field))
    if len(matching(data, [_PROFILE, _ANGLE])) == 2:
        found.append(Panel("around the circle", data, kernel_profile))
    return found


KIND = Kind(
    name="kernel_field",
    description="Kernel between an anchor and all inputs of a plane.",
    needs=((_FIELD,),),
    record=("kernel_field",),
    uses=("kernel_field_*", "kernel_profile*"),
    draw=kernel_field,
    panels=panels,
)
