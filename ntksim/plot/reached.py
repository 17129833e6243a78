"""The times at which solvers with discrete steps really were."""

from __future__ import annotations

import numpy as np
import xarray as xr

REACHED = "reached_time"
"""Variable of a store: k·learning_rate where a step was nearest to the time that was asked for."""

ASKED = "asked_time"
"""Coordinate along ``time``: the times that the study asked for."""


def at_reached_times(data: xr.Dataset) -> xr.Dataset:
    """Return the data of one member of the grid at the times that its solver reached.

    ``time`` becomes the mean over seeds of ``reached_time``; times that were not reached stay as
    they are, and so do all if the data do not say. The times that were asked for become the
    coordinate ``asked_time``.
    """
    if "time" not in data.dims or ASKED in data.coords:
        return data
    asked = data["time"].values
    data = data.assign_coords({ASKED: ("time", asked)})
    if REACHED not in data or "time" not in data[REACHED].dims:
        return data
    others = [dim for dim in data[REACHED].dims if dim != "time"]
    values = data[REACHED].transpose("time", *others).values.reshape(len(asked), -1)
    count = (~np.isnan(values)).sum(axis=1)
    mean = np.nansum(values, axis=1) / np.maximum(count, 1)
    times = np.where(count > 0, mean, asked)
    return data.assign_coords(time=("time", times, data["time"].attrs))


def by_asked_time(data: xr.Dataset) -> xr.Dataset:
    """Undo ``at_reached_times``, so that members that reached unequal times can stand together."""
    if ASKED not in data.coords:
        return data
    asked = data[ASKED].values
    return data.drop_vars(ASKED).assign_coords(time=("time", asked, data["time"].attrs))
