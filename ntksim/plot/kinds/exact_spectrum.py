"""Computed spectra beside those that are known exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ntksim.plot.curves import as_lines, canvas
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import has_values, matching
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.kinds.spectrum import set_mode_axis
from ntksim.plot.legend import add_legend, style_entry
from ntksim.plot.seeds import over_seeds
from ntksim.plot.style import THEORY, Palette
from ntksim.plot.time_axis import OFF_SCALE
from ntksim.plot.wording import number
from ntksim.types import Array

_SPECTRA = {
    "circle_eigenvalue_theory": ("eigenvalue", "circle_eigenvalue_error"),
    "harmonic_eigenvalue_theory": ("harmonic_eigenvalue", "harmonic_eigenvalue_error"),
}
"""What is computed, and how far it is from theory, by what theory says."""

_MEASURED: dict[str, Any] = {"marker": "o", "markersize": 4, "linewidth": 2.6, "alpha": 0.65}
_ROOM = 0.3
_MARKED = 40


def exact_spectrum(
    data: xr.Dataset, /, *, ax: Axes | None = None, palette: Palette | None = None
) -> Axes:
    """Draw eigenvalues, on a logarithmic axis, and dashed over them their closed form.

    Those of the kernel matrix of equispaced points on a circle, in descending order, or those of
    the kernel on a sphere, over the degree of the harmonics: whichever was recorded. Eigenvalues
    that are 0 in theory lie below the axis and are pointed to. The legend says how far the
    worst of all is from theory, relative to the largest.

    Raises
    ------
    PlotError
        If no closed form was recorded, or there are more lines than can be told apart.
    """
    palette = palette or Palette()
    theory = next((name for name in _SPECTRA if matching(data, [name])), None)
    if theory is None:
        raise PlotError(
            "no eigenvalues of theory were recorded; a study records them with "
            "`record: [spectrum, circle_spectrum, harmonics]`"
        )
    computed, _ = _SPECTRA[theory]
    data = data.drop_vars([name for name in _SPECTRA if name != theory], errors="ignore")
    with canvas(ax) as ax:
        lines = [
            (member.label, *_pair(member.data, computed, theory))
            for member in as_lines(data, [computed, theory])
        ]
        ax.set_yscale("log")
        ax.set_ylim(*_limits(expected for _, _, _, expected in lines))
        for label, index, values, expected in lines:
            colour = palette[label]
            style = _MEASURED if len(index) <= _MARKED else {**_MEASURED, "marker": ""}
            at = expected > 0
            ax.plot(index[at], values[at], color=colour, label=label or "computed", **style)
            ax.plot(index[at], expected[at], color="black", label="_nolegend_", **THEORY)
            _point_to(ax, index[expected <= 0], colour)
        entries = [style_entry("theory", color="black", **THEORY)]
        if any((expected <= 0).any() for *_, expected in lines):
            mark = {"marker": "v", "linestyle": "none", "markersize": 5}
            entries.append(style_entry("0 in theory", **mark))
        if computed == "eigenvalue":
            set_mode_axis(ax, [values for _, _, values, _ in lines])
            ax.set_ylabel("eigenvalue of the kernel")
        else:
            ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            ax.set_xlabel("degree of the harmonics")
            ax.set_ylabel("eigenvalue on the sphere")
        add_legend(ax, entries)
    return ax


def _pair(data: xr.Dataset, computed: str, theory: str) -> tuple[Array, Array, Array]:
    """Return index, computed and exact eigenvalues, without what is not there."""
    values = over_seeds(data[computed]).mean.values
    expected = over_seeds(data[theory]).mean.values
    there = ~np.isnan(values) & ~np.isnan(expected)
    start = 1.0 if computed == "eigenvalue" else 0.0
    index = (np.flatnonzero(there) + start).astype(np.float64)
    return index, values[there], expected[there]


def _limits(curves: Iterable[Array]) -> tuple[float, float]:
    positive = np.concatenate([curve[curve > 0] for curve in curves])
    return _ROOM * float(positive.min()), float(positive.max()) / _ROOM


def _point_to(ax: Axes, index: Array, colour: str) -> None:
    if len(index):
        bottom = np.full(len(index), ax.get_ylim()[0])
        (mark,) = ax.plot(index, bottom, "v", color=colour, markersize=4, clip_on=False)
        mark.set(gid=OFF_SCALE, label="_nolegend_")


def panels(data: xr.Dataset) -> list[Panel]:
    """Return one panel, whose title says how far the worst eigenvalue is from theory."""
    return list(_panels(data))


def _panels(data: xr.Dataset) -> Iterator[Panel]:
    for theory, (_, error) in _SPECTRA.items():
        if theory in data and has_values(data[theory]):
            said = "exact_spectrum"
            if error in data and has_values(data[error]):
                said = f"largest relative error {number(float(f'{float(data[error].max()):.1g}'))}"
            yield Panel(said, data, exact_spectrum, name="exact_spectrum")
            return


KIND = Kind(
    name="exact_spectrum",
    description="Eigenvalues on circles and spheres, their closed forms dashed over them.",
    needs=(("circle_eigenvalue_theory", "harmonic_eigenvalue_theory"),),
    record=("spectrum", "circle_spectrum", "harmonics"),
    uses=("eigenvalue", "harmonic_eigenvalue", "*_eigenvalue_error"),
    draw=exact_spectrum,
    panels=panels,
    lines=("architecture", "kernel", "width", "solver"),
)
