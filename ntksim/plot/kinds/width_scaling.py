"""How a quantity depends on the width, with the exponent of a power law."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from ntksim.plot.curves import as_lines, canvas, folded, label_of
from ntksim.plot.errors import PlotError, listing
from ntksim.plot.grid import AXES, matching
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.legend import add_legend
from ntksim.plot.style import THEORY, Palette
from ntksim.plot.wording import number
from ntksim.types import Array

LAWS = (
    "*_distance_*",
    "*drift*",
    "*_gap*",
    "*misfit*",
    "parameter_motion*",
)
"""Variables that follow a power of the width, as patterns of their names."""

_SPREAD = "prediction_test"
_LEAST_WIDTHS = 3


@dataclass(frozen=True)
class PowerLaw:
    """y = prefactor · width^exponent, with the standard error of the exponent."""

    exponent: float
    standard_error: float
    prefactor: float

    def __call__(self, width: Array) -> Array:
        """Return the law's values."""
        return self.prefactor * width**self.exponent


def fit_power_law(width: Array, value: Array) -> PowerLaw:
    """Fit log y = log a + b log width by least squares to points (n,).

    The standard error of b is s / √Σ(log width − mean)², with s² the squared residuals over n − 2:
    right where the logarithms scatter alike at all widths. It is NaN for two points.

    Raises
    ------
    PlotError
        If there are fewer than two widths, or a value is not positive and finite.
    """
    if len(np.unique(width)) < 2 or not (np.isfinite(value) & (value > 0)).all():
        raise PlotError("a power law needs positive values at two widths or more")
    x, y = np.log(width), np.log(value)
    centred = x - x.mean()
    squares = float(centred @ centred)
    exponent = float(centred @ y) / squares
    constant = float(y.mean() - exponent * x.mean())
    residual = y - constant - exponent * x
    degrees = len(x) - 2
    error = np.sqrt(float(residual @ residual) / degrees / squares) if degrees > 0 else np.nan
    return PowerLaw(exponent, float(error), float(np.exp(constant)))


def width_scaling(
    data: xr.Dataset,
    /,
    *,
    variable: str | None = None,
    ax: Axes | None = None,
    palette: Palette | None = None,
) -> Axes:
    """Draw a quantity over the finite widths, both logarithmic, and the power law that it follows.

    A point is the geometric mean over seeds with one standard deviation of the logarithm; the
    dashed law is fitted to all seeds, its exponent and standard error stand in the legend.

    Parameters
    ----------
    data
        One dataset of a store.
    variable
        What is drawn; by default the first recorded of ``LAWS``. A variable with time is taken at
        its last time, one with outputs at test points as its spread: the root mean square over
        points of the standard deviation over seeds.
    ax, palette
        Where to draw, and the colours that other panels have used.

    Raises
    ------
    PlotError
        If there are fewer than three finite widths, or more lines than can be told apart.
    """
    palette = palette or Palette()
    names = matching(data, [variable] if variable else [*_laws(data), _SPREAD])
    if not names:
        raise PlotError(f"nothing was recorded of {variable or listing(LAWS)}")
    quantity, label = _quantity(data, names[0])
    quantity = quantity.isel(width=np.isfinite(quantity["width"].values))
    quantity = quantity.where((quantity > 0) & np.isfinite(quantity))
    # Under another name the width is no axis of the grid, and stays in one piece.
    quantity = quantity.rename(width="network_width")
    found = as_lines(quantity.to_dataset(name="quantity"), ["quantity"], axes=(*AXES, "layer"))
    with canvas(ax) as ax:
        drawn = False
        for member in found:
            values = member.data["quantity"]
            widths, seen = _points(values)
            if len(np.unique(widths)) < _LEAST_WIDTHS:
                continue
            drawn = True
            law = fit_power_law(widths, seen)
            colour = palette[member.label]
            centres, low, high = _summaries(widths, seen)
            at = np.unique(widths)
            bars = np.array([centres - low, high - centres])
            law_text = f"{law.exponent:.3f} ± {law.standard_error:.3f}".replace("-", "−")
            entry = f"{member.label}: {law_text}" if member.label else f"exponent {law_text}"
            ax.errorbar(at, centres, bars, fmt="none", color=colour, elinewidth=1, capsize=2)
            ax.plot(at, centres, "o", markersize=4, color=colour, label=entry)
            dark = "black" if len(found) == 1 else colour
            ax.plot(at, law(at), color=dark, label="_nolegend_", **THEORY)
        if not drawn:
            raise PlotError(
                f"a law of the width needs {names[0]} at {_LEAST_WIDTHS} finite widths or more"
            )
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("network width")
        ax.set_ylabel(label)
        _label_decades(ax)
        is_lone = len(found) == 1
        add_legend(ax, title="" if is_lone else "exponent ± standard error", beside=not is_lone)
    return ax


def _laws(data: xr.Dataset) -> list[str]:
    return [
        name
        for name in matching(data, LAWS)
        if not name.endswith(("_standard_error", "_theory"))
        and set(data[name].dims) <= {*AXES, "seed", "time", "layer"}
    ]


def _quantity(data: xr.Dataset, name: str) -> tuple[xr.DataArray, str]:
    """Return the quantity (…, width, seed), and its label."""
    array, when = data[name], ""
    if "width" not in array.dims:
        raise PlotError(f"{name} was recorded at one width only")
    if "time" in array.dims:
        others = [dim for dim in array.dims if dim != "time"]
        last = int(np.flatnonzero(array.notnull().any(others).values)[-1])
        when = f" at t\u00a0=\u00a0{number(float(array['time'][last]))}"
        array = array.isel(time=last)
    label = label_of(data[name])
    if "test_point" in array.dims:
        if "seed" not in array.dims:
            raise PlotError(f"the spread of {name} over seeds needs several seeds")
        points = [dim for dim in ("test_point", "output") if dim in array.dims]
        array = array.var("seed", ddof=1).mean(points) ** 0.5
        label = "spread over seeds of the " + label
    return array, folded(f"{label}{when}".replace("\n", " "))


def _points(values: xr.DataArray) -> tuple[Array, Array]:
    """Return width and value of every point that there is."""
    width = values["network_width"].broadcast_like(values).values.ravel()
    value = values.values.ravel()
    there = ~np.isnan(value)
    return width[there], value[there]


def _summaries(widths: Array, values: Array) -> tuple[Array, Array, Array]:
    """Return for each width the geometric mean, and one standard deviation below and above it."""
    logs = [np.log(values[widths == width]) for width in np.unique(widths)]
    centre = np.array([own.mean() for own in logs])
    deviation = np.array([own.std(ddof=1) if len(own) > 1 else 0.0 for own in logs])
    return np.exp(centre), np.exp(centre - deviation), np.exp(centre + deviation)


def _label_decades(ax: Axes) -> None:
    for axis in (ax.xaxis, ax.yaxis):
        low, high = axis.get_view_interval()
        if high / low > 30:
            axis.set_minor_formatter(NullFormatter())
        else:
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter(lambda value, _: number(value))
            axis.set_minor_formatter(NullFormatter())


def panels(data: xr.Dataset) -> list[Panel]:
    """Return one panel for each law, or the spread over seeds where none was recorded."""
    names = _laws(data) or [_SPREAD]
    return list(_panels(data, names))


def _panels(data: xr.Dataset, names: list[str]) -> Iterator[Panel]:
    for name in names:
        if "width" in data[name].dims:
            yield Panel("", data, partial(width_scaling, variable=name))


def _enough_widths(data: xr.Dataset) -> str | None:
    finite = np.isfinite(np.atleast_1d(data["width"].values)).sum() if "width" in data else 0
    if finite < _LEAST_WIDTHS:
        return f"a law needs {_LEAST_WIDTHS} finite widths or more, and there are {finite}"
    if not _laws(data) and data.sizes.get("seed", 1) < 2:
        return "the spread of predictions over seeds needs several seeds"
    return None


def _has_laws(datasets: Mapping[str, xr.Dataset]) -> bool:
    """Whether there are laws, with seeds enough to tell them from chance."""
    return any(_laws(data) and data.sizes.get("seed", 1) > 1 for data in datasets.values())


KIND = Kind(
    name="width_scaling",
    description="Power laws of the width: measured, fitted exponent, its standard error.",
    needs=((*LAWS, _SPREAD),),
    record=("kernel_distance",),
    draw=width_scaling,
    panels=panels,
    fits=_enough_widths,
    spans=("width",),
    lines=("kernel", "solver", "architecture"),
    suits=_has_laws,
    own_legends=True,
)
