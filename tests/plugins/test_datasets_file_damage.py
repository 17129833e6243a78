"""Files that are damaged, too large, or hold what is never read."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ntksim import DataError

from ntksim_builtin.datasets import File
from stored_files import NAMED, WRITERS, X, Y, write_npz, write_zarr


@pytest.fixture
def npz(tmp_path: Path) -> Callable[..., str]:
    def write(**arrays: np.ndarray) -> str:
        write_npz(tmp_path / "data.npz", arrays)
        return str(tmp_path / "data.npz")

    return write


@pytest.mark.parametrize("suffix", WRITERS)
def test_what_is_no_such_file_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"data{suffix}"
    if suffix == ".zarr":
        path.mkdir()
    else:
        path.write_bytes(b"neither this nor that")
    with pytest.raises(DataError, match=f"^data{suffix} (is not a readable|cannot be opened)"):
        File(str(path)).load()


@pytest.mark.parametrize("suffix", WRITERS)
def test_arrays_are_measured_before_they_are_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"data{suffix}"
    WRITERS[suffix](path, {"x": np.zeros((1000, 20), dtype=np.uint8), "y": np.zeros(1000)})
    # 21,000 numbers of 8 bytes are 168 kB as float64.
    with pytest.raises(
        DataError, match=r"announces 0\.000168 GB .*more than max_gigabytes: 0\.0001"
    ):
        File(str(path), inputs="x", targets="y", max_gigabytes=1e-4).load()
    assert len(File(str(path), inputs="x", targets="y", max_gigabytes=1.7e-4).load().x_train) == 800


def test_pickles_are_never_read(npz: Callable[..., str], tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
            return Path.touch, (tmp_path / "sprung",)

    objects = np.empty(4, dtype=object)
    objects[:] = Trap()
    path = npz(**NAMED | {"x_train": objects})
    with pytest.raises(DataError, match="x_train holds Python objects, which only a pickle"):
        File(path).load()
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("dtype", ["complex128", "datetime64[s]", "V8"])
def test_numbers_that_are_not_real_are_refused(dtype: str, npz: Callable[..., str]) -> None:
    path = npz(**NAMED | {"x_train": np.zeros((4, 2), dtype=dtype)})
    with pytest.raises(DataError, match=r"x_train holds .*, not real numbers"):
        File(path).load()


def test_a_header_that_promises_terabytes_allocates_nothing(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }"
    header = header.ljust(117) + b"\n"
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 8
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        archive.writestr("x.npy", member)
        archive.writestr("y.npy", member)
    path = str(tmp_path / "bomb.npz")
    with pytest.raises(DataError, match=r"x\.npy cannot be read: it is shorter than its header"):
        File(path, inputs="x", targets="y", max_gigabytes=1e5).load()


def test_a_flipped_bit_is_noticed(npz: Callable[..., str]) -> None:
    path = Path(npz(x=X, y=Y))
    content = bytearray(path.read_bytes())
    # The last number of x is 11.0; its bytes are stored as they are.
    content[content.index(np.float64(11.0).tobytes()) + 1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.npy cannot be read: Bad CRC-32"):
        File(str(path), inputs="x", targets="y").load()


def test_a_member_that_is_no_array_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x.npy", b"no array")
    with pytest.raises(DataError, match=r"x\.npy cannot be read"):
        File(str(tmp_path / "data.npz"), inputs="x", targets="x").load()


def test_a_damaged_chunk_of_a_zarr_store(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    write_zarr(path, NAMED)
    chunk = next((path / "x_train" / "c").rglob("0"))
    chunk = chunk if chunk.is_file() else next(file for file in chunk.rglob("*") if file.is_file())
    chunk.write_bytes(chunk.read_bytes()[:5])
    with pytest.raises(DataError, match="x_train cannot be read"):
        File(str(path)).load()
