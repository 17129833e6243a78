"""Which axes of the grid become lines and which become panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr

from ntksim.plot.errors import PlotError, listing
from ntksim.plot.grid import AXES, TOLD_APART, members, trimmed, varying, written
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.reached import REACHED
from ntksim.plot.read import DATA_FAMILY, TRAIN_POINTS, together
from ntksim.plot.style import MOST_LINES

MOST_MULTIPLES = 12
MOST_PANELS = 24


@dataclass(frozen=True)
class Multiple:
    """One of the small multiples: what tells it from the others, and its data.

    ``place`` is its value along each axis that becomes panels.
    """

    label: str
    data: xr.Dataset
    place: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Arrangement:
    """The panels of a picture, a row for each small multiple, and notes on what is left out."""

    rows: list[list[Panel]]
    notes: tuple[str, ...] = ()


def arranged(kind: Kind, datasets: Mapping[str, xr.Dataset]) -> Arrangement:
    """Return the panels of a picture, a row for each of its small multiples.

    Of more multiples than fit, evenly spaced values of the longest axes are drawn, and a note says
    which. Where the panels of all multiples are too many, the first datasets are drawn that fit
    whole, or else each multiple has the kind's first and foremost panel only.

    Raises
    ------
    PlotError
        If nothing of the kind is there.
    """
    found = [m for m in _multiples(kind, datasets) if kind.panels is None or kind.split(m.data)]
    multiples, notes = thinned(found, MOST_MULTIPLES)
    rows = [kind.split(multiple.data) for multiple in multiples]
    if sum(map(len, rows)) > MOST_PANELS and len(rows) > 1:
        first = _first_datasets(multiples, [len(row) for row in rows])
        if first:
            multiples, more = _kept_datasets(multiples, first)
            rows = [kind.split(one.data) for one in multiples]
            notes = [*(note for note in notes if " of dataset " not in note), *more]
        else:
            rows = [[Panel("", one.data, kind.draw)] for one in multiples]
    if not any(rows):
        raise PlotError(f"there is nothing of '{kind.name}' in what was chosen")
    return Arrangement(
        [_titled(kind, one, row) for one, row in zip(multiples, rows, strict=True)], tuple(notes)
    )


def thinned(multiples: Sequence[Multiple], most: int) -> tuple[list[Multiple], list[str]]:
    """Return at most so many multiples, evenly spaced along their axes, and what to say of it."""
    found, kept, there = list(multiples), {}, {}
    while len(found) > most and any(len(_values(found, axis)) > 1 for axis in found[0].place):
        axis, chosen = _thinner(found, most)
        values = _values(found, axis)
        there.setdefault(axis, values)
        found = [one for one in found if one.place[axis] in chosen]
        kept[axis] = [value for value in values if value in chosen]
    return found[:most], [_note(axis, kept[axis], there[axis]) for axis in kept]


def _values(multiples: Sequence[Multiple], axis: str) -> list[str]:
    return list(dict.fromkeys(one.place[axis] for one in multiples))


def _thinner(multiples: Sequence[Multiple], most: int) -> tuple[str, list[str]]:
    """Return an axis and which values of it to keep: those that leave most of what fits.

    Where no axis is enough by itself, the longest is halved.
    """
    axes = [axis for axis in multiples[0].place if len(_values(multiples, axis)) > 1]
    axes.sort(key=lambda axis: -len(_values(multiples, axis)))
    best: tuple[int, str, list[str]] = (0, "", [])
    for axis in axes:
        values = _values(multiples, axis)
        for count in range(len(values) - 1, 0, -1):
            kept = _evenly(values, count)
            left = sum(one.place[axis] in kept for one in multiples)
            if best[0] < left <= most:
                best = (left, axis, kept)
    if best[0]:
        return best[1], best[2]
    values = _values(multiples, axes[0])
    return axes[0], _evenly(values, (len(values) + 1) // 2)


def _evenly(values: list[str], count: int) -> list[str]:
    if count == 1:
        return [values[0]]
    at = np.linspace(0, len(values) - 1, count).round().astype(int)
    return [values[i] for i in at]


def _note(axis: str, kept: Sequence[str], there: Sequence[str]) -> str:
    other = next(value for value in there if value not in kept)
    return (
        f"{len(kept)} of {len(there)} values of {axis} are drawn: {listing(kept)}; choose others "
        f"with --select, such as --select '{axis}={other}'"
    )


def _first_datasets(multiples: Sequence[Multiple], lengths: Sequence[int]) -> list[str]:
    """Return the datasets, from the first, of which all panels fit on one picture."""
    found, total = [], 0
    for label in dict.fromkeys(one.place.get("dataset", "") for one in multiples):
        total += sum(
            n
            for one, n in zip(multiples, lengths, strict=True)
            if one.place.get("dataset", "") == label
        )
        if total > MOST_PANELS:
            break
        found.append(label)
    return found


def _kept_datasets(
    multiples: Sequence[Multiple], first: Sequence[str]
) -> tuple[list[Multiple], list[str]]:
    every = list(dict.fromkeys(one.place.get("dataset", "") for one in multiples))
    kept = [one for one in multiples if one.place.get("dataset", "") in first]
    return kept, [_note("dataset", first, every)] if len(first) < len(every) else []


def _titled(kind: Kind, multiple: Multiple, panels: Sequence[Panel]) -> list[Panel]:
    """Say above each panel what it is, and let panels to be compared have the same limits."""
    titles = ["\n".join(filter(None, (multiple.label, panel.title))) for panel in panels]
    family = multiple.place.get("dataset", "") if kind.panels is None else multiple.label
    return [
        replace(panel, title=title, family=f"{family}/{panel.family}")
        for title, panel in zip(titles, panels, strict=True)
    ]


def _multiples(kind: Kind, datasets: Mapping[str, xr.Dataset]) -> list[Multiple]:
    groups = dict(datasets)
    if "dataset" in (*kind.lines, *kind.spans) and len(groups) > 1:
        names = {name for data in groups.values() for name in kind.variables(data)}
        groups = {"": together(groups, sorted(names))}
    found = []
    for label, whole in groups.items():
        names = kind.variables(whole)
        data = trimmed(_kept(whole, names), names)
        left = varying(data, names)
        lines = _lines(kind, data, names, left)
        rest = [axis for axis in left if axis not in lines]
        data.attrs[TOLD_APART] = lines
        first = label if len(groups) > 1 else ""
        for member in members(data, names, rest):
            title = ", ".join(filter(None, (first, member.label)))
            place = {axis: _place(member.data, axis) for axis in rest}
            found.append(Multiple(title, member.data, {"dataset": label} | place))
    return found


def _place(data: xr.Dataset, axis: str) -> str:
    """Return where a member is on an axis; members at several places have none of their own."""
    return written(data[axis].values[()]) if axis in data.coords else "all"


def _kept(data: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """Return what is drawn, when, and what is the same for the whole grid, such as the points."""
    grid = {*AXES, "seed"} - {"output"}
    same = [str(name) for name, array in data.data_vars.items() if not grid & set(array.dims)]
    told = [name for name in (REACHED, TRAIN_POINTS, DATA_FAMILY) if name in data]
    return data[list(dict.fromkeys([*names, *told, *same]))]


def _lines(kind: Kind, data: xr.Dataset, names: Sequence[str], left: Sequence[str]) -> list[str]:
    """Return the axes that become lines: in the kind's order, as long as the lines fit."""
    lines = [axis for axis in kind.spans if axis in left]
    for axis in kind.lines:
        if axis not in left:
            continue
        rest = [other for other in left if other not in (*lines, axis)]
        parts = members(data, names, rest)
        apart = [*(line for line in lines if line not in kind.spans), axis]
        if all(len(members(part.data, names, apart)) <= MOST_LINES for part in parts):
            lines.append(axis)
    return lines
