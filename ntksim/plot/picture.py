"""Whole pictures of stores: panels in a grid, with one legend."""

from __future__ import annotations

import os
import textwrap
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ntksim.plot.choice import Choice, choose
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.legend import (
    gather_legends,
    legend_height,
    legend_inches,
    put_above,
    title_pad,
)
from ntksim.plot.offered import KINDS
from ntksim.plot.selection import Selection
from ntksim.plot.style import Palette, look

_MOST_COLUMNS = 4
_MOST_IN_ROW = 6
_PANEL_SIZE = (3.1, 2.5)
_SMALL_SIZE = (2.5, 2.2)
"""Of panels of which five or six stand side by side."""

_LONE_SIZE = (4.4, 3.2)
_TITLE_CHARACTERS = 12.5
"""Characters per inch of a title."""

_LEGEND_ROOM = 0.5
"""Least height of the legends above panels that have their own."""


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
    all others become small multiples. Of more than twelve, evenly spaced ones are drawn (``choose``
    says which). Of a kind of several panels, where all of them would be more than 24, the first
    datasets are drawn that fit whole, or the main panel alone.

    Raises
    ------
    PlotError
        If there is no such kind, axis or value, or if what it needs was not recorded.
    StoreUnusable
        If there is no store that can be opened.
    """
    return drawn(choose(store, kind, select, kinds))


def drawn(choice: Choice) -> Figure:
    """Draw what was chosen."""
    with look():
        return _draw(choice.kind, _grid(choice.kind, choice.rows))


Cells: TypeAlias = Mapping[tuple[int, int], Panel]
"""Panels by row and column."""


def _grid(kind: Kind, rows: Sequence[Sequence[Panel]]) -> Cells:
    """Return where panels are: a row or a column for each multiple, or all of them folded.

    Multiples become columns where that makes the picture wider than high. Panels of one kind stand
    side by side, even where a multiple lacks some.
    """
    names = list(dict.fromkeys(_name(panel) for row in rows for panel in row))
    apart = all(len({_name(panel) for panel in row}) == len(row) for row in rows)
    longest = max(len(row) for row in rows)
    if len(rows) > 1 and longest > 1 and len(names) <= _MOST_IN_ROW and apart:
        places = {(i, names.index(_name(p))): p for i, row in enumerate(rows) for p in row}
        is_high = len(names) < len(rows) <= _MOST_IN_ROW
        return {(j, i): p for (i, j), p in places.items()} if is_high else places
    flat = [panel for row in rows for panel in row]
    columns = _columns(len(flat), kind.most_columns or _MOST_COLUMNS)
    return {divmod(i, columns): panel for i, panel in enumerate(flat)}


def _name(panel: Panel) -> str:
    """Return what a panel shows, whatever it shows that of."""
    return panel.title.rpartition("\n")[2] if panel.name is None else panel.name


def _columns(count: int, most: int) -> int:
    """Return a number of columns with few empty places, wider than high."""
    if count <= 3:
        return min(count, most)
    return min(range(2, most + 1), key=lambda n: (-count % n, abs(count / n - n + 1)))


def _draw(kind: Kind, cells: Cells) -> Figure:
    """Draw the panels with one legend, or with one each where there are too few colours for one."""
    if not kind.own_legends:
        palette = Palette()
        made = _laid_out(kind, cells, palette)
        if not palette.repeats:
            return made
    return _laid_out(kind, cells, None)


def _laid_out(kind: Kind, cells: Cells, palette: Palette | None) -> Figure:
    """Draw the panels in the colours that they share; without any, each has its own legend."""
    rows, columns = (max(place[i] for place in cells) + 1 for i in (0, 1))
    size = _LONE_SIZE if len(cells) == 1 else _SMALL_SIZE if columns > 4 else _PANEL_SIZE
    made = Figure(figsize=(columns * size[0], rows * size[1]), layout="constrained")
    axes, families, room = {}, defaultdict(list), 0.0
    for (i, j), panel in sorted(cells.items(), key=lambda item: item[0]):
        ax = made.add_subplot(rows, columns, i * columns + j + 1)
        panel.draw(panel.data, ax=ax, palette=Palette() if palette is None else palette)
        if palette is None:
            put_above(ax)
            room = max(_LEGEND_ROOM, room, legend_height(ax))
        ax.set_title(_folded(panel.title, size[0]), pad=title_pad(ax))
        axes[i, j] = ax
        families[panel.family].append(ax)
    if kind.shares_y:
        for family in families.values():
            limits = np.array([ax.get_ylim() for ax in family])
            for ax in family:
                ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())
    _label_outer(axes)
    beside = 0.0 if palette is None else legend_inches(gather_legends(made, list(axes.values())))
    made.set_size_inches(columns * size[0] + beside, rows * (size[1] + room))
    return made


def _folded(title: str, width: float) -> str:
    length = int(_TITLE_CHARACTERS * width)
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
