"""What several kinds draw alike: axes, series over time, lines over one input."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ntksim.plot.errors import PlotError, listing
from ntksim.plot.grid import AXES, Member, ask, members, trimmed, values_of, varying
from ntksim.plot.legend import band_entry, legend_inches, legend_length, put_beside, width_beside
from ntksim.plot.reached import at_reached_times
from ntksim.plot.seeds import Spread
from ntksim.plot.style import BAND_ALPHA, MOST_LINES, look
from ntksim.types import Array

_LONGEST_LABEL = 28
_SIZE = (5.2, 3.4)
_MOST_INSIDE = 3
"""Most entries of a legend that finds room in the axes."""


@contextmanager
def canvas(ax: Axes | None) -> Iterator[Axes]:
    """Give the Axes to draw in: the given one, or that of a new figure with room for a legend."""
    if ax is not None:
        yield ax
        return
    with look():
        figure, made = plt.subplots(figsize=_SIZE, layout="constrained")
        try:
            yield made
        except BaseException:
            plt.close(figure)
            raise
        if legend_length(made) > _MOST_INSIDE:
            put_beside(made)
        figure.set_size_inches(_SIZE[0] + legend_inches(width_beside([made])), _SIZE[1])


def as_lines(data: xr.Dataset, names: Sequence[str], *, axes: Sequence[str] = AXES) -> list[Member]:
    """Return the members of the grid, or along other ``axes``, that become lines of one Axes.

    Each is at the times that its solver reached.

    Raises
    ------
    PlotError
        If there are more than can be told apart.
    """
    data = trimmed(data, names, axes)
    axes = varying(data, names, axes)
    found = members(data, names, axes)
    if len(found) > MOST_LINES:
        raise PlotError(
            f"{len(found)} lines cannot be told apart, {MOST_LINES} can; {_differing(data, axes)}"
        )
    return [Member(member.label, at_reached_times(member.data)) for member in found]


def as_one(data: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """Return trimmed data in which nothing but seeds varies, at the times that were reached.

    Raises
    ------
    PlotError
        If an axis of the grid varies.
    """
    data = trimmed(data, names)
    axes = varying(data, names)
    found = members(data, names, axes)
    if len(found) > 1:
        raise PlotError(
            f"one Axes shows one member of the grid, and here are {len(found)}; "
            f"{_differing(data, axes)}"
        )
    return at_reached_times(found[0].data)


def draw_spread(ax: Axes, x: Array, spread: Spread, colour: str, **style: Any) -> list[Patch]:
    """Draw a mean over x with its band; return the band's entry of the legend, if there is one."""
    ax.plot(x, spread.mean.values, color=colour, **style)
    if spread.low is None or spread.high is None:
        return []
    ends = spread.low.values, spread.high.values
    ax.fill_between(x, *ends, color=colour, alpha=BAND_ALPHA, linewidth=0)
    return [band_entry(spread.label)]


def label_of(array: xr.DataArray) -> str:
    """Return what an axis says about a variable: its long name, and its units if it has any."""
    name = str(array.attrs.get("long_name", str(array.name).replace("_", " ")))
    units = array.attrs.get("units", "1")
    return folded(name if units == "1" else f"{name} ({units})")


def folded(text: str) -> str:
    """Return a label in lines that are no longer than a small axis."""
    return "\n".join(textwrap.wrap(text, _LONGEST_LABEL))


def time_label(data: xr.Dataset) -> str:
    """Return the label of an axis of training time."""
    units = data["time"].attrs.get("units", "gradient-flow time")
    return f"t ({units})"


def _differing(data: xr.Dataset, axes: Sequence[str]) -> str:
    values = {axis: values_of(data, axis) for axis in axes}
    listed = "; ".join(f"{axis}: {own}" for axis, own in values.items())
    how = ask(axes[-1], values[axes[-1]].split(", ")[0])
    return f"they differ along {listing(axes)} ({listed}): {how}"
