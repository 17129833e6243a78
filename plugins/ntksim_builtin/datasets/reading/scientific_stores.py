"""Arrays in NetCDF files and Zarr stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from ntksim import DataError

from ntksim_builtin.datasets.reading.stored_arrays import DAMAGED, StoredArray


@contextmanager
def open_netcdf(path: Path) -> Iterator[Mapping[str, StoredArray]]:
    """Open a NetCDF file with whatever xarray finds to read it; packed values are unpacked.

    Raises
    ------
    DataError
        If it cannot be opened.
    """
    import xarray  # not at the top: it costs a second, and only files of this kind need it

    try:
        dataset = xarray.open_dataset(path, decode_times=False)
    except DAMAGED as error:
        raise DataError(
            f"{path.name} cannot be opened as NetCDF (NetCDF 4 files need the package h5netcdf or "
            f"netCDF4): {error}"
        ) from None
    with dataset:
        yield {
            str(name): StoredArray(value.shape, value.dtype, lambda v=value: v.to_numpy())
            for name, value in dataset.variables.items()
        }


@contextmanager
def open_zarr(path: Path) -> Iterator[Mapping[str, StoredArray]]:
    """Open a Zarr group, version 2 or 3; arrays of its groups are named by their paths.

    Raises
    ------
    DataError
        If it cannot be opened, or an array is packed by ``scale_factor`` or ``add_offset``.
    """
    import zarr  # not at the top: only stores of this kind need it

    def read(name: str, array: zarr.Array) -> np.ndarray:
        packed = {"scale_factor", "add_offset"} & set(array.attrs)
        if packed:
            raise DataError(f"{path.name}: {name} is packed ({', '.join(sorted(packed))})")
        return np.asarray(array[...])

    try:
        group = zarr.open_group(path, mode="r")
        arrays = {
            name: member
            for name, member in sorted(group.members(max_depth=None))
            if isinstance(member, zarr.Array)
        }
    except DAMAGED as error:
        raise DataError(f"{path.name} cannot be opened as a Zarr group: {error}") from None
    yield {
        name: StoredArray(array.shape, np.dtype(array.dtype), lambda n=name, a=array: read(n, a))
        for name, array in arrays.items()
    }
