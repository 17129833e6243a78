"""One legend for each picture, each entry once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ntksim.plot.style import BAND_ALPHA, CHARACTERS_PER_INCH, NEUTRAL

BESIDE = "beside"
"""``gid`` of a legend that stands beside its axes, not in them."""


def add_legend(
    ax: Axes, extra: Iterable[Artist] = (), *, title: str = "", beside: bool = False
) -> None:
    """Show what is labelled in the axes and, after it, ``extra``."""
    handles, labels = ax.get_legend_handles_labels()
    more = list(extra)
    entries = dict(zip(labels, handles, strict=True))
    entries |= {str(artist.get_label()): artist for artist in more}
    if entries:
        legend = ax.legend(list(entries.values()), list(entries), title=title or None, loc="best")
        legend.set_alignment("left")
        if beside:
            put_beside(ax)


def legend_length(ax: Axes) -> int:
    """Return how many entries the legend of the axes has."""
    legend = ax.get_legend()
    return 0 if legend is None else len(legend.get_texts())


def put_beside(ax: Axes) -> None:
    """Move the legend of the axes to their right."""
    if (legend := ax.get_legend()) is not None:
        legend.set(loc="upper left", bbox_to_anchor=(1.0, 1.03), gid=BESIDE)


def style_entry(label: str, **style: object) -> Line2D:
    """Return an entry that explains a line style, whatever the colour."""
    return Line2D([], [], **{"color": NEUTRAL, "label": label, **style})  # type: ignore[arg-type]


def band_entry(label: str, colour: object = NEUTRAL) -> Patch:
    """Return an entry that explains a band."""
    return Patch(facecolor=colour, alpha=BAND_ALPHA, linewidth=0, label=label)  # type: ignore[arg-type]


def width_beside(axes: Iterable[Axes]) -> int:
    """Return the length of the longest entry of the legends beside their axes."""
    found = [ax.get_legend() for ax in axes]
    texts = [x.get_texts() for x in found if x is not None and x.get_gid() == BESIDE]
    return max((len(text.get_text()) for own in texts for text in own), default=0)


def legend_inches(longest: int) -> float:
    """Return how wide a legend is of which the longest entry has so many characters."""
    return 0.6 + longest / CHARACTERS_PER_INCH if longest else 0.0


def gather_legends(figure: Figure, axes: Sequence[Axes]) -> int:
    """Replace the legends of the axes by one beside them all; return its longest entry's length."""
    entries: dict[str, Artist] = {}
    titles: list[str] = []
    for ax in axes:
        legend = ax.get_legend()
        if legend is None:
            continue
        titles.append(legend.get_title().get_text())
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            if handle is not None:
                entries.setdefault(text.get_text(), handle)
        legend.remove()
    if entries:
        title = titles[0] if len(set(titles)) == 1 else ""
        figure.legend(
            list(entries.values()), list(entries), loc="outside right upper", title=title or None
        )
    return max(map(len, entries), default=0)
