"""Quantities over training time, one line for each member of the grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ntksim.plot.curves import as_lines, time_label
from ntksim.plot.grid import has_values
from ntksim.plot.legend import add_legend, band_entry, style_entry
from ntksim.plot.scales import log_limits, set_log
from ntksim.plot.seeds import Spread, over_seeds
from ntksim.plot.style import DASHES, THEORY, Palette
from ntksim.plot.time_axis import TimeAxis

_SECOND: Mapping[str, Any] = {"linestyle": ":", "linewidth": 1.6}
"""Style of what stands beside the main quantity, such as test beside training."""


@dataclass(frozen=True)
class Part:
    """A variable and how it is drawn: ``first`` solid, ``second`` dotted, ``theory`` dashed."""

    name: str
    label: str
    role: str = "first"


@dataclass(frozen=True)
class _Curve:
    part: Part
    member: str
    spread: Spread


def draw_over_time(
    ax: Axes,
    data: xr.Dataset,
    parts: Sequence[Part],
    palette: Palette,
    *,
    logarithmic: bool = False,
) -> Axes:
    """Draw variables of time, a colour for each member of the grid, a line style for each part.

    With one member the parts have colours of their own. Each kind of theory has dashes of its own.
    Times are those that the solver reached. ``logarithmic`` makes the vertical axis so
    where what was measured spans more than a decade, and averages logarithms over seeds.
    """
    arrays = list(_recorded(data, parts))
    measured = [array.values for part, _, array in arrays if part.role != "theory"]
    is_log = logarithmic and set_log(ax, *log_limits(measured))
    curves = [
        _Curve(part, member, over_seeds(array, logarithmic=is_log))
        for part, member, array in arrays
    ]
    axis = TimeAxis.of(
        np.unique(np.concatenate([curve.spread.mean["time"].values for curve in curves]))
    )
    is_lone = {curve.member for curve in curves} == {""}
    styles = _styles(parts)
    band: list[Patch] = []
    shown: set[str] = set()
    for curve in curves:
        part, spread = curve.part, curve.spread
        colour = palette[part.label if is_lone else curve.member]
        style: dict[str, Any] = {"color": colour, **styles[part.label]}
        label = part.label if is_lone else curve.member if curve.member not in shown else ""
        shown.add(curve.member)
        if part.role == "theory":
            spread = Spread(spread.mean)
        band = draw_curve(ax, axis, spread, style, label) or band
    axis.set_up(ax, time_label(data))
    extra = [] if is_lone else list(_style_entries(curves, styles))
    add_legend(ax, [*extra, *band])
    return ax


def draw_curve(
    ax: Axes, axis: TimeAxis, spread: Spread, style: Mapping[str, Any], label: str = ""
) -> list[Patch]:
    """Draw a mean over its ``time`` with its band; return the band's entry of the legend, if any.

    On a logarithmic axis, values at 0 and infinity that lie below it are pointed to.
    """
    times, values, colour = spread.mean["time"].values, spread.mean.values, style["color"]
    axis.line(ax, times, values, style, label)
    axis.off_scale(ax, times, values, colour)
    if spread.low is None or spread.high is None:
        return []
    axis.band(ax, times, spread.low.values, spread.high.values, colour)
    return [band_entry(spread.label)]


def reached(array: xr.DataArray) -> xr.DataArray:
    """Return the part at the times where there is any value, with time as first dimension."""
    array = array.transpose("time", ...)
    return array.isel(time=array.notnull().any([*array.dims[1:]]).values)


def _recorded(data: xr.Dataset, parts: Sequence[Part]) -> Iterator[tuple[Part, str, xr.DataArray]]:
    """Yield what there is of each part, at the times that were reached."""
    for member in as_lines(data, [part.name for part in parts]):
        for part in parts:
            if has_values(member.data[part.name]):
                yield part, member.label, reached(member.data[part.name])


def _styles(parts: Sequence[Part]) -> dict[str, Mapping[str, Any]]:
    """Return the line style of each part by its label: each kind of theory has its own dashes."""
    theory = dict.fromkeys(part.label for part in parts if part.role == "theory")
    found: dict[str, Mapping[str, Any]] = {
        part.label: _SECOND if part.role == "second" else {} for part in parts
    }
    for i, label in enumerate(theory):
        found[label] = {**THEORY, "linestyle": DASHES[i % len(DASHES)]}
    return found


def _style_entries(
    curves: Sequence[_Curve], styles: Mapping[str, Mapping[str, Any]]
) -> Iterator[Any]:
    parts = dict.fromkeys(curve.part.label for curve in curves)
    if len(parts) > 1:
        for label in parts:
            yield style_entry(label, **styles[label])
