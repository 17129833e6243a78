"""One legend for each picture, each entry once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ntksim.plot.style import BAND_ALPHA, CHARACTERS_PER_INCH, NEUTRAL
from ntksim.plot.wording import number

BESIDE = "beside"
"""``gid`` of a legend that stands beside its axes, not in them."""


ABOVE = "above"
"""``gid`` of a legend that stands above its axes."""

_PAD, _LINE = 6.0, 10.8
"""Distance of a title from its axes, and height of a line of a legend, both in points."""

_MOST_ABOVE, _SHORT = 3, 20
"""Entries of which more stand in two columns above axes, if none has more characters."""


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


def legend_above(ax: Axes) -> None:
    """Show what is labelled in the axes above them, where it covers nothing."""
    handles, labels = ax.get_legend_handles_labels()
    _above(ax, dict(zip(labels, handles, strict=True)))


def put_above(ax: Axes) -> None:
    """Move the legend of the axes above them."""
    legend = ax.get_legend()
    if legend is not None and legend.get_gid() != ABOVE:
        texts = [text.get_text() for text in legend.get_texts()]
        pairs = zip(texts, legend.legend_handles, strict=True)
        entries = {text: handle for text, handle in pairs if handle is not None}
        legend.remove()
        _above(ax, entries)


def _above(ax: Axes, entries: Mapping[str, Artist]) -> None:
    if not entries:
        return
    legend = ax.legend(
        list(entries.values()),
        list(entries),
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        borderaxespad=0.1,
        columnspacing=1.0,
        handlelength=1.4,
        labelspacing=0.25,
        ncols=_columns(list(entries)),
    )
    legend.set_gid(ABOVE)
    legend.set_alignment("left")


def _columns(texts: Sequence[str]) -> int:
    return 2 if len(texts) > _MOST_ABOVE and max(map(len, texts)) <= _SHORT else 1


def title_pad(ax: Axes) -> float:
    """Return the distance of a title from its axes that leaves a legend above them free."""
    legend = ax.get_legend()
    if legend is None or legend.get_gid() != ABOVE:
        return _PAD
    entries = len(legend.get_texts())
    columns = _columns([text.get_text() for text in legend.get_texts()])
    return _PAD + -(-entries // columns) * _LINE


def legend_height(ax: Axes) -> float:
    """Return how high a legend above the axes is, in inches."""
    return (title_pad(ax) - _PAD) / 72


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
    entries = _steps_together(entries)
    if entries:
        title = titles[0] if len(set(titles)) == 1 else ""
        figure.legend(
            list(entries.values()), list(entries), loc="outside right upper", title=title or None
        )
    return max(map(len, entries), default=0)


def step_label(asked: float, reached: float) -> str:
    """Return what a curve at a time is called, and at which step it is where there was none."""
    if asked == reached or abs(reached - asked) <= _SAME_TIME * asked:
        return f"t = {number(asked)}"
    return f"t = {number(asked)}{_STEP}{number(reached)})"


_STEP = " (step at "
_SAME_TIME = 0.005
"""Relative difference of times up to which two curves would be called the same."""

_MOST_STEPS = 4


def _steps_together(entries: dict[str, Artist]) -> dict[str, Artist]:
    """Return one entry for each time, with all steps that stand for it."""
    steps: dict[str, list[str]] = {}
    found: dict[str, Artist] = {}
    for label, artist in entries.items():
        base, _, step = label.removesuffix(")").partition(_STEP)
        base = base if step else label
        found.setdefault(base, artist)
        steps.setdefault(base, []).extend([step] if step else [])
    return {_with_steps(base, steps[base]): artist for base, artist in found.items()}


def _with_steps(base: str, steps: Sequence[str]) -> str:
    if not steps:
        return base
    if len(steps) > _MOST_STEPS:
        steps = [steps[0], "…", steps[-1]]
    return f"{base} (step{'s' if len(steps) > 1 else ''} at {', '.join(steps)})"
