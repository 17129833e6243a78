"""Files of data from strangers: nothing in them runs, leads elsewhere, or is believed unread."""

from __future__ import annotations

import os
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from ntksim import DataError

from ntksim_builtin.datasets import File
from stored_files import NAMED, X, Y, write_netcdf, write_npz, write_zarr, zarr_2


class Trap:
    """Unpickling it leaves a file."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.place}",)


@pytest.fixture
def sprung(tmp_path: Path) -> Path:
    return tmp_path / "sprung"


def test_the_trap_works(sprung: Path) -> None:
    pickle.loads(pickle.dumps(Trap(sprung)))  # so that the other tests mean something
    assert sprung.exists()


PICKLE = {"id": "pickle"}
TEXT = {"id": "vlen-utf8"}


@pytest.mark.parametrize(
    "metadata",
    [
        {"filters": [PICKLE]},
        {"compressor": PICKLE},
        {"dtype": "|O", "filters": [PICKLE]},
        {"dtype": "|O", "filters": [TEXT, PICKLE]},
        {"dtype": "|O", "filters": [TEXT], "compressor": PICKLE},
        {"dtype": "|O", "filters": [{"id": "json2"}]},
        {"dtype": "|O", "filters": [TEXT], "compressor": {"id": "no_such_codec"}},
    ],
    ids=str,
)
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_no_codec_of_a_zarr_array_runs_what_the_file_says(
    tmp_path: Path, sprung: Path, metadata: dict[str, Any], task: Any, monkeypatch: Any
) -> None:
    # Newer numcodecs refuse to unpickle unless they are told to; ntksim must not rely on it.
    monkeypatch.setenv("NUMCODECS_ALLOW_UNSAFE_PICKLE", "1")
    import numcodecs.pickles

    decoded: list[object] = []
    monkeypatch.setattr(numcodecs.pickles.Pickle, "decode", lambda *a, **_: decoded.append(a))
    path = zarr_2(tmp_path / "evil.zarr", pickle.dumps(Trap(sprung)), **metadata)
    with pytest.raises(DataError):
        File(path, task=task, inputs="x", targets="x").load()
    assert not decoded
    assert not sprung.exists()


def test_a_good_array_of_zarr_2_is_read(tmp_path: Path) -> None:
    path = zarr_2(tmp_path / "good.zarr", np.arange(4.0).tobytes())
    data = File(path, inputs="x", targets="x", train=4).load()
    assert sorted(data.x_train[:, 0]) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [10**12]},
        {"shape": [10**12], "chunks": [10**12]},
        {"chunks": [10**12]},  # a chunk is decoded whole
        {"shape": [10**6] * 6},
        {"shape": [-1]},
        {"shape": ["4"]},
        {"dtype": "|V1000000000000"},
        {"dtype": [["a", "<f8"]]},
    ],
    ids=str,
)
def test_what_a_zarr_array_announces_is_not_allocated(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = zarr_2(tmp_path / "huge.zarr", np.arange(4.0).tobytes(), **changes)
    tracemalloc.start()
    with pytest.raises(DataError):
        File(path, inputs="x", targets="x").load()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000


def test_a_zarr_directory_does_not_lead_out_of_itself(tmp_path: Path) -> None:
    write_zarr(tmp_path / "other.zarr", NAMED)
    write_zarr(tmp_path / "data.zarr", {n: v for n, v in NAMED.items() if n != "x_train"})
    link = tmp_path / "data.zarr" / "x_train"
    link.symlink_to(tmp_path / "other.zarr" / "x_train")
    with pytest.raises(DataError, match="x_train is a link that leads out of it"):
        File(str(tmp_path / "data.zarr")).load()
    link.unlink()
    link.symlink_to("y_train")  # within is no harm
    with pytest.raises(DataError, match=r"no array|cannot be read"):
        File(str(tmp_path / "data.zarr"), x_train="../other.zarr/x_train").load()


def test_one_array_that_cannot_be_opened_does_not_spoil_the_others(tmp_path: Path) -> None:
    write_zarr(tmp_path / "data.zarr", NAMED | {"notes": np.arange(3)})
    (tmp_path / "data.zarr" / "notes" / "zarr.json").write_text('{"node_type": "array"}')
    assert len(File(str(tmp_path / "data.zarr")).load().x_train) == 4
    with pytest.raises(DataError, match="notes cannot be read"):
        File(str(tmp_path / "data.zarr"), x_test="notes", y_test=None).load()


def archive(path: Path, members: dict[str, bytes], **options: Any) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return str(path)


def npy(shape: str, values: bytes, dtype: str = "'<f8'") -> bytes:
    header = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header = header.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + values


def test_a_zip_bomb_is_measured_and_not_unpacked(tmp_path: Path) -> None:
    zeros = b"\0" * 80_000_000
    bomb = {"x.npy": npy("(10000000,)", zeros), "y.npy": npy("(10000000,)", zeros)}
    path = archive(tmp_path / "bomb.npz", bomb)
    del zeros, bomb
    assert os.path.getsize(path) < 400_000
    tracemalloc.start()
    with pytest.raises(DataError, match=r"announces 0\.16 GB as float64"):
        File(path, inputs="x", targets="y", max_gigabytes=0.1).load()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize(
    "header",
    [
        "__import__('os').system('touch sprung')",
        "(4, 2), 'x': __import__('os')",
        "(" * 3000 + ")" * 3000,
        "(-4,)",
        "(True,)",
        "(10**30,)",
        "(4.0,)",
        "4",
    ],
    ids=lambda text: text[:20],
)
def test_the_header_of_an_array_is_no_program(
    tmp_path: Path, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = npy(header, b"\0" * 64)
    path = archive(tmp_path / "data.npz", {"x.npy": content, "y.npy": content})
    with pytest.raises(DataError):
        File(path, inputs="x", targets="y").load()
    assert not (tmp_path / "sprung").exists()


def test_names_in_an_archive_are_names_and_not_paths(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    values = np.arange(4.0).tobytes()
    names = ("../../out", "/abs", "..\\back", "con")
    path = archive(inner / "data.npz", {f"{name}.npy": npy("(4,)", values) for name in names})
    for name in names:
        assert len(File(path, inputs=name, targets=name, train=4).load().x_train) == 4
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["data.npz", "inner"]


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\0\n",
        b'a,b\n"1,2\n',
        b'a,b\n"1"x,2\n',
        b"a,b\n" + b"9" * 200_000 + b",1\n",
        b"a,b\n1,\xff\n",
        b"a,b\n1,__import__('os').system('touch sprung')\n",
        b"a,b\n1,=cmd|' /C calc'!A0\n",
        b"a,b\n1,1e999\n",
        b"a,b\n1,nan\n",
        b"a,b\n1\n",
        b"a,a\n1,2\n",
        b",".join([b"a"] * 50_000) + b"\n",
        b"\n",
        b"",
    ],
    ids=lambda content: str(content[:24]),
)
def test_a_table_holds_numbers_and_nothing_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(DataError):
        File(str(path), inputs="a", targets="b").load()


def netcdf_with_length(path: Path, length: int) -> None:
    """Write a NetCDF 3 file whose first dimension claims to be longer than it is."""
    write_netcdf(path, {"x": X[:, 0], "y": Y})
    content = bytearray(path.read_bytes())
    at = content.index(b"x_0\0") + 4
    content[at : at + 4] = length.to_bytes(4, "big")
    path.write_bytes(content)


@pytest.mark.parametrize("length", [2**31 - 1, 2**31, 2**32 - 1, 10**6])
def test_a_netcdf_file_that_claims_more_than_it_has(tmp_path: Path, length: int) -> None:
    netcdf_with_length(tmp_path / "data.nc", length)
    tracemalloc.start()
    with pytest.raises(DataError):
        File(str(tmp_path / "data.nc"), inputs="x", targets="y").load()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000


def test_every_cut_of_a_file_is_refused_or_read(tmp_path: Path) -> None:
    for suffix, write in ((".npz", write_npz), (".nc", write_netcdf)):
        path = tmp_path / f"data{suffix}"
        write(path, NAMED)
        whole = path.read_bytes()
        for end in range(0, len(whole), 97):
            path.write_bytes(whole[:end])
            with pytest.raises(DataError):
                File(str(path)).load()


def test_a_pickle_beside_is_never_looked_for(tmp_path: Path, sprung: Path) -> None:
    for name in ("data.npz", "data.nc"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap(sprung)))
        with pytest.raises(DataError):
            File(str(tmp_path / name)).load()
    group = zarr.open_group(tmp_path / "data.zarr", mode="w")
    group.create_array("x_train", data=X)
    group.attrs["__reduce__"] = pickle.dumps(Trap(sprung), protocol=0).decode()
    with pytest.raises(DataError, match="no array"):
        File(str(tmp_path / "data.zarr")).load()
    assert not sprung.exists()
