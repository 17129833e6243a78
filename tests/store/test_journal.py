import errno
import json
import math
import os
import stat
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from ntksim.store import CellRecord, DamagedCell, Journal

from store.store_examples import assert_same_record, key_of

KEY = key_of("cell")


def record(key: str = KEY, **variables: np.ndarray) -> CellRecord:
    return CellRecord(key, "done", variables, {"wall_time": 0.25, "note": "größer als 1"})


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "cells")
    written = record(
        loss=np.array([1.0, math.inf, -0.0]),
        diverged=np.array(True),
        steps=np.array([[1, 2]], dtype=np.int32),
        nothing=np.empty((0, 3)),
    )
    journal.write(written)
    assert_same_record(journal.read(KEY), written)
    assert journal.keys() == {KEY}
    assert journal.status(KEY) == "done"
    assert journal.value(KEY, "steps").tolist() == [[1, 2]]


def test_the_newer_record_of_a_key_replaces_the_older(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(CellRecord(KEY, "failed", {}, {"error": "no"}))
    journal.write(record(loss=np.ones(2)))
    assert journal.status(KEY) == "done"
    assert journal.keys() == {KEY}


def test_a_record_is_a_plain_npz_without_pickles(tmp_path: Path) -> None:
    Journal(tmp_path).write(record(loss=np.arange(3.0)))
    with np.load(tmp_path / f"{KEY}.npz", allow_pickle=False) as content:
        assert content["loss"].tolist() == [0.0, 1.0, 2.0]
        header = json.loads(content["__record__"].tobytes())
    assert header["status"] == "done"
    assert header["info"]["note"] == "größer als 1"
    with zipfile.ZipFile(tmp_path / f"{KEY}.npz") as archive:
        assert archive.testzip() is None


def test_equal_records_are_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Journal(tmp_path / name).write(record(b=np.ones(2), a=np.zeros(3)))
    one, other = (tmp_path / name / f"{KEY}.npz" for name in ("a", "b"))
    assert one.read_bytes() == other.read_bytes()


def test_arrays_become_read_only_contiguous_and_every_nan_the_same(tmp_path: Path) -> None:
    negative_nan = np.copysign(np.nan, -1.0)
    made = record(x=np.array([[1.0, negative_nan], [2.0, 3.0]], dtype=">f8").T)
    value = made.variables["x"]
    assert value.dtype.str == "<f8"
    assert value.flags.c_contiguous
    assert not value.flags.writeable
    assert value[1, 0].tobytes() == np.float64(np.nan).tobytes()
    journal = Journal(tmp_path)
    journal.write(made)
    read = journal.read(KEY).variables["x"]
    assert read.flags.aligned
    assert not read.flags.writeable


def test_making_a_record_does_not_freeze_the_caller_s_array() -> None:
    mine = np.ones(3)
    record(x=mine)
    mine[0] = 2.0


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"x": np.array([object()])}, "dtype object"),
        ({"x": np.array(["text"])}, "dtype <U4"),
        ({"x": np.array([1j])}, "dtype complex128"),
        ({"a/b": np.ones(1)}, "a/b"),
        ({"__record__": np.ones(1)}, "__record__"),
    ],
)
def test_what_cannot_be_stored_is_refused(variables: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CellRecord(KEY, "done", variables, {})


@pytest.mark.parametrize("key", ["", "ABC", "../x", "0xfe", "fe\n"])
def test_only_lower_case_hexadecimal_is_a_key(key: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        CellRecord(key, "done", {}, {})
    with pytest.raises(ValueError, match="hexadecimal"):
        Journal(tmp_path).read(key)


def test_info_must_be_json() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        CellRecord(KEY, "done", {}, {"where": Path()})


def test_an_absent_record_is_a_key_error(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "nowhere")
    assert journal.keys() == set()
    assert journal.sweep() == 0
    with pytest.raises(KeyError, match=KEY):
        journal.read(KEY)
    with pytest.raises(KeyError, match=KEY):
        journal.status(KEY)
    journal.remove(KEY)


def test_every_flipped_bit_is_caught(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(record(loss=np.arange(3.0)))
    path = journal.path(KEY)
    whole = path.read_bytes()
    # One bit of every byte, and a different one each time.
    bits = [8 * byte + byte % 8 for byte in range(len(whole))]
    for bit in bits:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        with pytest.raises(DamagedCell, match=KEY):
            journal.read(KEY)
        with suppress(DamagedCell):
            # The status alone is cheaper and less sure, but it never is the wrong one.
            assert journal.status(KEY) == "done"
    path.write_bytes(whole)
    journal.read(KEY)


def test_a_file_that_is_cut_short_is_damaged(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(record(loss=np.arange(3.0)))
    whole = journal.path(KEY).read_bytes()
    for length in (0, 1, 29, 31, 70, 200, len(whole) // 2, len(whole) - 1):
        journal.path(KEY).write_bytes(whole[:length])
        with pytest.raises(DamagedCell):
            journal.read(KEY)
        if length <= len(whole) // 2:
            with pytest.raises(DamagedCell):
                journal.value(KEY, "loss")


def test_the_file_of_another_cell_is_damage(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(record(loss=np.ones(1)))
    other = key_of("other")
    journal.path(KEY).rename(journal.path(other))
    with pytest.raises(DamagedCell, match=f"that of cell {KEY}"):
        journal.read(other)
    with pytest.raises(DamagedCell, match=f"that of cell {KEY}"):
        journal.status(other)


def test_one_variable_alone_is_checked_too(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(record(a=np.full(4, 1.5), b=np.full(4, 2.5)))
    content = bytearray(journal.path(KEY).read_bytes())
    at = content.find(np.float64(2.5).tobytes())
    content[at] ^= 1
    journal.path(KEY).write_bytes(content)
    assert journal.value(KEY, "a").tolist() == [1.5] * 4
    with pytest.raises(DamagedCell, match="'b'"):
        journal.value(KEY, "b")
    with pytest.raises(KeyError):
        journal.value(KEY, "c")


def test_foreign_files_are_left_alone_and_leftovers_swept(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(record())
    foreign = [tmp_path / name for name in ("notes.txt", "XYZ.npz", "fe.npz.bak", ".fe.tmp")]
    for path in foreign:
        path.write_text("mine")
    leftover = tmp_path / f".{KEY}.123-abcd.tmp"
    leftover.write_text("half a record")
    assert journal.keys() == {KEY}
    assert journal.sweep() == 1
    assert not leftover.exists()
    assert all(path.read_text() == "mine" for path in foreign)


def test_a_record_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    replace = os.replace

    def synced(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        events.append("folder synced" if is_folder else "file synced")

    def renamed(source: Path, target: Path) -> None:
        events.append("renamed")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    Journal(tmp_path).write(record())
    assert events == ["file synced", "renamed", "folder synced"]


def test_a_full_disk_leaves_the_last_record_and_no_leftover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    journal.write(record(loss=np.ones(1)))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        journal.write(record(loss=np.zeros(1)))
    assert journal.read(KEY).variables["loss"].tolist() == [1.0]
    assert os.listdir(tmp_path) == [f"{KEY}.npz"]


ARRAYS = hnp.arrays(
    dtype=st.sampled_from(["<f8", ">f8", "<f4", "<i8", "<i4", "|u1", "|b1"]),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    variables=st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), ARRAYS),
    info=st.dictionaries(st.text(), JSON, max_size=4),
    status=st.sampled_from(["done", "failed"]),
)
def test_any_record_comes_back_as_it_was(
    tmp_path: Path, variables: dict, info: dict, status: object
) -> None:
    journal = Journal(tmp_path)
    written = CellRecord(KEY, status, variables, info)  # pyright: ignore[reportArgumentType]
    journal.write(written)
    read = journal.read(KEY)
    assert_same_record(read, written)
    assert read.header.text == written.header.text
    for name, value in variables.items():
        np.testing.assert_array_equal(read.variables[name], value)
        np.testing.assert_array_equal(journal.value(KEY, name), value)
    assert read.info == info
