"""A dimension of a variable's own as the horizontal axis: places, names, scales."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ntksim.plot.curves import folded, label_of
from ntksim.plot.kinds.spectrum import set_mode_axis
from ntksim.plot.points import line_feature, line_inputs
from ntksim.plot.scales import label_decades, log_limits, set_log
from ntksim.types import Array

MOST_NAMES = 12
"""Names along an axis of which more would run into each other."""


def places(data: xr.Dataset, dim: str) -> tuple[Array, np.ndarray]:
    """Return where the entries of a dimension are on an axis, ascending, and their order."""
    part = dim.removesuffix("_point")
    if part in ("train", "test") and line_feature(data) is not None:
        x = line_inputs(data, part)
    elif dim == "mode":
        x = np.arange(1.0, data.sizes[dim] + 1)
    elif dim in data.coords and data[dim].dtype.kind in "iuf":
        x = data[dim].values.astype(np.float64)
    else:
        x = np.arange(0.0, data.sizes[dim])
    order = np.argsort(x, kind="stable")
    return x[order], order


def names_of(data: xr.Dataset, dim: str) -> list[str]:
    """Return what the entries of a dimension are called."""
    values = data[dim].values if dim in data.coords else np.arange(data.sizes[dim])
    if values.dtype.kind in "iuf":
        return [f"{dim.replace('_', ' ')} {value:g}" for value in values]
    return [str(value) for value in values]


def label_axes(ax: Axes, data: xr.Dataset, name: str, dim: str, values: Array) -> None:
    """Label both axes of curves over a dimension."""
    log_y(ax, values)
    ax.set_ylabel(label_of(data[name]))
    is_line = dim in ("train_point", "test_point") and line_feature(data) is not None
    if dim == "mode":
        set_mode_axis(ax, [np.arange(float(data.sizes[dim]))])
        return
    ax.set_xlabel("input x" if is_line else label_of(data[dim]) if dim in data.coords else dim)
    if is_line or dim not in data.coords:
        return
    if data[dim].dtype.kind in "iu":
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    elif has_names(data, dim):
        ax.set_xticks(range(data.sizes[dim]), [folded(n) for n in names_of(data, dim)], rotation=30)


def log_y(ax: Axes, values: Array) -> None:
    """Make the vertical axis logarithmic where values without a sign span more than a decade."""
    values = values[np.isfinite(values)]
    if (
        values.size
        and values.min() >= 0
        and values.max() > 0
        and set_log(ax, *log_limits([values]))
    ):
        label_decades(ax, which="y")


def has_names(data: xr.Dataset, dim: str) -> bool:
    """Return whether the entries of a dimension have names, and few enough to be written."""
    is_text = dim in data.coords and data[dim].dtype.kind not in "iufb"
    return is_text and data.sizes[dim] <= MOST_NAMES
