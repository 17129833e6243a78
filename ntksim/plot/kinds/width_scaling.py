"""How a quantity depends on the width, with the exponent of a power law."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ntksim.linalg import PowerLaw, fit_power_law
from ntksim.plot.curves import as_lines, canvas, folded
from ntksim.plot.errors import PlotError, listing
from ntksim.plot.grid import AXES, Member, matching
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.legend import legend_above
from ntksim.plot.reached import REACHED
from ntksim.plot.scales import label_decades
from ntksim.plot.style import THEORY, Palette
from ntksim.plot.wording import number
from ntksim.types import Array

LAWS = (
    "kernel_drift",
    "*_gap_*",
    "*_distance_*",
    "*misfit*",
    "*drift*",
    "parameter_motion_rms*",
    "parameter_motion*",
    "initialisation_variance*",
)
"""Variables that follow a power of the width, as patterns of their names."""

_EXPONENT, _ERROR = "_width_exponent", "_width_exponent_standard_error"
_NO_LAWS = ("_standard_error", "_theory", "_exponent", "_alignment", "_eigenvalue_max")

THEORY_SLOPES: Mapping[str, float] = {
    "kernel_drift": -0.5,
    "*_gap_*": -0.5,
    "*_distance_*": -0.5,
    "*misfit*": -0.5,
    "parameter_motion_rms*": -0.5,
    "parameter_motion": 0.0,
}
"""Exponents that theory gives, by patterns of names (Jacot et al. 2018; Lee et al. 2019)."""

_BOUNDED = ("linearisation_gap_*",)
"""Of these theory gives a bound: smooth networks fall faster than it (Lee et al. 2019; Dyer and
Gur-Ari 2020)."""

_FROM_ZERO: Mapping[str, float] = {"initialisation_variance*": -1.0, "prediction_test": -0.5}
"""The same of the outputs of networks that start at zero output (Geiger et al. 2020)."""

_FRACTIONS = {-0.5: "−½", -1.0: "−1", 0.0: "0"}

_SPREAD = "prediction_test"
_LEAST_WIDTHS = 3
_MOST_LAWS = 9
_MANY_SEEDS = 20
"""Seeds from which on a study that records outputs only is one of their spread."""

_ROUNDING = 1e-12
"""Spread of outputs, relative to their size, that is rounding and no spread."""


def width_scaling(
    data: xr.Dataset,
    /,
    *,
    variable: str | None = None,
    ax: Axes | None = None,
    palette: Palette | None = None,
) -> Axes:
    """Draw a quantity over the finite widths, both logarithmic, and the power law that it follows.

    A point is the geometric mean over seeds with one standard deviation of the logarithm. The line
    has the exponent that the store has of it, ``<variable>_width_exponent``, or else the one that
    ``ntksim.linalg.fit_power_law`` fits; with its standard error it stands in the legend. Dashed
    is the exponent of theory.

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
    name = names[0]
    whole, label = _quantity(data, name)
    found = as_lines(whole, ["quantity"], axes=(*AXES, "layer"))
    with canvas(ax) as ax:
        drawn = [
            _draw_law(ax, member, len(found) == 1, palette)
            for member in found
            if len(np.unique(_points(member.data["quantity"])[0])) >= _LEAST_WIDTHS
        ]
        if not drawn:
            raise PlotError(
                f"a law of the width needs {name} at {_LEAST_WIDTHS} finite widths or more"
            )
        slope = _theory_slope(data, name)
        if slope is not None:
            widths, centres = drawn[0]
            middle = len(widths) // 2
            guide = centres[middle] * (widths / widths[middle]) ** slope
            is_bound = any(fnmatchcase(name, pattern) for pattern in _BOUNDED)
            said = f"slope {_FRACTIONS[slope]} {'at most' if is_bound else 'in theory'}"
            ax.plot(widths, guide, color="black", label=said, **THEORY)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("network width")
        ax.set_ylabel(label)
        label_decades(ax)
        legend_above(ax)
    return ax


def _draw_law(ax: Axes, member: Member, is_lone: bool, palette: Palette) -> tuple[Array, Array]:
    """Draw points, their bars and the law; return the widths and the geometric means."""
    widths, seen = _points(member.data["quantity"])
    at = np.unique(widths)
    centres, low, high = _summaries(widths, seen)
    law = _law(member.data, at, centres, widths, seen)
    colour = palette[member.label]
    said = f"slope {law.exponent:.2f} ± {law.standard_error:.2f}".replace("-", "−")
    entry = said if is_lone else f"{member.label}: {said}"
    bars = np.array([centres - low, high - centres])
    ax.errorbar(at, centres, bars, fmt="none", color=colour, elinewidth=1, capsize=2)
    ax.plot(at, centres, "o", markersize=4, color=colour, label=entry)
    ax.plot(at, law(at), color=colour, linewidth=1.2, label="_nolegend_")
    return at, centres


def _law(data: xr.Dataset, at: Array, centres: Array, widths: Array, seen: Array) -> PowerLaw:
    """Return the stored law through the centre of the points, or else the fitted one."""
    if "exponent" not in data or not np.isfinite(data["exponent"]).all():
        return fit_power_law(widths, seen)
    exponent = float(data["exponent"])
    constant = float(np.log(centres).mean() - exponent * np.log(at).mean())
    return PowerLaw(exponent, float(data["error"]), float(np.exp(constant)))


def _theory_slope(data: xr.Dataset, name: str) -> float | None:
    known = dict(THEORY_SLOPES)
    if data.attrs.get("initial_output") == "zero":
        known |= _FROM_ZERO
    return next((slope for pattern, slope in known.items() if fnmatchcase(name, pattern)), None)


def _laws(data: xr.Dataset) -> list[str]:
    found = [
        name
        for name in matching(data, LAWS)
        if not name.endswith(_NO_LAWS)
        and "width" in data[name].dims
        and set(data[name].dims) <= {*AXES, "seed", "time", "layer"}
    ]
    return [name for name in found if not _is_said_by_another(name, found)]


def _is_said_by_another(name: str, names: Sequence[str]) -> bool:
    """Whether a quantity is that of training points, or of all layers, once more."""
    return name.endswith("_test_train") or f"{name}_layer" in names


def _quantity(data: xr.Dataset, name: str) -> tuple[xr.Dataset, str]:
    """Return quantity (…, network_width, seed), exponent and error (…), and the axis label."""
    array, when = data[name], ""
    if "width" not in array.dims:
        raise PlotError(f"{name} was recorded at one width only")
    stored = {
        key: data[name + suffix]
        for key, suffix in (("exponent", _EXPONENT), ("error", _ERROR))
        if name + suffix in data
    }
    if "time" in array.dims:
        others = [dim for dim in array.dims if dim != "time"]
        last = int(np.flatnonzero(array.notnull().any(others).values)[-1])
        when = f" at t\u00a0{_sign(data, last)}\u00a0{number(float(array['time'][last]))}"
        array = array.isel(time=last)
        stored = {k: v.isel(time=last) if "time" in v.dims else v for k, v in stored.items()}
    label = str(data[name].attrs.get("long_name", name.replace("_", " ")))
    if "test_point" in array.dims:
        if "seed" not in array.dims:
            raise PlotError(f"the spread of {name} over seeds needs several seeds")
        points = [dim for dim in ("test_point", "output") if dim in array.dims]
        size = float(np.sqrt((array**2).mean()))
        array = array.var("seed", ddof=1).mean(points) ** 0.5
        array = array.where(array > _ROUNDING * size)
        label = "spread over seeds of the " + label
    array = array.isel(width=np.isfinite(array["width"].values))
    array = array.where((array > 0) & np.isfinite(array))
    # Under another name the width is no axis of the grid, and stays in one piece.
    whole = array.rename(width="network_width").to_dataset(name="quantity")
    stored = {k: v.isel(width=0, drop=True) if "width" in v.dims else v for k, v in stored.items()}
    return whole.assign(stored) if len(stored) == 2 else whole, folded(f"{label}{when}")


def _sign(data: xr.Dataset, at: int) -> str:
    """Return ``≈`` where solvers were at the step nearest to a time."""
    if REACHED not in data:
        return "="
    reached = data[REACHED].isel(time=at).values
    asked = float(data["time"][at])
    return "=" if (np.isnan(reached) | (reached == asked)).all() else "≈"


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


def panels(data: xr.Dataset) -> list[Panel]:
    """Return one panel for each law, or the spread over seeds where none was recorded."""
    names = _laws(data)[:_MOST_LAWS] or [_SPREAD]
    return list(_panels(data, names))


def _panels(data: xr.Dataset, names: list[str]) -> Iterator[Panel]:
    for name in names:
        if "width" in data[name].dims:
            yield Panel("", data, partial(width_scaling, variable=name), name=name)


def _enough_widths(data: xr.Dataset) -> str | None:
    finite = np.isfinite(np.atleast_1d(data["width"].values)).sum() if "width" in data else 0
    if finite < _LEAST_WIDTHS:
        return f"a law needs {_LEAST_WIDTHS} finite widths or more, and there are {finite}"
    if not _laws(data) and data.sizes.get("seed", 1) < 2:
        return "the spread of predictions over seeds needs several seeds"
    return None


def _has_laws(datasets: Mapping[str, xr.Dataset]) -> bool:
    """Whether there are laws, with seeds enough to tell them from chance."""
    return any(
        data.sizes.get("seed", 1) >= (2 if _laws(data) else _MANY_SEEDS)
        for data in datasets.values()
    )


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
    most_columns=4,
)
