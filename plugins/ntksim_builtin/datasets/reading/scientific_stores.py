"""Arrays in NetCDF files and Zarr stores."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from ntksim import DataError

from ntksim_builtin.datasets.reading.bounded import SLACK
from ntksim_builtin.datasets.reading.hdf5 import require_self_contained
from ntksim_builtin.datasets.reading.stored_arrays import DAMAGED, StoredArray

_BESIDE = 1 << 16
"""Bytes that a chunk may have beside its values, such as checksums."""

_CLASSIC = (b"CDF\x01", b"CDF\x02")
"""How a file of NetCDF 3 begins."""

_COMPRESSORS = ("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd")
_CHECKSUMS = ("adler32", "crc32", "crc32c", "fletcher32", "jenkins_lookup3")
_FILTERS = ("astype", "bitround", "delta", "fixedscaleoffset", "packbits", "quantize", "shuffle")
_TEXTS = ("vlen-bytes", "vlen-utf8")
CODECS = frozenset({*_COMPRESSORS, *_CHECKSUMS, *_FILTERS, *_TEXTS})
"""Codecs of Zarr 2 that only move bytes. Others, such as ``pickle``, can run what a file says; what
numcodecs itself refuses of these depends on its version."""


@contextmanager
def open_netcdf(path: Path) -> Iterator[Mapping[str, StoredArray]]:
    """Open a NetCDF file, classic or of version 4; packed values are unpacked.

    Raises
    ------
    DataError
        If it cannot be opened, or takes data from other files.
    """
    import xarray  # not at the top: it costs a second, and only files of this kind need it

    try:
        with path.open("rb") as file:
            is_classic = file.read(4) in _CLASSIC
        if not is_classic:
            require_self_contained(path)
        # Of a classic file that is cut short, the netCDF library reads zeros without a word.
        engine = "scipy" if is_classic else "h5netcdf"
        # Dimensions without a name get one.
        options = {} if is_classic else {"phony_dims": "sort"}
        dataset = xarray.open_dataset(
            path, decode_times=False, engine=engine, backend_kwargs=options
        )
    except DataError:
        raise
    except DAMAGED as error:
        raise DataError(
            f"{path.name} cannot be opened as NetCDF (NetCDF 4 files need the packages h5netcdf "
            f"and h5py): {error}"
        ) from None
    with dataset:
        yield {
            str(name): StoredArray(_decoded(value), value.dtype, lambda v=value: v.to_numpy())
            for name, value in dataset.variables.items()
        }


def _decoded(variable: Any) -> tuple[int, ...]:
    """Return the shape of an array or of its chunks, of which one is decoded whole."""
    chunks = variable.encoding.get("chunksizes") or ()
    return max(variable.shape, tuple(chunks), key=math.prod)


@contextmanager
def open_zarr(path: Path) -> Iterator[Mapping[str, StoredArray]]:
    """Open a Zarr group, version 2 or 3; arrays of its groups are named by their paths.

    Raises
    ------
    DataError
        If it cannot be opened, leads out of its directory by a symbolic link, or an array is packed
        by ``scale_factor`` or ``add_offset``.
    """
    import zarr  # not at the top: only stores of this kind need it

    _refuse_links(path)
    try:
        zarr.open_group(path, mode="r")
    except DAMAGED as error:
        raise DataError(f"{path.name} cannot be opened as a Zarr group: {error}") from None
    yield _Arrays(path)


class _Arrays(Mapping[str, StoredArray]):
    """The arrays in a Zarr group, each opened when it is asked for: others may be damaged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        places = [file.parent for file in path.rglob(".zarray")]
        places += [file.parent for file in path.rglob("zarr.json") if _is_array(file)]
        self._names = sorted(place.relative_to(path).as_posix() for place in places)

    def __getitem__(self, name: str) -> StoredArray:
        import zarr

        if name not in self._names:
            raise KeyError(name)
        try:
            array = zarr.open_array(self._path / name, mode="r")
            _refuse_codecs(array)
            array = _measured(array, self._path / name)
            dtype = np.dtype(array.dtype)
        except DAMAGED as error:
            raise DataError(f"{self._path.name}: {name} cannot be read: {error}") from None
        packed = {"scale_factor", "add_offset"} & set(array.attrs)

        def read() -> np.ndarray[Any, Any]:
            if packed:
                names = ", ".join(sorted(packed))
                raise DataError(f"{self._path.name}: {name} is packed ({names})")
            return np.asarray(array[...])

        # A chunk is decoded whole, however little of it belongs to the array.
        shape = max(array.shape, array.chunks, key=math.prod)
        return StoredArray(shape, dtype, read)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _is_array(metadata: Path) -> bool:
    try:
        return json.loads(metadata.read_bytes())["node_type"] == "array"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _refuse_codecs(array: Any) -> None:
    """Refuse an array whose values are made by more than moving bytes.

    Raises
    ------
    ValueError
        If so.
    """
    if array.metadata.zarr_format != 2:
        return  # the codecs of version 3 are a closed list
    for codec in (*(array.metadata.filters or ()), array.metadata.compressor):
        name = getattr(codec, "codec_id", None)
        if codec is not None and name not in CODECS:
            raise ValueError(f"its codec {name!r} is none of {', '.join(sorted(CODECS))}")


def _measured(array: Any, path: Path) -> Any:
    """Return an array whose chunks are measured, where the last codec says how long they are."""
    import zarr

    from ntksim_builtin.datasets.reading.measured_chunks import SIZES, MeasuredChunks

    if array.metadata.zarr_format == 2:
        codecs = [*(array.metadata.filters or ()), array.metadata.compressor]
        names = [codec.codec_id for codec in codecs if codec is not None]
    else:
        names = [
            codec.to_dict()["name"].removeprefix("numcodecs.") for codec in array.metadata.codecs
        ]
    if not names or names[-1] not in SIZES:
        return array
    dtype = np.dtype(array.dtype)
    values = math.prod(array.chunks)
    # Text of any length has no length of a chunk; checksums and wider types come before the last.
    most = SLACK if dtype.kind in "TO" else values * max(8, dtype.itemsize) + _BESIDE
    return zarr.open_array(MeasuredChunks(path, names[-1], most), mode="r")


def _refuse_links(path: Path) -> None:
    """Refuse a directory from which a symbolic link leads out.

    Raises
    ------
    DataError
        If there is one.
    """
    inside = path.resolve()
    for entry in path.rglob("*"):
        if entry.is_symlink() and not entry.resolve().is_relative_to(inside):
            name = entry.relative_to(path).as_posix()
            raise DataError(f"{path.name}: {name} is a link that leads out of it")
