"""Whole pictures of stores: panels in a grid, with one legend."""

from __future__ import annotations

import os
import textwrap
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ntksim.plot.choice import Choice, choose
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.legend import gather_legends, legend_inches, width_beside
from ntksim.plot.offered import KINDS
from ntksim.plot.selection import Selection
from ntksim.plot.style import CHARACTERS_PER_INCH, Palette, look

_MOST_COLUMNS = 4
_MOST_IN_ROW = 5
_PANEL_SIZE = (3.1, 2.5)
_LONE_SIZE = (4.4, 3.2)


def figure(
    store: str | os.PathLike[str] | xr.DataTree,
    kind: str | Kind | None = None,
    select: Selection | None = None,
    *,
    kinds: Sequence[Kind] = KINDS,
) -> Figure:
    """Draw a picture of a store.

    Parameters
    ----------
    store
        Path of a store, or its tree as ``ntksim.open_results`` returns it.
    kind
        Name of a kind of picture, or a ``Kind`` of your own. Without it the first of ``kinds`` is
        drawn for which the data were recorded and that fits on one picture.
    select
        Values of axes that are drawn, such as ``{"width": [64, 512], "kernel": "analytic"}``.
    kinds
        Kinds to choose from, in the order of preference.

    What varies is resolved by one rule. Positions where nothing was computed are left out; an axis
    along which nothing changes is no axis; seeds become a mean and a band of one standard
    deviation; axes that the kind draws as lines become lines, as long as there are at most seven;
    all others become small multiples, at most twelve, or ``select`` is asked for. A kind of several
    panels shows its main one alone where all of them would be more than 24.

    Raises
    ------
    PlotError
        If there is no such kind, axis or value, if what it needs was not recorded, or if there are
        too many multiples.
    StoreUnusable
        If there is no store that can be opened.
    """
    return drawn(choose(store, kind, select, kinds))


def drawn(choice: Choice) -> Figure:
    """Draw what was chosen."""
    with look():
        return _draw(choice.kind, _grid(choice.kind, choice.rows))


def _grid(kind: Kind, rows: Sequence[Sequence[Panel]]) -> Sequence[Sequence[Panel]]:
    """Return panels row by row: a row for each multiple, or all of them folded."""
    longest = max(len(row) for row in rows)
    if len(rows) > 1 and 1 < longest <= _MOST_IN_ROW:
        return rows
    flat = [panel for row in rows for panel in row]
    columns = _columns(len(flat), 2 if kind.own_legends else _MOST_COLUMNS)
    return [flat[i : i + columns] for i in range(0, len(flat), columns)]


def _columns(count: int, most: int) -> int:
    """Return a number of columns with few empty places, wider than high."""
    if count <= 3:
        return min(count, most)
    return min(range(2, most + 1), key=lambda n: (-count % n, abs(count / n - n + 1)))


def _draw(kind: Kind, grid: Sequence[Sequence[Panel]]) -> Figure:
    rows, columns = len(grid), max(len(row) for row in grid)
    size = _LONE_SIZE if rows * columns == 1 else _PANEL_SIZE
    width, height = columns * size[0], rows * size[1]
    made = Figure(figsize=(width, height), layout="constrained")
    palette, axes, families = Palette(), {}, defaultdict(list)
    for i, row in enumerate(grid):
        for j, panel in enumerate(row):
            ax = made.add_subplot(rows, columns, i * columns + j + 1)
            panel.draw(panel.data, ax=ax, palette=Palette() if kind.own_legends else palette)
            ax.set_title(_folded(panel.title, size[0]))
            axes[i, j] = ax
            families[panel.family].append(ax)
    if kind.shares_y:
        for family in families.values():
            limits = np.array([ax.get_ylim() for ax in family])
            for ax in family:
                ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())
    _label_outer(axes)
    if kind.own_legends:
        width += columns * legend_inches(width_beside(axes.values()))
    else:
        width += legend_inches(gather_legends(made, list(axes.values())))
    made.set_size_inches(width, height)
    return made


def _folded(title: str, width: float) -> str:
    length = int(CHARACTERS_PER_INCH * width)
    lines = [textwrap.wrap(line, length, break_on_hyphens=False) for line in title.split("\n")]
    return "\n".join(part for line in lines for part in line)


def _label_outer(axes: dict[tuple[int, int], Axes]) -> None:
    """Leave out labels that the neighbour to the left or below repeats."""
    said = {place: (ax.get_xlabel(), ax.get_ylabel()) for place, ax in axes.items()}
    for (row, column), ax in axes.items():
        below, left = said.get((row + 1, column)), said.get((row, column - 1))
        if below is not None and below[0] == ax.get_xlabel():
            ax.set_xlabel("")
        if left is not None and left[1] == ax.get_ylabel():
            ax.set_ylabel("")
