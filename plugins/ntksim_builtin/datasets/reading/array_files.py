"""Named arrays from a file, whatever its format."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from ntksim import DataError

from ntksim_builtin.datasets.reading.csv_table import read_csv
from ntksim_builtin.datasets.reading.npz_archive import open_npz
from ntksim_builtin.datasets.reading.scientific_stores import open_netcdf, open_zarr
from ntksim_builtin.datasets.reading.stored_arrays import read_stored

_STORES = {".npz": open_npz, ".nc": open_netcdf, ".zarr": open_zarr}
SUFFIXES = (*_STORES, ".csv")


def read_arrays(
    path: Path, names: Sequence[str] | None, text: Collection[str], limit: int
) -> Mapping[str, np.ndarray[Any, Any]]:
    """Read named arrays; ``None`` means every column of a ``.csv`` file.

    Those in ``text`` may hold words, the others hold numbers.

    Raises
    ------
    DataError
        If the file or an array is missing, damaged, of another type, or larger than ``limit``
        bytes in memory.
    """
    _check_there(path)
    if path.suffix == ".csv":
        return read_csv(path, names, text, limit)
    with _STORES[path.suffix](path) as stored:
        return read_stored(stored, names or (), text, limit, path.name)


def _check_there(path: Path) -> None:
    if path.is_dir() if path.suffix == ".zarr" else path.is_file():
        return
    if path.exists():
        wanted = "directory" if path.suffix == ".zarr" else "regular file"
        raise DataError(f"{path} is not a {wanted}")
    if not path.parent.is_dir():
        raise DataError(f"there is no file {path}: its folder does not exist")
    beside = sorted(entry.name for entry in path.parent.iterdir())
    near = get_close_matches(path.name, beside, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise DataError(f"there is no file {path}{hint}")
