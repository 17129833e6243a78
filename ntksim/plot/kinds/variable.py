"""Any stored variable, such as that of one's own diagnostic, over its own dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from ntksim.plot.curves import as_lines, as_one, canvas, draw_spread, folded, label_of
from ntksim.plot.dimension import has_names, label_axes, log_y, names_of, places
from ntksim.plot.errors import PlotError, listing, nearest
from ntksim.plot.grid import AXES, has_values
from ntksim.plot.kind import Kind
from ntksim.plot.kinds.function_fit import TIMES, at_chosen_times, time_labels
from ntksim.plot.kinds.kernel import kernel
from ntksim.plot.kinds.spectrum import mode_style
from ntksim.plot.legend import add_legend
from ntksim.plot.seeds import Spread, over_seeds
from ntksim.plot.series import Part, draw_over_time, reached
from ntksim.plot.style import MOST_LINES, Palette
from ntksim.plot.wording import number
from ntksim.store.declared import DONE


def variable(
    data: xr.Dataset,
    /,
    *,
    name: str,
    ax: Axes | None = None,
    palette: Palette | None = None,
) -> Axes:
    """Draw a variable over its own dimensions, those that are not axes of the study.

    Over time it is a line, and with another dimension of few entries, such as layers, one for each
    of them; with one of many, a curve over that at several times, light early and dark late. Over
    one dimension it is a line, over two a heat map, at the last time where there are times as well.
    A number for each cell is drawn over the width, or else cell by cell. Seeds become a mean and a
    band of one standard deviation.

    Raises
    ------
    PlotError
        If there is no such variable of numbers, it has more dimensions, or the grid has more
        members than can be told apart.
    """
    palette = palette or Palette()
    if name not in data or not has_values(data[name]):
        known = [str(v) for v in data.data_vars if has_values(data[v])]
        raise PlotError(f"there is no variable '{name}' of numbers{nearest(name, known)}")
    if (why := _too_many(data, name)) is not None:
        raise PlotError(why)
    array = _numbers(data, name)
    lone = [dim for dim, size in array.sizes.items() if dim not in (*AXES, "seed") and size == 1]
    data = data.assign({name: array.squeeze(lone, drop=True)})
    own = own_dims(data[name])
    if own == ["time"]:
        return _over_time(data, [Part(name, _said(data[name]))], name, ax, palette)
    if len(own) == 2 and "time" in own:
        other = next(dim for dim in own if dim != "time")
        if data.sizes[other] <= MOST_LINES:
            return _entries_over_time(data, name, other, ax, palette)
        return _at_times(data, name, other, ax)
    if len(own) >= 2:
        if "time" in own:
            data = _at_last_time(data, name)
        return _matrix(data, name, ax)
    if own:
        return _over_dimension(data, name, own[0], ax, palette)
    return _cells(data, name, ax, palette)


def own_dims(array: xr.DataArray) -> list[str]:
    """Return the dimensions of a variable of more than one entry that are not axes of the study."""
    return [
        str(dim) for dim, size in array.sizes.items() if dim not in (*AXES, "seed") and size > 1
    ]


def numbers_of(name: str, datasets: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Return datasets in which a variable is NaN where no cell is done, whatever its type."""
    return {
        label: data.assign({name: _numbers(data, name)}) if name in data else data
        for label, data in datasets.items()
    }


def _numbers(data: xr.Dataset, name: str) -> xr.DataArray:
    array = data[name]
    if array.dtype.kind == "f":
        return array
    numbers = array.astype(np.float64).assign_attrs(array.attrs)
    if "status" not in data or not set(data["status"].dims) <= set(array.dims):
        return numbers
    return numbers.where(data["status"] == DONE).transpose(*array.dims).assign_attrs(array.attrs)


def kind_of(name: str, datasets: Mapping[str, xr.Dataset]) -> Kind:
    """Return the kind of picture that draws one variable.

    Raises
    ------
    PlotError
        If no dataset has it.
    """
    array = next((data[name] for data in datasets.values() if name in data), None)
    if array is None:
        raise PlotError(f"there is no variable '{name}'")
    own = own_dims(array)
    entries = [array.sizes[dim] for dim in own if dim != "time"]
    is_one_line = not own or len(own) == 1
    over_width = not own and _has_widths(array)
    lines = ("width", "kernel", "solver", "architecture") if is_one_line else ()
    return Kind(
        name=name,
        description=_said(array),
        needs=((name,),),
        record=(name,),
        draw=partial(variable, name=name),
        lines=tuple(axis for axis in lines if not (over_width and axis == "width")),
        spans=("width",) if over_width else (),
        fits=partial(_too_many, name=name),
        shares_y=len(entries) < 2,
    )


def _too_many(data: xr.Dataset, name: str) -> str | None:
    """Say why a variable cannot be drawn, or return ``None``."""
    others = [dim for dim in own_dims(data[name]) if dim != "time"]
    if len(others) <= 2:
        return None
    return (
        f"{name} has the dimensions {listing(others)}, and a picture shows two beside the time; "
        f"choose a value with select, such as `--select {others[0]}=0`"
    )


def _has_widths(array: xr.DataArray) -> bool:
    return "width" in array.dims and int(np.isfinite(array["width"].values).sum()) >= 2


def _said(array: xr.DataArray) -> str:
    return str(array.attrs.get("long_name", str(array.name).replace("_", " ")))


def _over_time(
    data: xr.Dataset, parts: list[Part], name: str, ax: Axes | None, palette: Palette
) -> Axes:
    with canvas(ax) as ax:
        is_positive = not bool((data[name] < 0).any())
        draw_over_time(ax, data, parts, palette, logarithmic=is_positive)
        ax.set_ylabel(label_of(data[name]))
    return ax


def _entries_over_time(
    data: xr.Dataset, name: str, dim: str, ax: Axes | None, palette: Palette
) -> Axes:
    """Draw a line over time for each of the few entries of another dimension."""
    data = as_one(data, [name])
    labels = names_of(data, dim)
    split = {label: data[name].isel({dim: i}, drop=True) for i, label in enumerate(labels)}
    split = {label: array for label, array in split.items() if has_values(array)}
    with canvas(ax) as ax:
        _over_time(data.assign(split), [Part(label, label) for label in split], name, ax, palette)
    return ax


def _at_times(data: xr.Dataset, name: str, dim: str, ax: Axes | None) -> Axes:
    """Draw curves over a dimension at several times."""
    data = as_one(data, [name])
    data, colours = at_chosen_times(data, data[name].transpose("time", ...), TIMES)
    spread = over_seeds(data[name].transpose("time", ...))
    with canvas(ax) as ax:
        x, order = places(data, dim)
        for i, (colour, label) in enumerate(zip(colours, time_labels(data), strict=True)):
            curve = spread.mean.isel(time=i).values[order]
            ax.plot(x, curve, color=colour, label=label, **mode_style(len(x)))
        label_axes(ax, data, name, dim, spread.mean.values)
        add_legend(ax)
    return ax


def _at_last_time(data: xr.Dataset, name: str) -> xr.Dataset:
    last = reached(data[name]).isel(time=-1)
    when = f"{_said(data[name])} at t\u00a0=\u00a0{number(float(last['time']))}"
    return data.assign({name: last.drop_vars("time").assign_attrs(long_name=when)})


def _matrix(data: xr.Dataset, name: str, ax: Axes | None) -> Axes:
    """Draw a heat map, with the names of rows and columns where there are few of them."""
    ax = kernel(data, variable=name, ax=ax)
    rows, columns = own_dims(data[name])
    if has_names(data, rows):
        ax.set_yticks(range(data.sizes[rows]), names_of(data, rows))
    if has_names(data, columns):
        ax.set_xticks(range(data.sizes[columns]), names_of(data, columns), rotation=30)
    return ax


def _over_dimension(
    data: xr.Dataset, name: str, dim: str, ax: Axes | None, palette: Palette
) -> Axes:
    found = as_lines(data, [name])
    with canvas(ax) as ax:
        band: list[Patch] = []
        curves = []
        for member in found:
            own = member.data.dropna(dim, how="all", subset=[name])
            x, order = places(own, dim)
            spread = over_seeds(own[name].transpose(dim, ...).isel({dim: order}))
            style: dict[str, Any] = {"label": member.label or "_nolegend_", **mode_style(len(x))}
            band = draw_spread(ax, x, spread, palette[member.label], **style) or band
            curves.append(spread.mean.values)
        label_axes(ax, data, name, dim, np.concatenate(curves))
        add_legend(ax, band)
    return ax


def _cells(data: xr.Dataset, name: str, ax: Axes | None, palette: Palette) -> Axes:
    """Draw one number for each cell: over the width, or else cell by cell."""
    over_width = _has_widths(data[name])
    axes = [axis for axis in AXES if not (over_width and axis == "width")]
    found = as_lines(data, [name], axes=axes)
    with canvas(ax) as ax:
        band: list[Patch] = []
        values = []
        for i, member in enumerate(found):
            spread = over_seeds(member.data[name])
            colour = palette[member.label]
            if over_width and "width" in spread.mean.dims:
                band = _over_width(ax, spread, colour, member.label) or band
            else:
                _mark(ax, float(i), spread, colour)
            values.append(spread.mean.values.ravel())
        log_y(ax, np.concatenate(values))
        ax.set_ylabel(label_of(data[name]))
        if over_width:
            widths = data["width"].values
            ax.set(xscale="log", xlabel="width")
            ax.xaxis.set_major_locator(FixedLocator(widths[np.isfinite(widths)].tolist()))
            ax.xaxis.set_major_formatter(lambda value, _: number(value))
            ax.xaxis.set_minor_locator(NullLocator())
            add_legend(ax, band)
        else:
            labels = [member.label or "all cells" for member in found]
            ax.set_xticks(range(len(found)), [folded(label) for label in labels])
            ax.set_xlim(-0.5, len(found) - 0.5)
            ax.set_xlabel("cell")
    return ax


def _over_width(ax: Axes, spread: Spread, colour: str, label: str) -> list[Patch]:
    widths = spread.mean["width"].values
    finite = np.flatnonzero(np.isfinite(widths) & spread.mean.notnull().values)
    limit = np.flatnonzero(np.isinf(widths) & spread.mean.notnull().values)
    if limit.size:
        value = float(spread.mean.values[limit[0]])
        ax.axhline(value, color=colour, linestyle=":", label=f"{label or 'limit'}, width ∞")
    low, high = (
        None if end is None else end.isel(width=finite) for end in (spread.low, spread.high)
    )
    part = Spread(spread.mean.isel(width=finite), low, high, spread.count)
    name = label or ("finite width" if limit.size else "_nolegend_")
    return draw_spread(ax, widths[finite], part, colour, label=name, marker="o", markersize=4)


def _mark(ax: Axes, place: float, spread: Spread, colour: str) -> None:
    value = float(spread.mean)
    ax.plot([place], [value], "o", color=colour)
    if spread.low is not None and spread.high is not None:
        ends = [[value - float(spread.low)], [float(spread.high) - value]]
        ax.errorbar([place], [value], ends, fmt="none", ecolor=colour, capsize=3)
