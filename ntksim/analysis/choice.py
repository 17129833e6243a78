"""Choosing positions of a store: by what they are called, and by the nearest time."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from ntksim.types import Array

X = TypeVar("X", xr.Dataset, xr.DataArray)

Choice: TypeAlias = str | Mapping[str, Any]
"""Values by axis, ``{"kernel": "empirical", "width": 1024}``, or a label that one axis has."""

LABELLED = ("kernel", "solver", "architecture", "dataset")
"""Axes whose labels can be told without the name of the axis."""


class AnalysisError(ValueError):
    """What was asked of the results is not in them; the message says what is."""


def variable(data: xr.Dataset, name: str) -> xr.DataArray:
    """Return a variable.

    Raises
    ------
    AnalysisError
        If there is none of this name.
    """
    if name not in data.data_vars:
        elsewhere = (
            "; what has points is in the group of a dataset, which `ntksim.open_results` and "
            "`xarray.open_datatree` open as well"
        )
        raise AnalysisError(
            f"there is no variable '{name}'; there are {listing(data.data_vars)}"
            f"{nearest(name, data.data_vars) or (elsewhere if 'dataset' in data.dims else '')}"
        )
    return data[name]


def chosen(data: X, choice: Choice) -> X:
    """Return the position that a choice names; its axes are gone.

    Numbers match within 1e-9 of their size, text exactly.

    Raises
    ------
    AnalysisError
        If there is no such axis or value, a label that several axes have, or a number alone.
    """
    if not isinstance(choice, str | Mapping):
        raise AnalysisError(f'{choice!r} does not say which axis; write {{"width": {choice!r}}}')
    by_axis = {_axis_of(data, choice): choice} if isinstance(choice, str) else choice
    for axis in by_axis:
        if axis not in data.dims:
            raise AnalysisError(
                f"there is no axis '{axis}'; there are {listing(data.dims)}"
                f"{nearest(axis, data.dims)}"
            )
    return data.isel(
        {axis: _position(data.coords[axis], value) for axis, value in by_axis.items()}, drop=True
    )


def at_time(data: X, time: ArrayLike, tolerance: float | None = None) -> X:
    """Return the results at the stored times nearest to those given.

    Parameters
    ----------
    data
        What has a dimension ``time``; what has none is returned as it is.
    time
        One time, after which there is no such dimension, or several. Infinity is the stored
        infinity, or the latest time where none was stored; a finite time is never infinity unless
        nothing else was stored. The coordinate says which times they are, and a warning if
        they end before a finite time that was asked for.
    tolerance
        Largest distance that is accepted, relative to the time that was asked for.

    Raises
    ------
    AnalysisError
        If a time is NaN or negative, or nothing lies within the tolerance.
    """
    wanted = np.asarray(time, dtype=np.float64)
    if np.isnan(wanted).any() or (wanted < 0).any():
        raise AnalysisError(f"time is {time}; it must be a number from 0, or infinity")
    if "time" not in data.dims:
        return data
    stored = data.coords["time"].values
    found = np.array([_nearest_time(stored, value) for value in wanted.ravel()], dtype=np.intp)
    if tolerance is not None:
        for value, there in zip(wanted.ravel(), stored[found], strict=True):
            near = np.isfinite([value, there]).all() and abs(there - value) <= tolerance * value
            is_near = value == there or near
            if not is_near:
                raise AnalysisError(
                    f"no time within {tolerance:g} of {value:g} was stored; nearest is {there:g}"
                )
    else:
        _warn_beyond(stored[found], wanted.ravel(), stored)
    return data.isel(time=found if wanted.ndim else int(found[0]))


def _warn_beyond(found: Array, wanted: Array, stored: Array) -> None:
    """Warn if the last stored time stands for a later one that is finite."""
    last = stored[np.isfinite(stored)].max(initial=-np.inf)
    late = wanted[(found == last) & (wanted > last * (1 + 1e-9)) & np.isfinite(wanted)]
    if len(late):
        warnings.warn(
            f"the stored times end at {last:g}, whose results stand for time {late.max():g}; with "
            "`tolerance` this is an error",
            stacklevel=3,
        )


def listing(names: Iterable[object]) -> str:
    """Return names as ``a, b, c``."""
    return ", ".join(sorted(map(str, names))) or "none"


def nearest(name: object, allowed: Iterable[object]) -> str:
    """Return ``; did you mean 'x'?`` for the closest name, or nothing where none is close."""
    close = difflib.get_close_matches(str(name), [str(own) for own in allowed], n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def _axis_of(data: xr.Dataset | xr.DataArray, label: str) -> str:
    labels = {
        axis: [str(value) for value in data[axis].values] for axis in LABELLED if axis in data.dims
    }
    axes = [axis for axis, own in labels.items() if label in own]
    if len(axes) == 1:
        return axes[0]
    if axes:
        raise AnalysisError(
            f"'{label}' is a value of {' and of '.join(axes)}; write {{'{axes[0]}': '{label}'}}"
        )
    every = [value for own in labels.values() for value in own]
    raise AnalysisError(
        f"no axis has the value '{label}'; there are {listing(every)}{nearest(label, every)}"
    )


def _position(coordinate: xr.DataArray, value: Any) -> int:
    values = coordinate.values
    if values.dtype.kind in "iuf":
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = np.nan
        found = np.flatnonzero((values == number) | np.isclose(values, number, rtol=1e-9, atol=0))
        names = [f"{own:g}" for own in values]
    else:
        names = [str(own) for own in values]
        found = np.array([i for i, own in enumerate(names) if own == str(value)])
    if not len(found):
        hint = "" if values.dtype.kind in "iuf" else nearest(value, names)
        raise AnalysisError(
            f"{coordinate.name} has no value {value}; it has {', '.join(names)}{hint}"
        )
    return int(found[0])


def _nearest_time(stored: np.ndarray[Any, Any], time: float) -> int:
    later = np.flatnonzero(stored >= time)
    earlier = np.flatnonzero(stored <= time)
    # Only the two neighbours: all distances from a very late time are equal after rounding.
    neighbours = [
        *(earlier[[np.argmax(stored[earlier])]] if len(earlier) else ()),
        *(later[[np.argmin(stored[later])]] if len(later) else ()),
    ]
    equal = [int(i) for i in neighbours if stored[i] == time]
    return equal[0] if equal else int(min(neighbours, key=lambda i: abs(stored[i] - time)))
