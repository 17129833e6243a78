"""Small files that would fill the memory, or lead to other files: refused, with a bound on memory.

Every file here is a real one, which the reader of its format alone would follow to the end.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import resource
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import xarray as xr
import zarr
import zarr.codecs
from ntksim import DataError

from compressed import zstd_of_zeros
from ntksim_builtin.datasets import File
from ntksim_builtin.datasets.reading import bounded, csv_table
from ntksim_builtin.datasets.reading.bounded import bounded_memory
from stored_files import zarr_2

MEGABYTES = 1 << 20


@contextmanager
def little_memory(megabytes: int = 60) -> Iterator[None]:
    """Check that what Python allocates stays below a bound."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * MEGABYTES
    finally:
        tracemalloc.stop()


@pytest.fixture
def _little_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that bombs may be small ones, which are quick to make and to meet."""
    monkeypatch.setattr(bounded, "SLACK", 256 * MEGABYTES)


# Archives of NumPy


def test_an_archive_of_100_gigabytes_is_measured_only(tmp_path: Path) -> None:
    # The directory of the archive says 100 GB, and so does the header of the array.
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (12500000000,), }"
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", member + b"\0" * MEGABYTES)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    size = struct.pack("<I", 0xFFFFFFFE)
    content[at + 24 : at + 28] = size  # uncompressed size in the directory
    path.write_bytes(content)
    with little_memory(), pytest.raises(DataError, match="it is shorter than its header"):
        File(str(path), inputs="x", targets="x", max_gigabytes=1e-3).load()


def test_a_header_of_an_array_that_inflates_is_not_unpacked(tmp_path: Path) -> None:
    # Version 2 of the format allows headers of 4 GB; deflated spaces are next to nothing.
    length = 200 * MEGABYTES
    path = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.npy", "w", force_zip64=True) as member,
    ):
        member.write(b"\x93NUMPY\x02\x00" + length.to_bytes(4, "little"))
        for _ in range(20):
            member.write(b" " * MEGABYTES)
    with little_memory(5), pytest.raises(DataError, match=r"x\.npy cannot be read"):
        File(str(path), inputs="x", targets="x").load()


def test_only_the_arrays_that_are_asked_for_are_looked_at(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        buffer = io.BytesIO()
        np.save(buffer, np.arange(4.0))
        archive.writestr("x.npy", buffer.getvalue())
        archive.writestr("bomb.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff")
    assert (
        len(File(str(tmp_path / "data.npz"), inputs="x", targets="x", train=4).load().x_train) == 4
    )


# Tables


def test_a_line_without_an_end_is_not_read_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_table, "MOST_CHARACTERS", 100_000)
    path = tmp_path / "data.csv"
    path.write_bytes(b"a,b\n1,2\n")
    os.truncate(path, 10**12)  # a terabyte of zeros that takes no room on the disk
    with little_memory(), pytest.raises(DataError, match="a line of more than 100,000 characters"):
        File(str(path), targets="b").load()


def test_one_long_word_is_not_given_room_in_every_row(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b\n" + "1,x\n2,y\n" * 20_000 + "3," + "z" * 100_000 + "\n", encoding="utf-8")
    # As an array of words: 40,001 · 100,000 · 4 bytes.
    with little_memory(), pytest.raises(DataError, match=r"40,001 words of up to 100,000 char"):
        File(str(path), targets="b", task="classification").load()


# Zarr


ZEROS = b"\0" * (16 * MEGABYTES)
BOMBS = {
    "gzip": ({"id": "gzip", "level": 1}, lambda: gzip.compress(ZEROS) * 64),
    "bz2": ({"id": "bz2", "level": 1}, lambda: bz2.compress(ZEROS) * 64),
    "lzma": ({"id": "lzma", "format": 1}, lambda: lzma.compress(ZEROS, preset=0) * 64),
    "zstd": ({"id": "zstd", "level": 1}, lambda: zstd_of_zeros(8192)),
    "lz4": ({"id": "lz4", "acceleration": 1}, lambda: struct.pack("<i", 2**31 - 1) + b"\x1f\0"),
}


@pytest.mark.faults
@pytest.mark.usefixtures("_little_slack")
@pytest.mark.parametrize("codec", BOMBS)
def test_a_chunk_that_inflates_to_a_gigabyte_is_not_followed(tmp_path: Path, codec: str) -> None:
    compressor, content = BOMBS[codec]
    path = zarr_2(tmp_path / "bomb.zarr", content(), compressor=compressor)
    before = peak()
    with pytest.raises(DataError, match=r"x (takes far more memory|cannot be read)"):
        File(path, inputs="x", targets="x").load()
    assert peak() - before < 700 * MEGABYTES
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == LIMIT


LIMIT = resource.getrlimit(resource.RLIMIT_DATA)[0]


def peak() -> int:
    """The largest memory that this process had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


SAYING = {
    "zstd": ({"id": "zstd", "level": 1}, zstd_of_zeros(8192)),
    "zstd, more frames": ({"id": "zstd", "level": 1}, zstd_of_zeros(1) + zstd_of_zeros(8192)),
    "zstd, one skipped": (
        {"id": "zstd", "level": 1},
        struct.pack("<II", 0x184D2A50, 4) + b"abcd" + zstd_of_zeros(8192),
    ),
    "zstd, not said": ({"id": "zstd", "level": 1}, zstd_of_zeros(8192, says=False)),
    "lz4": ({"id": "lz4", "acceleration": 1}, struct.pack("<i", 2**30) + b"\x1f\0"),
    "blosc": (
        {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 0},
        struct.pack("<BBBBIII", 2, 1, 0, 8, 2**30, 2**20, 20) + bytes(4),
    ),
}


@pytest.mark.parametrize("codec", SAYING)
def test_a_chunk_that_says_how_long_it_becomes_is_believed_on_every_system(
    tmp_path: Path, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "_used", lambda: None)  # as where memory has no limit
    compressor, content = SAYING[codec]
    path = zarr_2(tmp_path / "bomb.zarr", content, compressor=compressor)
    with (
        little_memory(),
        pytest.raises(DataError, match=r"becomes 1,07\d,\d+,\d+ bytes, more than"),
    ):
        File(path, inputs="x", targets="x").load()


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("codec", ["zstd", "blosc", "gzip"])
def test_good_chunks_are_read_whatever_compressed_them(
    tmp_path: Path, version: Any, codec: str
) -> None:
    values = np.random.default_rng(0).normal(size=(300, 700))
    values[100:] = 0
    compressors: Any = {
        (2, "zstd"): numcodecs.Zstd(3),
        (2, "blosc"): numcodecs.Blosc("lz4"),
        (2, "gzip"): numcodecs.GZip(1),
        (3, "zstd"): zarr.codecs.ZstdCodec(checksum=True),
        (3, "blosc"): zarr.codecs.BloscCodec(),
        (3, "gzip"): zarr.codecs.GzipCodec(),
    }
    group = zarr.open_group(tmp_path / "data.zarr", mode="w", zarr_format=version)
    group.create_array("x", data=values, chunks=(70, 650), compressors=compressors[version, codec])
    data = File(str(tmp_path / "data.zarr"), inputs="x", targets="x", train=300).load()
    assert sorted(data.x_train.sum(axis=1)) == pytest.approx(sorted(values.sum(axis=1)), rel=1e-12)


@pytest.mark.parametrize("version", [2, 3])
def test_a_shape_of_10_to_the_15_is_not_allocated(tmp_path: Path, version: Any) -> None:
    group = zarr.open_group(tmp_path / "huge.zarr", mode="w", zarr_format=version)
    group.create_array("x", shape=(10**15,), chunks=(1000,), dtype="<f8", fill_value=0.0)
    with little_memory(), pytest.raises(DataError, match=r"announces 8e\+06 GB"):
        File(str(tmp_path / "huge.zarr"), inputs="x", targets="x").load()


@pytest.mark.faults
@pytest.mark.usefixtures("_little_slack")
def test_codecs_after_one_another_do_not_multiply(tmp_path: Path) -> None:
    # Twice deflated, a gigabyte of zeros is some kilobytes.
    inner = zlib.compress(gzip.compress(ZEROS) * 64)
    path = zarr_2(
        tmp_path / "bomb.zarr",
        inner,
        compressor={"id": "zlib", "level": 1},
        filters=[{"id": "gzip", "level": 1}],
    )
    assert len(inner) < 20_000
    with pytest.raises(DataError):
        File(path, inputs="x", targets="x").load()


@pytest.mark.faults
@pytest.mark.usefixtures("_little_slack")
def test_memory_is_bounded_only_while_a_file_is_read() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with bounded_memory(1 << 20), bounded_memory(1 << 10):
        assert resource.getrlimit(resource.RLIMIT_DATA)[0] < bounded.SLACK * 100
        with pytest.raises(MemoryError):
            bytearray(bounded.SLACK + (64 << 20))
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert len(bytearray(bounded.SLACK + (64 << 20))) > bounded.SLACK


# NetCDF


h5py = pytest.importorskip("h5py")


def test_a_good_file_of_netcdf_4_is_read(tmp_path: Path) -> None:
    x = np.arange(8.0).reshape(4, 2)
    xr.Dataset({"x": (("n", "d"), x), "y": ("n", x[:, 0])}).to_netcdf(
        tmp_path / "data.nc", engine="h5netcdf"
    )
    data = File(str(tmp_path / "data.nc"), inputs="x", targets="y", train=4).load()
    assert sorted(data.y_train[:, 0]) == [0, 2, 4, 6]


def hdf5(path: Path, kind: str, secret: Path) -> None:
    """Write a file whose x is elsewhere, or is not what it seems."""
    raw = secret.with_suffix(".bin")
    with h5py.File(secret, "w") as file:
        file["x"] = np.arange(4.0)
    raw.write_bytes(np.arange(4.0).tobytes())
    with h5py.File(path, "w") as file:
        file["y"] = np.arange(4.0)
        file.create_group("deeper")["z"] = np.arange(4.0)
        match kind:
            case "link":
                file["x"] = h5py.ExternalLink(str(secret), "/x")
            case "link in a group":
                file["deeper"]["x"] = h5py.ExternalLink(str(secret), "/x")
            case "soft link":
                file["x"] = h5py.SoftLink("/y")
            case "group that holds itself":
                file["deeper"]["again"] = file["deeper"]
                file["x"] = h5py.ExternalLink(str(secret), "/x")
            case "raw data elsewhere":
                unlimited = h5py.h5f.UNLIMITED
                file.create_dataset("x", (4,), "<f8", external=[(str(raw), 0, unlimited)])
            case "virtual":
                layout = h5py.VirtualLayout((4,), "<f8")
                layout[:] = h5py.VirtualSource(str(secret), "x", (4,))
                file.create_virtual_dataset("x", layout)
            case "shape":
                file.create_dataset("x", (10**15,), "<f8", chunks=(10**6,))
            case "chunk":
                file.create_dataset("x", (4,), "<f8", chunks=(4 * 10**8,), maxshape=(None,))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("link", "x is a link"),
        ("link in a group", "/deeper/x is a link"),
        ("soft link", "x is a link"),
        ("group that holds itself", "/x is a link"),
        ("raw data elsewhere", "the data of /x are in another file"),
        ("virtual", "/x is made of other datasets"),
        ("shape", r"announces 8e\+06 GB"),
        ("chunk", r"announces 3\.2 GB"),
    ],
)
def test_a_netcdf_4_file_is_all_that_there_is(tmp_path: Path, kind: str, said: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    hdf5(tmp_path / "data.nc", kind, tmp_path / "elsewhere" / "secret.h5")
    with little_memory(), pytest.raises(DataError, match=said):
        File(str(tmp_path / "data.nc"), inputs="x", targets="y").load()


@pytest.mark.faults
@pytest.mark.usefixtures("_little_slack")
def test_a_chunk_of_hdf5_that_inflates_is_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "data.nc", "w") as file:
        data = file.create_dataset("x", (4,), "<f8", chunks=(4,), compression="gzip")
        data.id.write_direct_chunk((0,), zlib.compress(b"\0" * (400 * MEGABYTES), 1))
        file["y"] = np.arange(4.0)
    before = peak()
    with pytest.raises(DataError, match=r"x (takes far more memory|cannot be read)"):
        File(str(tmp_path / "data.nc"), inputs="x", targets="y").load()
    assert peak() - before < 500 * MEGABYTES


def test_a_file_that_is_no_netcdf_is_refused_without_a_library(tmp_path: Path) -> None:
    (tmp_path / "data.nc").write_bytes(b"\x89HDF is not enough")
    with pytest.raises(DataError, match="neither classic nor HDF5"):
        File(str(tmp_path / "data.nc"), inputs="x", targets="y").load()
