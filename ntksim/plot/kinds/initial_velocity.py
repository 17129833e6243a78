"""Where the function starts to move, and which training point moves it."""

from __future__ import annotations

import xarray as xr
from matplotlib.axes import Axes

from ntksim.plot.curves import as_one, canvas, draw_spread
from ntksim.plot.errors import PlotError
from ntksim.plot.grid import matching
from ntksim.plot.kind import Kind
from ntksim.plot.legend import add_legend
from ntksim.plot.points import line_inputs, on_a_line, point_labels, sorted_line
from ntksim.plot.seeds import over_seeds
from ntksim.plot.style import MOST_LINES, Palette

_TOTAL, _PARTS = "initial_velocity_test", "initial_velocity_contribution"


def initial_velocity(
    data: xr.Dataset, /, *, ax: Axes | None = None, palette: Palette | None = None
) -> Axes:
    """Draw df/dt at t = 0 over a one-dimensional input, and what each training point adds to it.

    df(x)/dt = Σ_i K(x, x_i) (y_i − f₀(x_i)): the sum black, its terms in the colours of their
    training points, whose places are marked below. The terms of more than six points are left out.
    A line is the mean over seeds, its band one standard deviation.

    Raises
    ------
    PlotError
        If the inputs do not lie on a line, nothing was recorded, or more than the seed varies.
    """
    palette = palette or Palette()
    if (why := on_a_line(data)) is not None:
        raise PlotError(why)
    names = matching(data, [_TOTAL, _PARTS])
    if not names:
        raise PlotError(f"it needs {_TOTAL}; a study records it with `record: [{_TOTAL}]`")
    data = sorted_line(as_one(data, names))
    x, band = line_inputs(data, "test"), []
    with canvas(ax) as ax:
        ax.axhline(0, color="0.6", linewidth=0.8, zorder=1)
        if _PARTS in names and data.sizes["train_point"] < MOST_LINES:
            parts = over_seeds(data[_PARTS].transpose("test_point", "train_point", ...)).mean
            places = line_inputs(data, "train")
            for i, label in enumerate(point_labels(data)):
                colour = palette[label]
                ax.plot(x, parts.isel(train_point=i).values, color=colour, label=label)
                ax.axvline(places[i], ymax=0.04, color=colour, linewidth=3)
        if _TOTAL in names:
            total = over_seeds(data[_TOTAL])
            band = draw_spread(ax, x, total, "black", linewidth=2, label="all training points")
        units = data[names[0]].attrs.get("units", "1 / gradient-flow time")
        ax.set_xlabel("input x")
        ax.set_ylabel(f"initial velocity df(x)/dt\n({units})")
        add_legend(ax, band)
    return ax


KIND = Kind(
    name="initial_velocity",
    description="Initial change of the function, with the part of each training point.",
    needs=((_TOTAL, _PARTS),),
    record=("initial_velocity",),
    draw=initial_velocity,
    fits=on_a_line,
)
