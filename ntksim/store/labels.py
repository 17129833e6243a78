"""Names along dimensions that a diagnostic brings along: of layers, of selected parameters.

Cells may have different ones. The coordinate of a dimension holds those of all cells, and each cell
has its values where its own names are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from ntksim.store.sealed import Header

Names: TypeAlias = Mapping[str, Sequence[str]]
"""Names by dimension."""

LABELS = "labels"
"""Where the information of a record holds its names."""


def names_of(header: Header) -> Names:
    """Return the names that a record has, by dimension."""
    return header.info.get(LABELS, {})


def all_names(
    headers: Callable[[], Iterable[Header]], dims: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Return the names of all records along each dimension that any of them names.

    ``headers`` begins to go through them, and ``dims`` are those of each variable. The order is
    that of the records, with what is new to one of them after its predecessor there.
    """
    found: dict[str, list[str]] = {}
    named = {dim for header in headers() for dim in names_of(header)}
    for header in headers() if named else ():
        for name, described in header.variables.items():
            for dim, size in zip(dims.get(name, ()), described.shape, strict=False):
                if dim in named:
                    _merge(found.setdefault(dim, []), own_names(names_of(header), dim, size))
    return found


def own_names(names: Names, dim: str, size: int) -> Sequence[str]:
    """Return a record's names along a dimension, numbers where it has none."""
    return names.get(dim) or [str(i) for i in range(size)]


def placed(
    value: np.ndarray, dims: Sequence[str], own: Names, every: Names, fill: object
) -> np.ndarray:
    """Return the values of a record among those of all names, ``fill`` where it has none."""
    for axis, dim in enumerate(dims):
        if dim in every:
            shape = (*value.shape[:axis], len(every[dim]), *value.shape[axis + 1 :])
            spread = np.full(shape, fill, dtype=value.dtype)
            at = _positions(own_names(own, dim, value.shape[axis]), every[dim])
            spread[(*(slice(None),) * axis, at)] = value
            value = spread
    return value


def taken(
    value: np.ndarray, dims: Sequence[str], own: Names, every: Names, shape: Sequence[int]
) -> np.ndarray:
    """Return what ``placed`` took, of a record with values of some ``shape``.

    Raises
    ------
    ValueError
        If a name is not among all names.
    """
    for axis, dim in enumerate(dims):
        if dim in every:
            at = _positions(own_names(own, dim, shape[axis]), every[dim])
            value = np.take(value, at, axis=axis)
    return value


def unfit(header: Header, dims: Mapping[str, Sequence[str]]) -> str | None:
    """Say why the names of a record do not fit its values."""
    names = names_of(header)
    for name, described in header.variables.items():
        for dim, size in zip(dims.get(name, ()), described.shape, strict=False):
            own = names.get(dim)
            if own is not None and (len(own) != size or len(set(own)) != size):
                return f"'{name}' has {size} values along {dim}, whose names are {list(own)}"
    return None


def _merge(every: list[str], own: Sequence[str]) -> None:
    # Before the first that both have, or after all.
    at = next((every.index(name) for name in own if name in every), len(every))
    for name in own:
        if name in every:
            at = every.index(name) + 1
        else:
            every.insert(at, name)
            at += 1


def _positions(own: Sequence[str], every: Sequence[str]) -> list[int]:
    number = {name: i for i, name in enumerate(every)}
    if missing := [name for name in own if name not in number]:
        raise ValueError(f"there is no '{missing[0]}' among {list(every)}")
    return [number[name] for name in own]
