"""Training near and above the largest stable learning rate."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ntksim.plot.curves import as_lines, canvas, folded, time_label
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import matching
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.legend import add_legend, style_entry
from ntksim.plot.scales import log_limits, set_log
from ntksim.plot.series import reached
from ntksim.plot.style import NEUTRAL, THEORY, Palette
from ntksim.plot.time_axis import TimeAxis

Quantity: TypeAlias = Literal["stability", "loss_train", "kernel_drift"]

_LABELS: dict[Quantity, str] = {
    "loss_train": "training loss ½ Σ (f − y)²",
    "stability": "learning rate over its largest stable value, ηλₘₐₓ/2",
    "kernel_drift": "change of the kernel ‖K(t) − K(0)‖/‖K(0)‖",
}
_CATAPULT = (1.0, 2.0)
"""Learning rates, over the largest stable one, between which a kernel can adapt to them: beyond
twice that training diverges (Lewkowycz et al. 2020)."""

_FAINT: dict[str, Any] = {"linewidth": 0.9, "alpha": 0.75}
_MOST_SHOWN = 4.0
_MOST_DRIFT = 10.0


def stability(
    data: xr.Dataset,
    /,
    *,
    quantity: Quantity = "stability",
    ax: Axes | None = None,
    palette: Palette | None = None,
) -> Axes:
    """Draw over time how stable training is, a line for each seed and a colour for each member.

    Seeds are drawn apart, because where some of them diverge a mean says nothing.

    Parameters
    ----------
    data
        One dataset of a store.
    quantity
        ``stability``, the learning rate over its largest stable value at that time, with the
        window in which the kernel adapts to the rate dashed; ``loss_train`` or ``kernel_drift``.
    ax, palette
        Where to draw, and the colours that other panels have used.

    Raises
    ------
    PlotError
        If the quantity was not recorded, or there are more members than can be told apart.
    """
    palette = palette or Palette()
    if not matching(data, [quantity]):
        raise PlotError(
            f"no {quantity} was recorded; a study of a solver with steps records it with "
            "`record: [loss, kernel_drift]`"
        )
    with canvas(ax) as ax:
        found = as_lines(data, [quantity])
        arrays = [reached(member.data[quantity]) for member in found]
        axis = TimeAxis.of(np.unique(np.concatenate([own["time"].values for own in arrays])))
        if quantity == "stability":
            ax.set_ylim(0, _highest(arrays))
            ax.axhspan(*_CATAPULT, color="0.92", zorder=0)
            for value in _CATAPULT:
                ax.axhline(value, color=NEUTRAL, **THEORY)
        else:
            low, high = log_limits([own.values for own in arrays])
            set_log(ax, low, min(high, _MOST_DRIFT) if quantity == "kernel_drift" else high)
        for member, own in zip(found, arrays, strict=True):
            colour = palette[member.label]
            seeds = own.transpose("time", ...).values.reshape(own.sizes["time"], -1).T
            style = {"color": colour, **(_FAINT if len(seeds) > 1 else {})}
            for values in seeds:
                there = np.isfinite(values)
                axis.line(
                    ax, own["time"].values[there], values[there], style, mark_sparse=len(seeds) == 1
                )
            ax.plot([], [], color=colour, label=member.label or "training")
        axis.set_up(ax, time_label(data))
        ax.set_ylabel(folded(_LABELS[quantity]))
        entries = []
        if quantity == "stability":
            entries.append(style_entry("stable below 1, catapult up to 2", **THEORY))
        add_legend(ax, entries)
    return ax


def _highest(arrays: list[xr.DataArray]) -> float:
    """Return an end of the axis that shows what is near the window, diverging seeds left aside."""
    top = max(float(own.where(np.isfinite(own)).max()) for own in arrays)
    return min(1.08 * top, _MOST_SHOWN)


def panels(data: xr.Dataset) -> list[Panel]:
    """Return one panel for each quantity that was recorded."""
    return [
        Panel("", data, partial(stability, quantity=quantity), name=quantity)
        for quantity in _LABELS
        if matching(data, [quantity])
    ]


KIND = Kind(
    name="stability",
    description="Loss, learning rate over its stable value, and kernel, with the catapult window.",
    needs=(("stability",),),
    record=("loss", "kernel_drift"),
    uses=("loss_train", "kernel_drift"),
    draw=stability,
    panels=panels,
    lines=("solver", "architecture"),
    suits=lambda datasets: any(data.sizes.get("solver", 1) > 1 for data in datasets.values()),
)
