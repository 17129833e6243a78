"""What became of the cells."""

from __future__ import annotations

import xarray as xr

from ntksim.analysis.choice import AnalysisError, listing
from ntksim.store.declared import CELL_AXES, DESCRIBING, DONE, FAILED, MISSING, NOT_APPLICABLE

STATUSES = (DONE, FAILED, MISSING, NOT_APPLICABLE)

_SHOWN = ("status", "message", "diverged", "wall_time", "cell_key")


def cells(data: xr.Dataset, status: str | None = None) -> xr.Dataset:
    """Return a table of the cells: one dimension ``cell``, with its place on every axis.

    Parameters
    ----------
    data
        What holds ``status``: the root of a store, or what ``.ntk.dataset()`` returns.
    status
        ``"done"``, ``"failed"``, ``"missing"`` or ``"not applicable"``; by default all.

    Returns
    -------
    xarray.Dataset
        ``status``, ``message``, ``diverged``, ``wall_time`` and ``cell_key`` (cell), read from the
        store. Cells that share a computation have one ``cell_key``. ``to_dataframe()`` makes a
        table of pandas of it.

    Raises
    ------
    AnalysisError
        If the data do not say, or there is no such status.
    """
    if "status" not in data:
        raise AnalysisError(
            "these data do not say what became of their cells; take the root of the tree, or "
            "tree.ntk.dataset()"
        )
    if status is not None and status not in STATUSES:
        raise AnalysisError(f"there is no status '{status}'; there are {', '.join(STATUSES)}")
    axes = [axis for axis in CELL_AXES if axis in data["status"].dims]
    shown = data[[name for name in _SHOWN if name in data]].load()
    table = shown.stack(cell=axes).reset_index("cell") if axes else shown.expand_dims("cell")
    if status is None:
        return table
    return table.isel(cell=(table["status"] == status).values.astype(bool))


def done(data: xr.Dataset, array: xr.DataArray) -> xr.DataArray:
    """Return a variable as numbers, NaN where the cell is not done.

    Types without a NaN hold 0 and false there, which are no results. Data that do not say what
    became of their cells are returned as they are, as are variables that no cell has.

    Raises
    ------
    AnalysisError
        If the variable is text.
    """
    if array.dtype.kind not in "biuf":
        raise AnalysisError(f"'{array.name}' is no number; choose from {listing(_numbers(data))}")
    if "status" not in data or not set(CELL_AXES) & set(array.dims):
        return array
    status = data["status"]
    gone = [axis for axis in CELL_AXES if axis in status.dims and axis not in array.dims]
    is_done = (status == DONE).astype(bool)
    numbers = array if array.dtype.kind == "f" else array.astype("float64")
    return numbers.where(is_done.any(gone) if gone else is_done).transpose(*array.dims)


def _numbers(data: xr.Dataset) -> list[str]:
    return [
        str(name)
        for name, own in data.data_vars.items()
        if own.dtype.kind in "biuf" and name not in DESCRIBING
    ]
