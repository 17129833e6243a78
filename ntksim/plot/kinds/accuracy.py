"""How many points are classified correctly."""

from __future__ import annotations

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from ntksim.plot.curves import canvas
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import matching
from ntksim.plot.kind import Kind
from ntksim.plot.series import Part, draw_over_time
from ntksim.plot.style import Palette

_PARTS = (Part("accuracy_train", "training"), Part("accuracy_test", "test", "second"))


def accuracy(
    data: xr.Dataset, /, *, ax: Axes | None = None, palette: Palette | None = None
) -> Axes:
    """Draw the fraction of correctly classified points over time, training solid, test dotted.

    A line is the mean over seeds, its band one standard deviation.

    Raises
    ------
    PlotError
        If no accuracy was recorded, or more lines are asked for than can be told apart.
    """
    names = matching(data, [part.name for part in _PARTS])
    if not names:
        raise PlotError(
            "no accuracy was recorded; a study of classes records it with `record: [accuracy]`"
        )
    parts = [part for part in _PARTS if part.name in names]
    with canvas(ax) as ax:
        draw_over_time(ax, data, parts, palette or Palette())
        ax.yaxis.set_major_formatter(PercentFormatter(1.0))
        ax.set_ylabel("correctly classified points")
    return ax


KIND = Kind(
    name="accuracy",
    description="Fraction of correctly classified points over time.",
    needs=(("accuracy_train", "accuracy_test"),),
    record=("accuracy",),
    draw=accuracy,
    lines=("width", "kernel", "solver", "architecture"),
)
