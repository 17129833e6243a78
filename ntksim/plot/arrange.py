"""Which axes of the grid become lines and which become panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import xarray as xr

from ntksim.plot.errors import PlotError, listing
from ntksim.plot.grid import AXES, TOLD_APART, ask, members, trimmed, values_of, varying
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.style import MOST_LINES

MOST_MULTIPLES = 12
MOST_PANELS = 24


@dataclass(frozen=True)
class Multiple:
    """One of the small multiples: what tells it from the others, and its data."""

    label: str
    data: xr.Dataset
    family: str = ""


def arranged(kind: Kind, datasets: Mapping[str, xr.Dataset]) -> list[list[Panel]]:
    """Return the panels of a picture, a row for each of its small multiples.

    Where the panels of all multiples are too many for one picture, each multiple has the kind's
    first and foremost panel only.

    Raises
    ------
    PlotError
        If there are too many multiples; it says which axes vary and over what.
    """
    multiples = _multiples(kind, datasets)
    rows = [_titled(multiple, kind.split(multiple.data)) for multiple in multiples]
    if sum(map(len, rows)) > MOST_PANELS and len(rows) > 1:
        rows = [_titled(one, [Panel("", one.data, kind.draw)]) for one in multiples]
    if not any(rows):
        raise PlotError(f"there is nothing of '{kind.name}' in what was chosen")
    return rows


def _titled(multiple: Multiple, panels: Sequence[Panel]) -> list[Panel]:
    titles = ["\n".join(filter(None, (multiple.label, panel.title))) for panel in panels]
    return [
        replace(panel, title=title, family=multiple.family)
        for title, panel in zip(titles, panels, strict=True)
    ]


def _multiples(kind: Kind, datasets: Mapping[str, xr.Dataset]) -> list[Multiple]:
    groups = dict(datasets)
    if "dataset" in kind.lines and len(groups) > 1:
        groups = {"": _together(kind, groups)}
    found, axes = [], {}
    for label, whole in groups.items():
        names = kind.variables(whole)
        data = trimmed(_kept(whole, names), names)
        left = varying(data, names)
        lines = _lines(kind, data, names, left)
        rest = [axis for axis in left if axis not in lines]
        axes |= {axis: values_of(data, axis) for axis in rest}
        first = label if len(groups) > 1 else ""
        data.attrs[TOLD_APART] = lines
        for member in members(data, names, rest):
            title = ", ".join(filter(None, (first, member.label)))
            found.append(Multiple(title, member.data, label))
    if len(found) > MOST_MULTIPLES:
        if len(groups) > 1:
            axes = {"dataset": listing(groups)} | axes
        listed = "; ".join(f"{axis}: {values}" for axis, values in axes.items())
        last = list(axes)[-1]
        how = ask(last, axes[last].split(", ")[0])
        raise PlotError(
            f"'{kind.name}' would have {len(found)} panels, and {MOST_MULTIPLES} fit: they differ "
            f"along {listing(axes)} ({listed}); {how}"
        )
    return found


def _kept(data: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """Return what is drawn, and what is the same for the whole grid, such as the points."""
    grid = {*AXES, "seed"} - {"output"}
    same = [str(name) for name, array in data.data_vars.items() if not grid & set(array.dims)]
    return data[list(dict.fromkeys([*names, *same]))]


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


def _together(kind: Kind, datasets: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Return the variables of a kind in one dataset, with ``dataset`` as a dimension."""
    parts = []
    for data in datasets.values():
        names = [*kind.variables(data), "y_train"]
        parts.append(data[[name for name in dict.fromkeys(names) if name in data]])
    joined = xr.concat(
        parts,
        "dataset",
        data_vars="all",
        coords="minimal",
        compat="override",
        join="outer",
        combine_attrs="override",
    )
    return joined.assign_coords(dataset=list(datasets))
