"""What a picture shows, read back from its Axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox
from ntksim.plot.time_axis import OFF_SCALE


def curves(ax: Axes) -> dict[str, np.ndarray]:
    """Return the values of every labelled line, without the gaps beside 0 and infinity."""
    return {str(line.get_label()): values_of(line) for line in labelled(ax)}


def labelled(ax: Axes) -> list[Line2D]:
    return [line for line in ax.lines if not str(line.get_label()).startswith("_")]


def values_of(line: Line2D) -> np.ndarray:
    values = np.asarray(line.get_ydata(), dtype=np.float64)
    return values[~np.isnan(values)]


def places_of(line: Line2D) -> np.ndarray:
    places = np.asarray(line.get_xdata(), dtype=np.float64)
    return places[~np.isnan(np.asarray(line.get_ydata(), dtype=np.float64))]


def dashed(ax: Axes) -> list[Line2D]:
    """Return the lines that are theory."""
    return [line for line in ax.lines if line.get_linestyle() == "--"]


def off_scale(ax: Axes) -> list[Line2D]:
    return [line for line in ax.lines if line.get_gid() == OFF_SCALE]


def bands(ax: Axes) -> list[np.ndarray]:
    """Return the corners of every filled area between two curves."""
    found = [c for c in ax.collections if isinstance(c, PolyCollection)]
    return [np.asarray(path.vertices) for c in found for path in c.get_paths()]


def legend_texts(source: Axes | Figure) -> list[str]:
    if isinstance(source, Figure):
        return [text.get_text() for legend in source.legends for text in legend.get_texts()]
    legend = source.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def x_ticks(ax: Axes) -> dict[str, float]:
    """Return the labels of the horizontal axis and where they are."""
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    return {
        text.get_text(): float(at)
        for text, at in zip(ax.get_xticklabels(), ax.get_xticks(), strict=True)
        if text.get_text()
    }


def overlapping_texts(figure: Figure) -> list[tuple[str, str]]:
    """Return pairs of texts of a drawn picture that run into each other."""
    found: list[tuple[str, Bbox]] = []
    for ax in figure.axes:
        texts = [ax.title, ax.xaxis.label, ax.yaxis.label]
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
            texts += [text for at, text in ticks if low <= at <= high]
        if (legend := ax.get_legend()) is not None:
            texts += legend.get_texts()
        found += [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text()]
    for legend in figure.legends:
        found += [(t.get_text(), t.get_window_extent()) for t in legend.get_texts()]
    return [
        (first, second)
        for i, (first, box) in enumerate(found)
        for second, other in found[:i]
        if box.shrunk(0.9, 0.9).overlaps(other.shrunk(0.9, 0.9))
    ]


def texts_outside(figure: Figure) -> Sequence[str]:
    """Return texts of a drawn picture that are cut by its edge."""
    width, height = figure.bbox.width, figure.bbox.height
    texts = [t for ax in figure.axes for t in (ax.title, ax.xaxis.label, ax.yaxis.label)]
    texts += [t for legend in figure.legends for t in legend.get_texts()]
    found = [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text()]
    return [
        text
        for text, box in found
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]
