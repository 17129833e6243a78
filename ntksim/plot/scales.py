"""Logarithmic axes for what falls over many decades."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from ntksim.plot.wording import number
from ntksim.types import Array

DECADES_BELOW = 12
"""How far below its first value a falling quantity is followed: deeper lies rounding."""

LEAST_RATIO = 30.0
"""From this ratio of the largest to the smallest value an axis is logarithmic."""

DECADES_ABOVE = 6
"""How far above its first value a diverging quantity is followed."""


def log_limits(curves: Iterable[Array], *, below: float = DECADES_BELOW) -> tuple[float, float]:
    """Return limits that show all positive values, up to what rounding and divergence leave.

    The reference of a curve is its first positive finite value. Returns (0, 0) where there is no
    positive value.
    """
    lows, highs = [], []
    for curve in curves:
        values = np.asarray(curve, dtype=np.float64).ravel()
        values = values[np.isfinite(values) & (values > 0)]
        if len(values):
            first = values[0]
            lows.append(max(values.min(), first * 10.0**-below))
            highs.append(min(values.max(), first * 10.0**DECADES_ABOVE))
    return (min(lows), max(highs)) if lows else (0.0, 0.0)


def set_log(ax: Axes, low: float, high: float) -> bool:
    """Make the vertical axis logarithmic if the limits are far enough apart; say whether it is.

    Otherwise it stays linear and starts at 0.
    """
    if low <= 0 or high < LEAST_RATIO * low:
        ax.set_ylim(0, 1.05 * high if high > 0 else 1.0)
        return False
    ax.set_yscale("log")
    margin = (high / low) ** 0.04
    ax.set_ylim(low / margin, high * margin)
    return True


def label_decades(ax: Axes, *, which: str = "xy") -> None:
    """Label logarithmic axes with numbers, between powers of ten where there are few of those."""
    for name in which:
        axis = ax.xaxis if name == "x" else ax.yaxis
        low, high = axis.get_view_interval()
        axis.set_minor_formatter(NullFormatter())
        if high / low <= LEAST_RATIO:
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter(lambda value, _: number(value))
