"""Arrays in NumPy archives."""

from __future__ import annotations

import io
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

MOST_HEADER = 1 << 16
"""Bytes of an array that hold its header; NumPy itself refuses longer ones."""

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
        yield _Members(archive, path.name)


class _Members(Mapping[str, StoredArray]):
    """The arrays in an archive, whose headers are read when they are asked for."""

    def __init__(self, archive: zipfile.ZipFile, file: str) -> None:
        self._archive, self._file = archive, file
        self._names = [name for name in archive.namelist() if name.endswith(".npy")]

    def __getitem__(self, name: str) -> StoredArray:
        if f"{name}.npy" not in self._names:
            raise KeyError(name)
        return _member(self._archive, self._file, f"{name}.npy")

    def __iter__(self) -> Iterator[str]:
        return (name.removesuffix(".npy") for name in self._names)

    def __len__(self) -> int:
        return len(self._names)


def _size(archive: zipfile.ZipFile, name: str) -> int:
    return archive.getinfo(name).file_size


def _member(archive: zipfile.ZipFile, file: str, name: str) -> StoredArray:
    try:
        with archive.open(name) as stream:
            # A header says itself how long it is: no more than this is unpacked for it.
            begin = io.BytesIO(stream.read(MOST_HEADER))
        version = npy.read_magic(begin)
        if version not in _HEADERS:
            raise ValueError(f"version {version} of its format is not supported")
        shape, _, dtype = _HEADERS[version](begin)
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
