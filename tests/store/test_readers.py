"""Readers of a store that is replaced while they read: never NaN where a cell is done."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from ntksim.store import CellRecord, Journal, StorePlan
from ntksim.store.collect import collect
from ntksim.store.exchange import exchange

from store.store_examples import example_journal, example_record, key_of, small_plan

pytestmark = pytest.mark.workers

READER = """
import json, sys, threading
import numpy as np, xarray as xr, zarr

path = sys.argv[1]
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
held = zarr.open_group(path, mode="r")
arrays = [held["loss_test"], held["d/eigenvalue"]]
reads = {"opened": 0, "held": 0, "seen": 0}
wrong = []
last = None
print("reading", flush=True)
while not stop.is_set():
    try:
        root = xr.open_zarr(path, chunks=None)
        group = xr.open_zarr(path, group="d", chunks=None)
        for values in (root.loss_test.values, group.eigenvalue.values):
            if np.isnan(values).any():
                wrong.append("NaN in a store opened now")
        if not (root.status.values == "done").all():
            wrong.append("a status is not done")
        reads["opened"] += 1
        reads["seen"] += root.attrs["tree_sha256"] != last
        last = root.attrs["tree_sha256"]
        # Opened before any replacement, and never again.
        for array in arrays:
            if np.isnan(array[...]).any():
                wrong.append("NaN in a store opened before")
        reads["held"] += 1
    except Exception as error:
        wrong.append(repr(error))
print(json.dumps([reads, wrong]), flush=True)
"""


@pytest.fixture
def can_exchange(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    if not exchange(first, second):
        pytest.skip("this file system cannot exchange folders: for a moment there is no store")
    first.rmdir()
    second.rmdir()


def replace(plan: StorePlan, journal: Journal, store: Path, number: int) -> None:
    """Collect a store that differs from the last one in a time that a cell took."""
    record = example_record(plan, (0, 0, 0, 0, 0, 0))
    info = {**record.info, "wall_time": float(number)}
    journal.write(CellRecord(record.key, "done", record.variables, info))
    collect(plan, journal, store)


@pytest.mark.usefixtures("can_exchange")
def test_a_reader_in_a_loop_sees_whole_stores_only(tmp_path: Path) -> None:
    plan, store = small_plan(), tmp_path / "p.zarr"
    journal = example_journal(tmp_path / "p.cells", plan)
    collect(plan, journal, store)
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "reading\n"
    for number in range(20):
        replace(plan, journal, store, number)
    out, _ = reader.communicate("", timeout=100)
    reads, wrong = json.loads(out)
    assert wrong == []
    assert reads["held"] == reads["opened"] > 0
    # It did look while stores came and went.
    assert reads["seen"] > 1


def test_a_digest_tells_whether_what_was_read_belongs_together(tmp_path: Path) -> None:
    plan, store = small_plan(), tmp_path / "p.zarr"
    journal = example_journal(tmp_path / "p.cells", plan)
    collect(plan, journal, store)
    held = xr.open_zarr(store, chunks=None)
    before = held.loss_test.values
    assert xr.open_zarr(store).attrs["tree_sha256"] == held.attrs["tree_sha256"]
    # Another grid: what is read from now on with the old metadata would be a mixture.
    larger = small_plan(
        seed=(0, 1, 2),
        cells={(0, 0, w, s, 0, 0): key_of("small", w, s) for w in range(2) for s in range(3)},
    )
    for index in ((0, 0, 0, 2, 0, 0), (0, 0, 1, 2, 0, 0)):
        journal.write(example_record(larger, index))
    collect(larger, journal, store)
    again = xr.open_zarr(store, chunks=None)
    assert again.attrs["tree_sha256"] != held.attrs["tree_sha256"]
    np.testing.assert_array_equal(again.loss_test.isel(seed=[0, 1]).values, before)
