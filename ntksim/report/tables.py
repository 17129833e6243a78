"""What a report says in words and numbers: the study, where it comes from, cells and results."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ntksim.store.summary import Summary

MOST_ROWS = 200

COLUMNS: Mapping[str, str] = {
    "loss_train": "training loss",
    "loss_test": "test loss",
    "accuracy_train": "training accuracy",
    "accuracy_test": "test accuracy",
    "condition_number": "condition number",
    "stable_learning_rate": "stable learning rate",
}
"""Variables in the table of results, at the last time where they have one, and their titles."""


@dataclass(frozen=True)
class Table:
    """A table with its title; ``note`` says what was left out."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def results_table(root: xr.Dataset) -> Table | None:
    """Return means over seeds, with standard deviations, of what can be compared."""
    names = [name for name in COLUMNS if name in root]
    if not names:
        return None
    last = {
        name: root[name].isel(time=-1) if "time" in root[name].dims else root[name]
        for name in names
    }
    axes = [dim for dim in last[names[0]].dims if dim != "seed"]
    varying = [axis for axis in axes if root.sizes[axis] > 1] or axes[:1]
    mean = {name: value.mean("seed") for name, value in last.items()}
    several = root.sizes["seed"] > 1
    # The condition number of a singular kernel is infinite, and has no spread.
    with np.errstate(invalid="ignore"):
        spread = {name: v.std("seed", ddof=1) for name, v in last.items()} if several else {}
    rows = []
    for index in np.ndindex(*(root.sizes[axis] for axis in axes)):
        place = dict(zip(axes, index, strict=True))
        values = [float(mean[name].isel(place)) for name in names]
        if all(math.isnan(value) for value in values):
            continue
        labels = [_label(root[axis].values[place[axis]]) for axis in varying]
        shown = [
            _number(value, float(spread[name].isel(place)) if several else None)
            for name, value in zip(names, values, strict=True)
        ]
        rows.append((*labels, *shown))
    over = f"means over {root.sizes['seed']} seeds ± one standard deviation" if several else ""
    note = "; ".join(
        part
        for part in (
            f"at time {_label(root['time'].values[-1])}",
            over,
            f"the first {MOST_ROWS} of {len(rows)} rows" if len(rows) > MOST_ROWS else "",
        )
        if part
    )
    head = (*(str(axis) for axis in varying), *(COLUMNS[name] for name in names))
    return Table("Results", head, tuple(rows[:MOST_ROWS]), note)


def status_table(summary: Summary) -> Table:
    """Return how many positions of the grid have each status, and why."""
    rows = [
        (status, str(len(cells)), message)
        for status, messages in summary.messages.items()
        for message, cells in messages.items()
    ]
    rows += [("diverged", str(len(summary.diverged)), "")] if summary.diverged else []
    shown = f"cells took {summary.wall_time:.3g} s in all"
    if len(rows) > MOST_ROWS:
        shown += f"; the first {MOST_ROWS} of {len(rows)} reasons"
    return Table("Cells", ("status", "positions", "why"), tuple(rows[:MOST_ROWS]), shown)


def provenance_table(attributes: Mapping[Any, Any]) -> Table:
    """Return the versions that had a part in the numbers, and the data behind them."""
    rows = [
        ("ntksim", str(attributes.get("ntksim_version", ""))),
        ("numerics", str(attributes.get("numerics_version", ""))),
    ]
    for name, plugin in _mapping(attributes, "plugins").items():
        known = plugin if isinstance(plugin, Mapping) else {}
        code = str(known.get("sha256") or "")[:12]
        origin = known.get("distribution") or known.get("file") or ""
        rows.append(
            (f"plugin {name}", " ".join(map(str, (origin, known.get("version", ""), code))))
        )
    rows += [
        (name, str(version)) for name, version in _mapping(attributes, "library_versions").items()
    ]
    for data in _listed(attributes, "datasets"):
        rows.append((f"data {data.get('label')}", f"sha256 {str(data.get('sha256'))[:16]}…"))
    rows.append(("root of the seeds", str(attributes.get("seed_root", ""))))
    return Table("Provenance", ("what", "version"), tuple(rows))


def _mapping(attributes: Mapping[Any, Any], name: str) -> Mapping[str, Any]:
    value = _parsed(attributes.get(name, "{}"))
    return value if isinstance(value, Mapping) else {}


def _listed(attributes: Mapping[Any, Any], name: str) -> list[Mapping[str, Any]]:
    value = _parsed(attributes.get(name, "[]"))
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None


def _label(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "∞" if math.isinf(value) else f"{value:g}"
    return str(value)


def _number(value: float, spread: float | None) -> str:
    if math.isnan(value):
        return "–"
    shown = f"{value:.4g}".replace("inf", "∞")
    return shown if spread is None or math.isnan(spread) else f"{shown} ± {spread:.2g}"
