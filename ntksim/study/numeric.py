"""The axes that are numbers: widths, seeds, and the times inside a cell."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ntksim.registry.errors import listing, nearest, shown, unquoted
from ntksim.study.place import Place

MAX_WIDTH = 10**9
MAX_SEED = 2**63 - 1
MAX_TIMES = 10**6

_GRIDS = ("logspace", "linspace", "values")
_GRID_DIGITS = 12


def widths(place: Place, value: Any) -> list[tuple[Place, float]]:
    """Return the widths of a study: positive integers, and infinity for the limit."""
    found = [(at, _width(at, item)) for at, item in place.elements(value, "width")]
    return _unique((at, width) for at, width in found if width is not None)


def seeds(place: Place, value: Any, most: int) -> tuple[list[tuple[Place, int]], int]:
    """Return the seeds of a study, at most ``most``, and the root of all its random numbers."""
    if not isinstance(value, dict):
        found = [(at, _integer(at, item, "seed", 0)) for at, item in place.elements(value, "seed")]
        return _unique((at, seed) for at, seed in found if seed is not None), 0
    if place.refuse_unknown(value, ("count", "root"), "seed"):
        return [], 0
    root = _integer(place.at("root"), value.get("root", 0), "root", 0)
    if "count" not in value:
        place.refuse("seed needs a count, such as {count: 10, root: 0}")
        return [], 0
    count = _integer(place.at("count"), value["count"], "count", 1)
    if count is not None and count > most:
        place.at("count").refuse(f"{count} seeds are more than the {most:,} cells that are allowed")
        count = None
    return [(place, seed) for seed in range(count or 0)], root or 0


def times(place: Place, value: Any) -> tuple[float, ...]:
    """Return the times of a study, ascending: gradient-flow time, 0 and infinity included.

    A grid is between its two ends, both of them times, and its inner points are rounded to 12
    significant digits, so that they are the same on every machine and can be typed.
    """
    if not isinstance(value, dict):
        return _listed(place, value, "time")
    if place.refuse_unknown(value, (*_GRIDS, "count", "include"), "time"):
        return ()
    named = [grid for grid in _GRIDS if grid in value]
    if len(named) != 1:
        place.refuse(f"time needs one of {listing(_GRIDS)}, not {len(named)}")
        return ()
    (grid,) = named
    if grid == "values":
        for key in ("count", "include"):
            if key in value:
                place.at(key).refuse(f"'{key}' belongs to logspace and linspace", key=True)
        return _listed(place.at("values"), value["values"], "values")
    found = set(_grid(place, grid, value))
    if "include" in value:
        found.update(_listed(place.at("include"), value["include"], "include"))
    return tuple(sorted(found))


def _width(place: Place, value: Any) -> float | None:
    allowed = "a width is a positive integer, or .inf for the limit"
    if value == math.inf:
        return math.inf
    if isinstance(value, str) and value.lower().lstrip("+.") in {"inf", "infinity", "infinite"}:
        place.refuse(f"{shown(value)} is a word; infinite width is written .inf")
        return None
    # 1e4 is a float in YAML; as a width it means what it says.
    if isinstance(value, bool) or not isinstance(value, int | float) or not _counts(value):
        place.refuse(f"{shown(value)} is not a width: {allowed}{unquoted(value)}")
        return None
    if value > MAX_WIDTH:
        place.refuse(f"a width of {shown(value)} is beyond {MAX_WIDTH:,}; {allowed}")
        return None
    return int(value)


def _counts(value: float) -> bool:
    return math.isfinite(value) and value == math.floor(value) and value > 0


def _integer(place: Place, value: Any, what: str, least: int) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= MAX_SEED:
        return value
    allowed = f"an integer from {least} to {MAX_SEED}"
    if what == "seed":
        allowed += ", or {count: 10} for ten of them"
    place.refuse(f"{shown(value)} is not a {what}: {allowed}{unquoted(value)}")
    return None


def _time(place: Place, value: Any) -> float | None:
    if isinstance(value, str):
        hint = unquoted(value)
        if not hint and "inf" in value.lower():
            hint = nearest(value.lower(), (".inf",))
        place.refuse(f"{shown(value)} is a word, not a time{hint}")
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        place.refuse(f"{shown(value)} is not a time: a number from 0 to .inf")
        return None
    if value < 0:
        place.refuse(f"the time {shown(value)} is negative; training starts at 0")
        return None
    return float(value) + 0.0  # -0.0 is 0.0


def _listed(place: Place, value: Any, what: str) -> tuple[float, ...]:
    found = [(at, _time(at, item)) for at, item in place.elements(value, what)]
    if len(found) > MAX_TIMES:
        place.refuse(f"{len(found):,} times are more than {MAX_TIMES:,}")
        return ()
    unique = _unique((at, time) for at, time in found if time is not None)
    return tuple(sorted(time for _, time in unique))


def _grid(place: Place, grid: str, value: dict[str, Any]) -> tuple[float, ...]:
    ends = _ends(place.at(grid), value[grid], grid)
    if "count" not in value:
        place.refuse(f"{grid} needs a count, the number of times")
        return ()
    count = value["count"]
    if isinstance(count, bool) or not isinstance(count, int) or not 2 <= count <= MAX_TIMES:
        allowed = f"an integer from 2 to {MAX_TIMES}"
        place.at("count").refuse(f"{shown(count)} is not a count: {allowed}{unquoted(count)}")
        return ()
    if ends is None:
        return ()
    first, last = ends
    space = np.geomspace if grid == "logspace" else np.linspace
    inner = (float(f"{t:.{_GRID_DIGITS}g}") for t in space(first, last, count)[1:-1])
    return (first, *(t for t in inner if first < t < last), last)


def _ends(place: Place, value: Any, grid: str) -> tuple[float, float] | None:
    if not isinstance(value, list) or len(value) != 2:
        place.refuse(f"{grid} needs its two ends as a list, such as [0.01, 1000]")
        return None
    first, last = (_time(place.at(index), item) for index, item in enumerate(value))
    if first is None or last is None:
        return None
    if math.isinf(last):
        place.at(1).refuse(f"{grid} must end at a finite time; add infinity with include: [.inf]")
        return None
    if grid == "logspace" and first == 0:
        place.at(0).refuse("logspace cannot start at 0; start later and write include: [0]")
        return None
    if not first < last:
        place.refuse(f"{grid} must go up, and {shown(value)} does not")
        return None
    return first, last


def _unique(found: Iterable[tuple[Place, Any]]) -> list[tuple[Place, Any]]:
    seen: dict[Any, Place] = {}
    for place, value in found:
        if value in seen:
            place.refuse(f"{shown(value)} is there twice")
        else:
            seen[value] = place
    return [(place, value) for value, place in seen.items()]
