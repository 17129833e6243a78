"""From arrays as a file holds them to inputs, targets and classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from ntksim import Array, DataError

from ntksim_builtin.datasets.preparing.coding import ClassIndices, Coding, check_coding, find_class
from ntksim_builtin.datasets.preparing.points import Points
from ntksim_builtin.datasets.reading.array_files import read_arrays
from ntksim_builtin.datasets.reading.stored_arrays import require

Names: TypeAlias = str | tuple[str, ...]
AsTargets: TypeAlias = Callable[["np.ndarray[Any, Any]", str], "np.ndarray[Any, Any]"]


def as_numbers(values: np.ndarray[Any, Any], name: str) -> Array:
    """Return float64 with a point axis and at least one more.

    Raises
    ------
    DataError
        If there is no axis of points, or an empty one besides, or a value is not finite; the
        message says in which row.
    """
    if values.ndim == 0:
        raise DataError(f"{name} is a single number; it must have one row a point")
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[:, None] if numbers.ndim == 1 else numbers
    if 0 in numbers.shape[1:]:
        raise DataError(f"{name} has shape {numbers.shape}: nothing at every point")
    bad = np.flatnonzero(~np.isfinite(numbers).all(axis=tuple(range(1, numbers.ndim))))
    if len(bad):
        row = numbers[bad[0]].reshape(-1)
        value = row[~np.isfinite(row)][0]
        more = f" (and {len(bad) - 1} more rows are not finite)" if len(bad) > 1 else ""
        raise DataError(f"{name} holds {value} in row {bad[0]}{more}; every value must be finite")
    return numbers


def as_targets(values: np.ndarray[Any, Any], name: str) -> Array:
    """Return float64 targets (N, K).

    Raises
    ------
    DataError
        As ``as_numbers``, or if there are more than two axes.
    """
    targets = as_numbers(values, name)
    if targets.ndim != 2:
        raise DataError(f"{name} has shape {targets.shape}; targets are (points, outputs)")
    return targets


def as_labels(values: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, Any]:
    """Return labels (N,): whole numbers, or words where they are not.

    Raises
    ------
    DataError
        If there is not exactly one label a point.
    """
    if values.ndim == 0 or values.size != len(values):
        raise DataError(f"{name} has shape {values.shape}; a classification has one label a point")
    labels = values.reshape(-1)
    words = labels.dtype.kind in "UST"
    if words:
        labels = labels.astype(str)
        if (labels == "").any():
            raise DataError(f"{name} has no label in row {np.flatnonzero(labels == '')[0]}")
    try:
        numbers = labels.astype(np.float64)
    except ValueError:
        return labels
    whole = np.isfinite(numbers) & (numbers == np.floor(numbers)) & (np.abs(numbers) < 2**53)
    if whole.all():
        return numbers.astype(np.int64)
    if words:
        return labels
    row = int(np.argmin(whole))
    raise DataError(f"{name} holds {numbers[row]} in row {row}; labels are whole numbers or words")


def find_classes(
    sets: Sequence[Points], wanted: Sequence[int | str], name: str
) -> tuple[int | str, ...]:
    """Return the labels to keep, in their order: those wanted, or all in sorted order.

    Raises
    ------
    DataError
        If one is not there, or there are fewer than two.
    """
    labels = [points.y for points in sets if points.y is not None]
    there = tuple(np.unique(np.concatenate(labels)).tolist())
    if len(there) < 2:
        raise DataError(f"{name} has the one label {', '.join(map(str, there)) or '(none)'}")
    return tuple(there[find_class(label, there)] for label in wanted) or there


def keep_classes(points: Points, classes: Sequence[int | str]) -> Points:
    """Keep the points of some classes, with the position of the class in place of the label."""
    if points.y is None:
        return points
    index: ClassIndices = np.full(len(points), -1, dtype=np.intp)
    for position, label in enumerate(classes):
        index[points.y == label] = position
    where = np.flatnonzero(index >= 0)
    return Points(points.x[where], index[where], points.names)


def check_codes(coding: Coding, classes: int, points: int, limit: int, source: str) -> None:
    """Refuse targets for a number of classes found in a file.

    Raises
    ------
    DataError
        If the coding does not fit, or one output a class takes more than ``limit`` bytes, as when
        the numbers of a regression are taken for labels.
    """
    try:
        check_coding(coding, classes)
    except ValueError as error:
        raise DataError(f"{source}: {error}") from None
    if 8 * classes * points > limit:
        raise DataError(
            f"{source} has {classes} different labels, too many for one output each; "
            "is this a regression?"
        )


def read_sets(
    path: Path, names: tuple[str, str, str | None, str | None], as_y: AsTargets, limit: int
) -> list[Points]:
    """Read training and test points from arrays named (x_train, y_train, x_test, y_test).

    Without x_test there are no test points; without y_test their targets are not known.

    Raises
    ------
    DataError
        If an array cannot be read or used, or arrays do not fit each other.
    """
    x_train, y_train, x_test, y_test = names
    wanted = [x_train, y_train] + [name for name in (x_test, x_test and y_test) if name]
    text = {y_train, y_test} if as_y is as_labels else set()
    arrays = read_arrays(path, wanted, {name for name in text if name}, limit)
    train = _points(path.name, arrays, x_train, y_train, as_y)
    if x_test is None:
        return [train, train[np.arange(0)]]
    test = _points(path.name, arrays, x_test, y_test, as_y)
    if train.x.shape[1:] != test.x.shape[1:]:
        raise DataError(
            f"{path.name}: {x_train} has inputs of shape {train.x.shape[1:]}, {x_test} of shape "
            f"{test.x.shape[1:]}"
        )
    return [train, test]


def read_table(
    path: Path, inputs: Names | None, targets: Names, as_y: AsTargets, limit: int
) -> Points:
    """Read points from the arrays, or columns, named by ``inputs`` and ``targets``.

    Several names are stacked as columns, which keep their names; no ``inputs`` are all columns but
    the targets.

    Raises
    ------
    DataError
        If an array cannot be read or used, or arrays do not fit each other.
    """
    x_names = (inputs,) if isinstance(inputs, str) else inputs
    y_names = (targets,) if isinstance(targets, str) else targets
    text = set(y_names) if as_y is as_labels else set()
    wanted = None if x_names is None else list(dict.fromkeys((*x_names, *y_names)))
    arrays = dict(read_arrays(path, wanted, text, limit))
    if x_names is None:
        require(y_names, arrays, f"{path.name} has no column")
        x_names = tuple(name for name in arrays if name not in y_names)
    x, y = ", ".join(x_names), ", ".join(y_names)
    stacked = {x: _stack(path.name, arrays, x_names), y: _stack(path.name, arrays, y_names)}
    points = _points(path.name, stacked, x, y, as_y)
    is_named = len(set(x_names)) == len(x_names) == points.x.shape[1] and all(
        arrays[name].ndim == 1 for name in x_names
    )
    return replace(points, names=x_names) if is_named else points


def _stack(
    file: str, arrays: Mapping[str, np.ndarray[Any, Any]], names: Sequence[str]
) -> np.ndarray[Any, Any]:
    if len(names) == 1:
        return arrays[names[0]]
    shapes = {name: arrays[name].shape for name in names}
    if any(len(shape) != 1 for shape in shapes.values()) or len(set(shapes.values())) != 1:
        shown = ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "none"
        raise DataError(f"{file}: columns must be arrays of one length; they are {shown}")
    return np.stack([arrays[name] for name in names], axis=1)


def _points(
    file: str,
    arrays: Mapping[str, np.ndarray[Any, Any]],
    x_name: str,
    y_name: str | None,
    as_y: AsTargets,
) -> Points:
    x = as_numbers(arrays[x_name], f"{file}: {x_name}")
    if y_name is None:
        return Points(x, None)
    y = as_y(arrays[y_name], f"{file}: {y_name}")
    if len(x) != len(y):
        raise DataError(f"{file}: {x_name} has {len(x)} points but {y_name} has {len(y)}")
    return Points(x, y)
