"""What varies over the grid of a study, and what of it can share one picture.

The rule: positions where nothing was computed are left out, an axis along which nothing changes is
no axis, seeds become a mean and a band, and what still varies becomes lines or panels. Members of
the grid that hold the same numbers are drawn once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import xarray as xr

from ntksim.plot.errors import PlotError, listing
from ntksim.plot.reached import REACHED

AXES = ("dataset", "architecture", "width", "kernel", "solver", "output")
"""Dimensions of which every value is drawn apart; seeds are averaged instead."""

MOST_MEMBERS = 2_000


@dataclass(frozen=True)
class Member:
    """One value of every axis that varies, and what it is called: ``analytic, width 512``."""

    label: str
    data: xr.Dataset


def matching(data: xr.Dataset, patterns: Sequence[str]) -> list[str]:
    """Return the recorded variables that match any of the patterns, in the patterns' order."""
    variables = sorted(str(name) for name in data.data_vars)
    found = [name for pattern in patterns for name in variables if fnmatchcase(name, pattern)]
    return [name for name in dict.fromkeys(found) if has_values(data[name])]


def has_values(array: xr.DataArray) -> bool:
    """Whether there is any number in it."""
    return array.dtype.kind in "fiub" and bool(array.load().notnull().any())


def trimmed(data: xr.Dataset, names: Sequence[str], axes: Sequence[str] = AXES) -> xr.Dataset:
    """Return the part of the data where any of ``names`` is recorded, without idle axes.

    One of the ``axes``, or the seeds, is dropped where it has one value, or where every variable
    is the same at all of its values, as an analytic kernel is at every width.

    Raises
    ------
    PlotError
        If there is not a single number.
    """
    if not any(has_values(data[name]) for name in names):
        raise PlotError(f"there is no value of {listing(names)} in what was chosen")
    for axis in (*axes, "seed"):
        if axis not in data.dims:
            continue
        owners = [name for name in names if axis in data[name].dims]
        if owners:
            data = data.isel({axis: _present(data, owners, axis)})
        if data.sizes[axis] == 1:
            data = data.isel({axis: 0})
        elif axis != "output" and all(_is_constant(data[name], axis) for name in owners):
            told = [name for name in (REACHED,) if name in data and axis in data[name].dims]
            first = {name: _first_value(data[name], axis) for name in [*owners, *told]}
            data = data.isel({axis: 0}, drop=True).assign(first)
    return data


def varying(data: xr.Dataset, names: Sequence[str], axes: Sequence[str] = AXES) -> list[str]:
    """Return the axes that are left in trimmed data."""
    return [axis for axis in axes if any(axis in data[name].dims for name in names)]


def members(data: xr.Dataset, names: Sequence[str], axes: Sequence[str]) -> list[Member]:
    """Return one member for each distinct content along ``axes``, in the order of the grid.

    Its label names what tells it from the others; with nothing to tell apart it is empty.

    Raises
    ------
    PlotError
        If there are too many positions to look at.
    """
    sizes = [data.sizes[axis] for axis in axes]
    if math.prod(sizes) > MOST_MEMBERS:
        how = ask(axes[-1], written(data[axes[-1]].values[0]))
        raise PlotError(f"there are {math.prod(sizes):,} combinations of {listing(axes)}; {how}")
    groups = _equal_groups([data[name] for name in names], axes, sizes)
    found = []
    for label, indices in zip(_labels(data, axes, groups), groups, strict=True):
        own = data.isel(dict(zip(axes, indices[0], strict=True)))
        if len(indices) > 1:
            own = own.drop_vars([a for i, a in enumerate(axes) if len({x[i] for x in indices}) > 1])
        found.append(Member(label, own))
    return found


def ask(axis: str, value: str) -> str:
    """Return how a reader narrows what is drawn."""
    return f"choose with select, such as `--select {axis}={value}`"


def described(axis: str, value: Any) -> str:
    """Return a value of an axis as a reader would say it: ``width 1,000``, ``analytic``."""
    if axis == "width":
        return f"width {'∞' if math.isinf(float(value)) else format(float(value), ',.0f')}"
    if axis in ("dataset", "architecture", "kernel", "solver") or not _is_number(value):
        return str(value)
    return f"{axis.replace('_', ' ')} {value}"


def _is_number(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "iuf"


def values_of(data: xr.Dataset, axis: str) -> str:
    """Return the values of an axis as they are written after ``--select``."""
    return listing(written(value) for value in data[axis].values)


def written(value: Any) -> str:
    """Return a value as it is written after ``--select``."""
    return format(value, "g") if isinstance(value, float) else str(value)


def _present(data: xr.Dataset, names: Sequence[str], axis: str) -> np.ndarray:
    found = np.zeros(data.sizes[axis], dtype=bool)
    for name in names:
        array = data[name]
        found |= array.notnull().any([dim for dim in array.dims if dim != axis]).values
    return np.flatnonzero(found)


def _is_constant(array: xr.DataArray, axis: str) -> bool:
    first = _first_value(array, axis).values
    return all(
        _looks_the_same(first, np.where(np.isnan(own), first, own))
        for own in np.moveaxis(array.values, array.get_axis_num(axis), 0)
    )


def _first_value(array: xr.DataArray, axis: str) -> xr.DataArray:
    """Return the first value along the axis that is not NaN, position by position."""
    values = np.moveaxis(array.values, array.get_axis_num(axis), 0)
    at = np.argmax(~np.isnan(values), axis=0)
    first = np.take_along_axis(values, at[None], axis=0)[0]
    return array.isel({axis: 0}, drop=True).copy(data=first)


def _equal_groups(
    arrays: Sequence[xr.DataArray], axes: Sequence[str], sizes: Sequence[int]
) -> list[list[tuple[int, ...]]]:
    """Return the positions where there is anything, those together that look the same."""
    owned = [[axis in array.dims for axis in axes] for array in arrays]
    contents = [
        array.transpose(*(axis for axis in axes if axis in array.dims), ...).values
        for array in arrays
    ]
    groups: list[tuple[list[np.ndarray], list[tuple[int, ...]]]] = []
    for index in np.ndindex(*sizes):
        part = [
            values[tuple(i for i, is_own in zip(index, own, strict=True) if is_own)]
            for values, own in zip(contents, owned, strict=True)
        ]
        if all(np.isnan(values).all() for values in part):
            continue
        for known, indices in groups:
            if all(map(_looks_the_same, known, part)):
                indices.append(index)
                break
        else:
            groups.append((part, [index]))
    return [indices for _, indices in groups]


def _looks_the_same(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two curves cannot be told apart in a picture, not even on a logarithmic axis.

    The tolerance is 1e-6 of a value, or 1e-12 of the largest: what rounding leaves there is not
    drawn.
    """
    finite = np.abs(first[np.isfinite(first)])
    floor = 1e-12 * float(finite.max(initial=0.0))
    return bool(np.isclose(first, second, rtol=1e-6, atol=floor, equal_nan=True).all())


TOLD_APART = "told_apart"
"""Attribute of data that are one panel of several: axes that labels name, even where only one of
their values is left, because other panels have more."""


def _labels(
    data: xr.Dataset, axes: Sequence[str], groups: Sequence[Sequence[tuple[int, ...]]]
) -> Iterator[str]:
    for indices in groups:
        words = [
            described(axis, data[axis].values)
            for axis in data.attrs.get(TOLD_APART, ())
            if axis not in axes and axis in data.coords and data[axis].ndim == 0
        ]
        for position, axis in enumerate(axes):
            own = sorted({index[position] for index in indices})
            others = {index[position] for other in groups for index in other}
            if len(groups) > 1 and set(own) != others:
                values = [described(axis, data[axis].values[i]) for i in own]
                words.append(
                    " or ".join([values[0], *(v.removeprefix("width ") for v in values[1:])])
                )
        yield ", ".join(words)
