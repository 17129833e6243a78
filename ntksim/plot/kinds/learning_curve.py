"""Test error against the number of training points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullFormatter

from ntksim.plot.curves import as_lines, canvas
from ntksim.plot.errors import PlotError, listing
from ntksim.plot.grid import AXES, matching
from ntksim.plot.kind import Kind
from ntksim.plot.legend import add_legend, style_entry
from ntksim.plot.read import DATA_FAMILY, TRAIN_POINTS
from ntksim.plot.scales import label_decades
from ntksim.plot.series import reached
from ntksim.plot.style import THEORY, Palette
from ntksim.plot.wording import number
from ntksim.types import Array

_ERROR, _THEORY = "mean_squared_error_test", "learning_curve_theory"
_LEAST_SIZES = 3


def learning_curve(
    data: xr.Dataset, /, *, ax: Axes | None = None, palette: Palette | None = None
) -> Axes:
    """Draw the test error at the last time over the number of training points, theory dashed.

    Both axes are logarithmic. A point is the mean over draws of the data, and over seeds, of one
    number of points; its bar is the standard error of that mean, small dots are the draws. Data
    that differ in more than number and draw, and members of the grid, have colours of their own.

    Parameters
    ----------
    data
        All datasets of a store, with ``dataset`` as a dimension: see ``read_together``.
    ax, palette
        Where to draw, and the colours that other panels have used.

    Raises
    ------
    PlotError
        If there is no test error at three numbers of training points, or there are more lines than
        can be told apart.
    """
    palette = palette or Palette()
    if not matching(data, [_ERROR]):
        raise PlotError(f"no {_ERROR} was recorded; a study records it with `record: [loss]`")
    if (count := _sizes(data)) < _LEAST_SIZES:
        raise PlotError(f"{_few(count)}; of a store with several datasets, `read_together` has all")
    with canvas(ax) as ax:
        curves = list(_curves(data))
        is_lone = len(curves) == 1
        for label, own in curves:
            colour = palette[label]
            sizes, errors = _draws(own, _ERROR)
            at, means, bars = _means(sizes, errors)
            said = "measured, mean over draws" if is_lone else label
            ax.plot(sizes, errors, ".", color=colour, alpha=0.4, markersize=4, label="_nolegend_")
            ax.errorbar(at, means, bars, fmt="none", ecolor=colour, capsize=2.5)
            ax.plot(at, means, "o", color=colour, markersize=5, label=said)
            if _has(own, _THEORY):
                places, expected, _ = _means(*_draws(own, _THEORY))
                dark = "black" if is_lone else colour
                ax.plot(places, expected, color=dark, label="_nolegend_", **THEORY)
        ax.set(xscale="log", yscale="log", xlabel="number of training points")
        ax.set_ylabel(f"mean squared error\non test points{_when(data)}")
        ax.xaxis.set_major_locator(FixedLocator(sorted(set(data[TRAIN_POINTS].values.tolist()))))
        ax.xaxis.set_major_formatter(lambda value, _: number(value))
        ax.xaxis.set_minor_formatter(NullFormatter())
        label_decades(ax, which="y")
        has_theory = any(_has(own, _THEORY) for _, own in curves)
        style = {"color": "black", **THEORY} if is_lone else THEORY
        add_legend(ax, [style_entry("theory", **style)] if has_theory else [])
    return ax


def _curves(data: xr.Dataset) -> Iterator[tuple[str, xr.Dataset]]:
    """Yield what each line is called, and its data (dataset, …)."""
    axes = [axis for axis in AXES if axis != "dataset"]
    for member in as_lines(data, [_ERROR], axes=axes):
        families = member.data[DATA_FAMILY].values.astype(str)
        for family in dict.fromkeys(families.tolist()):
            own = member.data.isel(dataset=np.flatnonzero(families == family))
            yield ", ".join(filter(None, (family, member.label))), own


def _has(data: xr.Dataset, name: str) -> bool:
    return bool(matching(data, [name]))


def _draws(data: xr.Dataset, name: str) -> tuple[Array, Array]:
    """Return number of points and value of every draw that there is, at the last time."""
    array = data[name]
    if "time" in array.dims:
        array = reached(array).isel(time=-1)
    sizes = data[TRAIN_POINTS].broadcast_like(array).transpose(*array.dims).values.ravel()
    values = array.values.ravel()
    there = np.isfinite(values)
    return sizes[there].astype(np.float64), values[there]


def _means(sizes: Array, values: Array) -> tuple[Array, Array, Array]:
    """Return the sizes, the means of their values, and the standard errors of the means."""
    at = np.unique(sizes)
    groups = [values[sizes == size] for size in at]
    errors = [own.std(ddof=1) / np.sqrt(len(own)) if len(own) > 1 else 0.0 for own in groups]
    return at, np.array([own.mean() for own in groups]), np.array(errors)


def _when(data: xr.Dataset) -> str:
    return f" at t\u00a0=\u00a0{number(float(reached(data[_ERROR])['time'][-1]))}"


def _sizes(data: xr.Dataset) -> int:
    return len(np.unique(data[TRAIN_POINTS].values)) if TRAIN_POINTS in data else 1


def _few(count: int) -> str:
    return (
        f"a learning curve needs data of {_LEAST_SIZES} numbers of training points or more, and "
        f"here {'is' if count == 1 else 'are'} {count}"
    )


def _too_few(datasets: Mapping[str, xr.Dataset]) -> str | None:
    count = len({int(data[TRAIN_POINTS]) for data in datasets.values() if TRAIN_POINTS in data})
    return None if count >= _LEAST_SIZES else _few(count)


def _many_sizes(datasets: Mapping[str, xr.Dataset]) -> bool:
    """Whether there are data of many sizes, and of nothing else."""
    sizes = {int(data[TRAIN_POINTS]) for data in datasets.values() if TRAIN_POINTS in data}
    families = {str(data[DATA_FAMILY].values) for data in datasets.values() if DATA_FAMILY in data}
    return len(sizes) >= _LEAST_SIZES and len(families) < len(datasets) / 2


def _not_of_the_theory(datasets: Mapping[str, xr.Dataset]) -> list[str]:
    """Say of which data the theory is not: it is that of uniform points on a sphere."""
    names = {label: data.attrs.get("dataset_plugin", "") for label, data in datasets.items()}
    others = [label for label, name in names.items() if name not in ("", "sphere")]
    if not others:
        return []
    said = "the theory of learning curves is of uniform points on a sphere, the dataset 'sphere'"
    if any(_has(datasets[label], _THEORY) for label in others):
        return [f"{said}; of {listing(others)} the dashed line says nothing"]
    return [f"{said}; there is no line for {listing(others)}"]


KIND = Kind(
    name="learning_curve",
    description="Test error over the number of training points, measured and in theory.",
    needs=((_ERROR,),),
    record=("loss", "learning_curve"),
    draw=learning_curve,
    uses=(_THEORY,),
    spans=("dataset",),
    lines=("kernel", "architecture", "width", "solver"),
    fits_together=_too_few,
    cautions=_not_of_the_theory,
    suits=_many_sizes,
)
