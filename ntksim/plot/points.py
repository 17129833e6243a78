"""Inputs that have a place on a line."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ntksim.types import Array


def line_feature(data: xr.Dataset) -> int | None:
    """Return the only feature in which the inputs differ, or ``None`` if there are more or none.

    A second feature that is the same at all points, such as an appended 1, does not count.
    """
    for name in ("x_test", "x_train"):
        if name in data and data[name].ndim == 2 and data[name].shape[0] > 1:
            values = data[name].values
            found = np.flatnonzero(np.ptp(values, axis=0) > 0)
            return int(found[0]) if len(found) == 1 else None
    return None


def line_inputs(data: xr.Dataset, part: str) -> Array:
    """Return the places (N,) on the line of the ``train`` or ``test`` points."""
    feature = line_feature(data)
    return data[f"x_{part}"].values[:, 0 if feature is None else feature]


def on_a_line(data: xr.Dataset) -> str | None:
    """Say why a function of these inputs cannot be drawn over a line, or return ``None``."""
    if line_feature(data) is not None:
        return None
    features = int(np.prod(data["x_train"].shape[1:])) if "x_train" in data else 0
    return f"it draws functions of one number, and the inputs have {features} features that vary"


def sorted_line(data: xr.Dataset) -> xr.Dataset:
    """Return the data with test points in ascending order."""
    return data.isel(test_point=np.argsort(line_inputs(data, "test"), kind="stable"))


def point_labels(data: xr.Dataset) -> list[str]:
    """Return a name for each training point: its place on the line, or its index."""
    if line_feature(data) is None:
        return [f"point {int(i)}" for i in data["train_point"].values]
    return [f"x = {x:.3g}" for x in line_inputs(data, "train")]
