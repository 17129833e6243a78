"""Eigenvalues of the training kernel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ntksim.plot.curves import as_lines, canvas, draw_spread
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import matching
from ntksim.plot.kind import Kind
from ntksim.plot.legend import add_legend, style_entry
from ntksim.plot.scales import log_limits, set_log
from ntksim.plot.seeds import over_seeds
from ntksim.plot.style import THEORY, Palette
from ntksim.types import Array

_THEORY = ("*eigenvalue_theory",)
_ROUNDING = 15.0
"""Decades below the largest eigenvalue that double precision resolves."""

_FEW = 40


def spectrum(
    data: xr.Dataset, /, *, ax: Axes | None = None, palette: Palette | None = None
) -> Axes:
    """Draw the eigenvalues in descending order on a logarithmic axis, theory dashed.

    A line is the geometric mean over seeds, its band one standard deviation of the logarithm. The
    axis ends fifteen decades below the largest eigenvalue.

    Raises
    ------
    PlotError
        If no eigenvalue was recorded, or more lines are asked for than can be told apart.
    """
    if not matching(data, ["eigenvalue"]):
        raise PlotError(
            "no eigenvalue was recorded; a study records them with `record: [spectrum]`"
        )
    palette = palette or Palette()
    theory = [name for name in matching(data, _THEORY) if "mode" in data[name].dims]
    found = as_lines(data, ["eigenvalue", *theory])
    with canvas(ax) as ax:
        band: list[Patch] = []
        curves, entries = [], []
        for member in found:
            colour = palette[member.label]
            # Beside a larger set of data, the modes that a smaller one does not have are NaN.
            own = member.data.dropna("mode", how="all", subset=["eigenvalue"])
            spread = over_seeds(own["eigenvalue"], logarithmic=True)
            index = np.arange(1.0, spread.mean.size + 1)
            style = mode_style(spread.mean.size)
            label = member.label or "eigenvalues"
            band = draw_spread(ax, index, spread, colour, label=label, **style) or band
            curves.append(spread.mean.values)
            for name in theory:
                expected = over_seeds(own[name], logarithmic=True).mean.values
                ax.plot(index, expected, color="black", **THEORY)
                entries = [style_entry("theory", color="black", **THEORY)]
        set_log(ax, *log_limits(curves, below=_ROUNDING))
        set_mode_axis(ax, curves)
        ax.set_ylabel("eigenvalue of the kernel")
        add_legend(ax, [*entries, *band])
    return ax


def mode_style(count: int) -> dict[str, Any]:
    """Return the style of a line over modes: few of them are marked one by one."""
    return {"marker": "o", "markersize": 3} if count <= _FEW else {}


def set_mode_axis(ax: Axes, curves: Iterable[Array]) -> None:
    """Label the axis of modes, logarithmic where there are many."""
    if max(len(curve) for curve in curves) > _FEW:
        ax.set_xscale("log")
    else:
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.set_xlabel("mode, largest eigenvalue first")


KIND = Kind(
    name="spectrum",
    description="Eigenvalues of the training kernel, in descending order.",
    needs=(("eigenvalue",),),
    record=("spectrum",),
    uses=_THEORY,
    draw=spectrum,
    lines=("dataset", "kernel", "width", "architecture", "solver"),
)
