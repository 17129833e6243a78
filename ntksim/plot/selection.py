"""Choosing values of axes, by name and value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import xarray as xr

from ntksim.plot.errors import PlotError, listing, nearest

Selection: TypeAlias = Mapping[str, Sequence[Any] | str | float]
"""Values by axis: one or several, as numbers or as text."""


def parse_selection(texts: Iterable[str]) -> dict[str, list[str]]:
    """Read ``axis=value`` and ``axis=value,value``; an axis may come several times.

    Raises
    ------
    PlotError
        If there is no ``=``, no axis or no value.
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        axis, equals, values = text.partition("=")
        if not (equals and axis.strip() and values.strip(" ,")):
            raise PlotError(
                f"'{text}' is not a selection; write axis=value or axis=value,value, such as "
                "width=1000 or time=0,1,inf"
            )
        found.setdefault(axis.strip(), []).append(values.strip())
    return found


def selected(datasets: Mapping[str, xr.Dataset], select: Selection) -> dict[str, xr.Dataset]:
    """Return the chosen part of every dataset that has one.

    Numbers match within 1e-9 of their size, text exactly.

    Raises
    ------
    PlotError
        If no dataset has such an axis, or one of the values.
    """
    chosen = dict(datasets)
    for axis, given in select.items():
        wanted = [given] if isinstance(given, str) or not isinstance(given, Sequence) else given
        coordinates = {label: _coordinate(label, data, axis) for label, data in chosen.items()}
        known = {label: values for label, values in coordinates.items() if len(values)}
        if not known:
            axes = sorted({"dataset", *(str(d) for data in datasets.values() for d in data.dims)})
            raise PlotError(
                f"there is no axis '{axis}'; the axes are {listing(axes)}{nearest(axis, axes)}"
            )
        matches = {label: _matches(values, wanted) for label, values in known.items()}
        _refuse_unknown(axis, wanted, known)
        kept = {
            label: sorted({i for found in own for i in found}) for label, own in matches.items()
        }
        chosen = {
            label: chosen[label] if axis == "dataset" else chosen[label].isel({axis: indices})
            for label, indices in kept.items()
            if indices
        }
    return chosen


def _coordinate(label: str, data: xr.Dataset, axis: str) -> np.ndarray:
    if axis == "dataset":
        return np.array([label], dtype=object)
    return data[axis].values if axis in data.dims else np.array([])


def _matches(values: np.ndarray, wanted: Sequence[Any]) -> list[list[int]]:
    """Return for each wanted item the positions where it is; an item may list several values."""
    return [
        [i for part in _parts(values, item) for i in _positions(values, part)] for item in wanted
    ]


def _parts(values: np.ndarray, item: Any) -> list[Any]:
    """Split ``a,b``, unless a label is spelled like that."""
    if not isinstance(item, str) or (values.dtype.kind not in "iuf" and item in values):
        return [item]
    return [part.strip() for part in item.split(",") if part.strip()]


def _positions(values: np.ndarray, part: Any) -> list[int]:
    if values.dtype.kind not in "iuf":
        return [i for i, value in enumerate(values) if str(value) == str(part)]
    number = _number(part)
    if number is None:
        return []
    return np.flatnonzero(
        (values == number) | np.isclose(values, number, rtol=1e-9, atol=0)
    ).tolist()


def _number(part: Any) -> float | None:
    try:
        return float(str(part).removeprefix(".") if str(part) == ".inf" else part)
    except (TypeError, ValueError):
        return None


def _refuse_unknown(
    axis: str,
    wanted: Sequence[Any],
    known: Mapping[str, np.ndarray],
) -> None:
    """Refuse a value that no dataset has."""
    values = list(known.values())
    every = list(dict.fromkeys(value for own in values for value in own.tolist()))
    for item in wanted:
        parts = {part for own in values for part in _parts(own, item)}
        for part in sorted(parts, key=str):
            if any(_positions(own, part) for own in values):
                continue
            names = [format(v, "g") if isinstance(v, float) else str(v) for v in every]
            raise PlotError(
                f"{axis} has no value {part}; it has {listing(names)}{_closest(part, every, names)}"
            )


def _closest(part: Any, every: Sequence[Any], names: Sequence[str]) -> str:
    number = _number(part)
    numbers = [v for v in every if isinstance(v, int | float) and math.isfinite(v)]
    if number is None or not numbers or not math.isfinite(number):
        return nearest(str(part), names)
    return f"; nearest is {min(numbers, key=lambda v: abs(v - number)):g}"
