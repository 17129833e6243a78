"""Arrays in NumPy archives."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from ntksim import DataError
from numpy.lib import format as npy

from ntksim_builtin.datasets.reading.stored_arrays import DAMAGED, StoredArray

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@contextmanager
def open_npz(path: Path) -> Iterator[Mapping[str, StoredArray]]:
    """Open an archive and read the headers of its arrays.

    Raises
    ------
    DataError
        If it is no archive of arrays, or is damaged.
    """
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED as error:
        raise DataError(f"{path.name} is not a readable .npz archive: {error}") from None
    with archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        yield {name.removesuffix(".npy"): _member(archive, path.name, name) for name in names}


def _size(archive: zipfile.ZipFile, name: str) -> int:
    return archive.getinfo(name).file_size


def _member(archive: zipfile.ZipFile, file: str, name: str) -> StoredArray:
    try:
        with archive.open(name) as stream:
            version = npy.read_magic(stream)
            if version not in _HEADERS:
                raise ValueError(f"version {version} of its format is not supported")
            shape, _, dtype = _HEADERS[version](stream)
        # Before anything is allocated for what a header claims.
        if not dtype.hasobject and math.prod(shape) * dtype.itemsize > _size(archive, name):
            raise ValueError("it is shorter than its header says")
    except DAMAGED as error:
        raise DataError(f"{file}: {name} cannot be read: {error}") from None

    def read() -> np.ndarray[Any, Any]:
        with archive.open(name) as stream:
            values = npy.read_array(stream, allow_pickle=False)
            # Only at the end of the member is its checksum compared.
            if stream.read(1):
                raise ValueError("it is longer than its header says")
        return values

    return StoredArray(shape, dtype, read)
