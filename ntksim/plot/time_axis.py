"""An axis of training time on which 0 and infinity have a place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullFormatter, NullLocator

from ntksim.plot.style import BAND_ALPHA
from ntksim.plot.wording import number, power_of_ten
from ntksim.types import Array

_LEAST_DECADES = 1.5
"""From this many decades between the first and the last positive time the axis is logarithmic."""

_GAP = 0.09
"""Distance of 0 and infinity from the other times, as a part of the axis."""

_MOST_TICKS = 7

OFF_SCALE = "off scale"
"""``gid`` of the marks that point to values below the axis."""


@dataclass(frozen=True)
class TimeAxis:
    """Positions of training times on an axis.

    ``first`` and ``last`` are the extreme finite times (positive ones where the axis is
    logarithmic); ``zero`` and ``infinity`` are where those times are drawn if they are no finite
    number of the scale, in a shaded strip of their own.
    """

    is_log: bool
    first: float
    last: float
    zero: float | None
    infinity: float | None

    @classmethod
    def of(cls, times: Array) -> TimeAxis:
        """Choose the scale for these times."""
        times = np.asarray(times, dtype=np.float64)
        finite = times[np.isfinite(times)]
        positive = finite[finite > 0]
        decades = float(np.log10(positive.max()) - np.log10(positive.min())) if len(positive) else 0
        is_log = decades >= _LEAST_DECADES
        if is_log:
            first, last = float(positive.min()), float(positive.max())
            step = 10.0 ** (_GAP * decades)
            zero = first / step if len(positive) < len(finite) else None
            infinity = last * step if len(finite) < len(times) else None
        else:
            first, last = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
            zero = None
            width = last - first or 1.0
            infinity = last + _GAP * width if len(finite) < len(times) else None
        return cls(is_log, first, last, zero, infinity)

    def positions(self, times: Array) -> Array:
        """Return where times are drawn."""
        found = np.array(times, dtype=np.float64)
        if self.zero is not None:
            found[found == 0] = self.zero
        if self.infinity is not None:
            found[np.isinf(found)] = self.infinity
        return found

    def set_up(self, ax: Axes, label: str) -> None:
        """Set scale, limits, ticks and label; shade the strips of 0 and infinity."""
        ax.set_xlabel(label)
        outer = [value for value in (self.zero, self.infinity) if value is not None]
        if self.is_log:
            ax.set_xscale("log")
            margin = (self.last / self.first) ** (_GAP / 2)
            low, high = min([self.first, *outer]) / margin, max([self.last, *outer]) * margin
            decades = 10.0 ** np.arange(np.ceil(np.log10(self.first)), np.log10(self.last) + 1e-9)
            major = decades[:: max(1, -(-len(decades) // _MOST_TICKS))]
            # A label next to that of 0 or infinity would run into it.
            room = (self.last / self.first) ** 0.06
            major = [
                t
                for t in major
                if (self.zero is None or t >= self.first * room)
                and (self.infinity is None or t <= self.last / room)
            ]
            ticks = {float(t): power_of_ten(round(np.log10(t))) for t in major}
            ax.xaxis.set_minor_locator(FixedLocator(list(decades)))
            ax.xaxis.set_minor_formatter(NullFormatter())
        else:
            margin = _GAP / 2 * (self.last - self.first or 1.0)
            low, high = self.first - margin, max([self.last, *outer]) + margin
            steps = MaxNLocator(_MOST_TICKS).tick_values(self.first, self.last)
            ticks = {float(t): number(float(t)) for t in steps if self.first <= t <= self.last}
            ax.xaxis.set_minor_locator(NullLocator())
        if self.zero is not None:
            ticks[self.zero] = "0"
            ax.axvspan(low, (self.zero * self.first) ** 0.5, color="0.93", zorder=0, linewidth=0)
        if self.infinity is not None:
            ticks[self.infinity] = "∞"
            middle = (
                (self.infinity * self.last) ** 0.5
                if self.is_log
                else 0.5 * (self.infinity + self.last)
            )
            ax.axvspan(middle, high, color="0.93", zorder=0, linewidth=0)
        ax.xaxis.set_major_locator(FixedLocator(sorted(ticks)))
        ax.xaxis.set_major_formatter(FixedFormatter([ticks[at] for at in sorted(ticks)]))
        ax.set_xlim(low, high)

    def line(
        self,
        ax: Axes,
        times: Array,
        values: Array,
        style: Mapping[str, Any],
        label: str = "",
        *,
        mark_sparse: bool = True,
    ) -> Line2D:
        """Draw values over time: joined where the axis is continuous, 0 and infinity as points.

        Times of a solid line that are far from others are points as well: between them are no data.
        """
        apart, places = self._is_apart(times), self.positions(times)
        solid = style.get("linestyle", "-") == "-"
        sparse = self._is_sparse(places) & (solid and mark_sparse)
        x, y, alone = [], [], []
        for i, (position, value) in enumerate(zip(places, values, strict=True)):
            if i and (apart[i] or apart[i - 1]):
                x.append(position)
                y.append(np.nan)
            if apart[i] or sparse[i] or len(times) == 1:
                alone.append(len(x))
            x.append(position)
            y.append(value)
        style = {"marker": "o", "markersize": 3.5, "markevery": alone, **style}
        (line,) = ax.plot(x, y, label=label or "_nolegend_", **style)
        return line

    def band(self, ax: Axes, times: Array, low: Array, high: Array, colour: Any) -> None:
        """Shade between two curves; at 0 and infinity a bar."""
        apart, at = self._is_apart(times), self.positions(times)
        joined = ~apart
        ax.fill_between(
            at[joined], low[joined], high[joined], color=colour, alpha=BAND_ALPHA, linewidth=0
        )
        ax.vlines(at[apart], low[apart], high[apart], color=colour, alpha=2 * BAND_ALPHA, lw=3)

    def _is_sparse(self, places: Array) -> np.ndarray:
        """Say which places are so far from one beside them that a reader should see the point."""
        scaled = np.log(places) if self.is_log else places
        if len(scaled) < 2:
            return np.zeros(len(scaled), dtype=bool)
        far = np.diff(scaled) > _GAP * (np.ptp(scaled) or 1.0)
        return np.append(far, False) | np.append(False, far)

    def _is_apart(self, times: Array) -> np.ndarray:
        apart = np.isinf(times)
        return apart | (times == 0) if self.zero is not None else apart

    def off_scale(self, ax: Axes, times: Array, values: Array, colour: Any) -> None:
        """Point down to values at 0 and infinity that lie below a logarithmic axis."""
        bottom = ax.get_ylim()[0]
        hidden = self._is_apart(times) & (values < bottom)
        if ax.get_yscale() == "log" and hidden.any():
            at = self.positions(times)[hidden]
            (mark,) = ax.plot(at, np.full(len(at), bottom), "v", color=colour, markersize=5)
            mark.set(gid=OFF_SCALE, label="_nolegend_", clip_on=False)
