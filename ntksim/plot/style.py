"""Colours, sizes and the look that all pictures share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, ListedColormap

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette for all kinds of colour vision, without the yellow that white hides."""

MOST_LINES = len(COLOURS)

NEUTRAL = "0.35"
THEORY: Mapping[str, Any] = {"linestyle": (0, (5, 2)), "linewidth": 1.2, "zorder": 3}
"""Theory is dashed and drawn over what was measured."""

DASHES = ((0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)), (0, (8, 3)))
"""Dashes of several kinds of theory in one picture; the first are those of ``THEORY``."""

BAND_ALPHA = 0.22

CHARACTERS_PER_INCH = 14

LOOK: Mapping[str, Any] = {
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9,
    "font.size": 9,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}

OUTPUT: Mapping[str, Any] = {
    "pdf.fonttype": 42,  # text stays text that can be searched and edited
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "svg.hashsalt": "ntksim",  # the same picture gives the same file
}


@contextmanager
def look(settings: Mapping[str, Any] = LOOK) -> Iterator[None]:
    """Draw, or write, with these settings, and leave matplotlib's own as they were."""
    with mpl.rc_context({**settings}):  # type: ignore[arg-type]
        yield


class Palette:
    """Gives each label a colour when it is first seen, the same in every panel."""

    def __init__(self) -> None:
        self._colours: dict[str, str] = {}

    def __getitem__(self, label: str) -> str:
        return self._colours.setdefault(label, COLOURS[len(self._colours) % len(COLOURS)])

    @property
    def repeats(self) -> bool:
        """Whether two labels have the same colour, because there are more labels than colours."""
        return len(self._colours) > len(COLOURS)


def time_colours() -> Colormap:
    """Return a map from early (light) to late (dark) that grey-scale and all eyes can order."""
    colours = mpl.colormaps["viridis"](np.linspace(0.9, 0.0, 256))
    return ListedColormap(colours, name="ntksim_time")


Colour: TypeAlias = tuple[float, float, float, float]


def graded(count: int) -> list[Colour]:
    """Return ``count`` colours from early to late."""
    at = np.linspace(0.0, 1.0, count) if count > 1 else np.ones(1)
    return [tuple(colour) for colour in time_colours()(at)]
