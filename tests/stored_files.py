"""Small files of data in every format that the ``file`` dataset reads."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

X = np.arange(12.0).reshape(6, 2)
Y = X.sum(axis=1)
NAMED = {"x_train": X[:4], "y_train": Y[:4], "x_test": X[4:], "y_test": Y[4:]}


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(path, **arrays)  # type: ignore[arg-type]


def write_netcdf(path: Path, arrays: dict[str, np.ndarray]) -> None:
    variables = {
        name: ([f"{name}_{axis}" for axis in range(values.ndim)], values)
        for name, values in arrays.items()
    }
    # NetCDF 3, which scipy writes and reads: the other formats need a package of their own.
    xr.Dataset(variables).to_netcdf(path, engine="scipy")


def write_zarr(path: Path, arrays: dict[str, np.ndarray]) -> None:
    group = zarr.open_group(path, mode="w")
    for name, values in arrays.items():
        group.create_array(name, data=values)


WRITERS = {".npz": write_npz, ".nc": write_netcdf, ".zarr": write_zarr}


def zarr_2(path: Path, payload: bytes, **metadata: Any) -> str:
    """Write a group of Zarr version 2 with one array, by hand: no library writes such ones."""
    (path / "x").mkdir(parents=True)
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    content = {
        "zarr_format": 2,
        "shape": [4],
        "chunks": [4],
        "dtype": "<f8",
        "compressor": None,
        "filters": None,
        "fill_value": None,
        "order": "C",
    }
    (path / "x" / ".zarray").write_text(json.dumps(content | metadata))
    (path / "x" / "0").write_bytes(payload)
    return str(path)
