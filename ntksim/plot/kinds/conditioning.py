"""How well conditioned the kernel is, against the depth of the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ntksim.plot.curves import canvas
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import ask, matching, trimmed, varying, written
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.legend import add_legend, style_entry
from ntksim.plot.read import DEPTH, NETWORK_FAMILY, TRAIN_POINTS
from ntksim.plot.scales import set_log
from ntksim.plot.seeds import over_seeds
from ntksim.plot.series import reached
from ntksim.plot.style import DASHES, NEUTRAL, THEORY, Palette
from ntksim.plot.time_axis import OFF_SCALE

Quantity: TypeAlias = Literal["condition_number", "off_diagonal", "test_output"]

_SOURCES: Mapping[Quantity, str] = {
    "condition_number": "condition_number",
    "off_diagonal": "ntk_train",
    "test_output": "prediction_test",
}
_LABELS: Mapping[Quantity, str] = {
    "condition_number": "condition number\nof the tangent kernel",
    "off_diagonal": "kernel between points\nover kernel of a point",
    "test_output": "root mean square\nof test outputs, fully trained",
}
_LIMITS: Mapping[str, float] = {
    "chaotic": 0.0,
    "critical, with a kink": 1 / 4,
    "critical, smooth": 1 / 3,
    "ordered": 1.0,
}
"""What the kernel between points is of that of one point, in the limit of great depth (Xiao et al.
2020): the activation matters at the edge of chaos only, and there by its kink."""

_LEAST_DEPTHS = 2


def conditioning(
    data: xr.Dataset,
    /,
    *,
    quantity: Quantity = "condition_number",
    ax: Axes | None = None,
    palette: Palette | None = None,
) -> Axes:
    """Draw over depth how networks are conditioned, a line for those that differ in depth only.

    Parameters
    ----------
    data
        One dataset of a store whose architectures have an option ``depth``.
    quantity
        The condition number of the training kernel; ``off_diagonal``, the mean kernel between
        points over the mean kernel of a point with itself; or ``test_output``, the root mean
        square of the outputs at test points at the last time: 0 where nothing carries over.
    ax, palette
        Where to draw, and the colours that other panels have used.

    Dashed are the limits of infinite depth in the ordered, critical and chaotic phase: with c the
    ratio of kernels, the condition number of n points goes to (1 + (n − 1) c)/(1 − c). Beyond
    double precision it is pointed to.

    Raises
    ------
    PlotError
        If there are no depths, the quantity was not recorded, or anything but architecture and
        seed varies.
    """
    palette = palette or Palette()
    source = _SOURCES[quantity]
    if not matching(data, [source]):
        raise PlotError(f"no {source} was recorded; a study records it with `record: [spectrum]`")
    if (why := _no_depths(data)) is not None:
        raise PlotError(why)
    with canvas(ax) as ax:
        lines = list(_lines(_values(data, quantity)))
        finite = np.concatenate([values[np.isfinite(values)] for _, _, values in lines])
        if quantity == "off_diagonal":
            ax.set_ylim(-0.03, 1.05)
        elif not set_log(ax, float(finite[finite > 0].min()), float(finite.max())):
            ax.set_ylim(bottom=0)
        for label, depths, values in lines:
            colour = palette[label]
            ax.plot(depths, values, "o-", color=colour, markersize=3.5, label=label or "measured")
            beyond = depths[np.isinf(values)]
            if len(beyond):
                top = np.full(len(beyond), ax.get_ylim()[1])
                (mark,) = ax.plot(beyond, top, "^", color=colour, markersize=6, clip_on=False)
                mark.set(gid=OFF_SCALE, label="_nolegend_")
        ax.set_xscale("log")
        ax.set_xlabel("depth (hidden layers)")
        ax.set_ylabel(_LABELS[quantity])
        entries = []
        if quantity != "test_output":
            for i, (phase, limit) in enumerate(_limits(quantity, int(data[TRAIN_POINTS]))):
                style = {"color": NEUTRAL, **THEORY, "linestyle": DASHES[i % len(DASHES)]}
                ax.axhline(limit, **style)
                entries.append(style_entry(f"limit, {phase}", **style))
        add_legend(ax, entries)
    return ax


def _limits(quantity: Quantity, points: int) -> Iterator[tuple[str, float]]:
    for phase, ratio in _LIMITS.items():
        if quantity == "off_diagonal":
            yield phase, ratio
        elif ratio < 1:
            yield phase, (1 + (points - 1) * ratio) / (1 - ratio)


def _values(data: xr.Dataset, quantity: Quantity) -> xr.DataArray:
    """Return the quantity (…, architecture, seed)."""
    array = data[_SOURCES[quantity]]
    if quantity == "off_diagonal":
        points = array.sizes["train_point"]
        diagonal = array.isel(
            train_point=xr.DataArray(np.arange(points), dims="point"),
            train_point_other=xr.DataArray(np.arange(points), dims="point"),
        ).sum("point", skipna=False)
        total = array.sum(("train_point", "train_point_other"), skipna=False)
        return (total - diagonal) / (points - 1) / diagonal
    if quantity == "test_output":
        inner = [dim for dim in ("test_point", "output") if dim in array.dims]
        return (reached(array).isel(time=-1) ** 2).mean(inner) ** 0.5
    return array


def _lines(array: xr.DataArray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield name, depths and values of the networks that differ in depth only.

    Raises
    ------
    PlotError
        If anything else varies but the seed.
    """
    data = trimmed(array.to_dataset(name="drawn"), ["drawn"])
    others = [axis for axis in varying(data, ["drawn"]) if axis != "architecture"]
    if others:
        axis = others[-1]
        how = ask(axis, written(data[axis].values[0]))
        raise PlotError(f"one Axes shows networks along depth, and {axis} varies as well; {how}")
    values = over_seeds(data["drawn"], logarithmic=True).mean
    families = values[NETWORK_FAMILY].values.astype(str)
    for family in dict.fromkeys(families.tolist()):
        own = values.isel(architecture=np.flatnonzero(families == family)).sortby(DEPTH)
        yield family, own[DEPTH].values, own.values


def _no_depths(data: xr.Dataset) -> str | None:
    depths = data[DEPTH].values if DEPTH in data.coords else np.array([])
    count = len(np.unique(depths[np.isfinite(depths)]))
    if count >= _LEAST_DEPTHS:
        return None
    return f"it draws networks along depth, and there are {count} depths in this store"


def _along_depth(datasets: Mapping[str, xr.Dataset]) -> bool:
    """Whether most networks differ in their depth only."""
    return all(
        2 * len(np.unique(data[NETWORK_FAMILY].values.astype(str))) <= data.sizes["architecture"]
        for data in datasets.values()
    )


def panels(data: xr.Dataset) -> list[Panel]:
    """Return one panel for each quantity that was recorded."""
    return [
        Panel("", data, partial(conditioning, quantity=quantity), name=quantity)
        for quantity, source in _SOURCES.items()
        if matching(data, [source])
    ]


KIND = Kind(
    name="conditioning",
    description="Condition number, kernel and test outputs over the depth of the network.",
    needs=(("condition_number",),),
    record=("spectrum", "kernel", "predictions"),
    uses=("ntk_train", "prediction_test"),
    draw=conditioning,
    panels=panels,
    fits=_no_depths,
    spans=("architecture",),
    suits=_along_depth,
)
