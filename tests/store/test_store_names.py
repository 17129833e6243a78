"""Names along the dimensions of diagnostics: coordinates of all cells, which may have others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, strategies as st
from ntksim.store import CellRecord, Journal, StorePlan
from ntksim.store.adopt import adopt
from ntksim.store.collect import collect
from ntksim.store.labels import all_names, placed, taken
from ntksim.store.sealed import Header
from ntksim.types import VariableSpec

from store.store_examples import assert_same_record, small_plan, tree_bytes

SPECS = {
    "motion": VariableSpec(("time", "layer"), "motion of a layer"),
    "rank": VariableSpec(("layer",), "rank of a layer", dtype="int64"),
    "overlap": VariableSpec(("mode", "layer"), "overlap of modes and layers"),
}
NAMES = st.lists(st.sampled_from("abcdef"), unique=True, min_size=1, max_size=5)


def record(plan: StorePlan, index: Any, names: list[str] | None, size: int = 2) -> CellRecord:
    key = plan.cells[index]
    assert isinstance(key, str)
    rng = np.random.default_rng(int(key[:8], 16))
    size = size if names is None else len(names)
    variables = {
        "diverged": np.array(False),
        "reached_time": np.array(plan.time),
        "motion": rng.normal(size=(len(plan.time), size)),
        "rank": rng.integers(1, 9, size=size),
        "overlap": rng.normal(size=(3, size)),
    }
    return CellRecord(key, "done", variables, {} if names is None else {"labels": {"layer": names}})


def journal(folder: Path, plan: StorePlan, names: dict[Any, list[str] | None]) -> Journal:
    made = Journal(folder)
    for index, own in names.items():
        made.write(record(plan, index, own))
    return made


@pytest.fixture(scope="module")
def plan() -> StorePlan:
    return small_plan(specs=SPECS)


ONE, OTHER = (0, 0, 0, 0, 0, 0), (0, 0, 1, 0, 0, 0)
SHALLOW, DEEP = ["in", "out"], ["in", "middle", "out"]


def test_values_are_where_their_names_are(tmp_path: Path, plan: StorePlan) -> None:
    records = journal(tmp_path / "s.cells", plan, {ONE: SHALLOW, OTHER: DEEP})
    collect(plan, records, tmp_path / "s.zarr")
    root, group = (xr.open_zarr(tmp_path / "s.zarr", group=g).load() for g in (None, "d"))
    assert list(root.layer.values) == list(group.layer.values) == DEEP
    assert root.layer.attrs == {"long_name": "layer"}
    for index, names, width in ((ONE, SHALLOW, 1), (OTHER, DEEP, 2)):
        own = record(plan, index, names).variables
        for i, name in enumerate(names):
            at = root.sel(width=width, layer=name).squeeze()
            np.testing.assert_array_equal(at.motion.isel(seed=0), own["motion"][:, i])
            assert at["rank"].isel(seed=0) == own["rank"][i]
            inside = group.overlap.sel(width=width, layer=name).squeeze().isel(seed=0)
            np.testing.assert_array_equal(inside, own["overlap"][:, i])
    missing = root.sel(width=1, layer="middle").isel(seed=0)
    assert missing.motion.isnull().all()
    assert not missing["rank"].any()  # whole numbers have no NaN


def test_records_come_back_byte_for_byte(tmp_path: Path, plan: StorePlan) -> None:
    """From a store whose journal is lost, where the names of some stand apart."""
    names = {ONE: ["b", "d"], OTHER: ["a", "b", "c", "d"], (0, 0, 0, 1, 0, 0): None}
    records = journal(tmp_path / "s.cells", plan, names)
    collect(plan, records, tmp_path / "s.zarr")
    whole = tree_bytes(tmp_path / "s.zarr")
    other = Journal(tmp_path / "other.cells")
    report = adopt(tmp_path / "s.zarr", other)
    assert len(report.restored) == 3
    assert not report.lost
    for index, own in names.items():
        expected = record(plan, index, own)
        assert_same_record(other.read(expected.key), expected)
    collect(plan, other, tmp_path / "again.zarr")
    assert tree_bytes(tmp_path / "again.zarr") == whole


def test_a_record_without_names_counts(tmp_path: Path, plan: StorePlan) -> None:
    records = journal(tmp_path / "s.cells", plan, {ONE: None, OTHER: ["a"]})
    collect(plan, records, tmp_path / "s.zarr")
    assert list(xr.open_zarr(tmp_path / "s.zarr").layer.values) == ["0", "1", "a"]
    records = journal(tmp_path / "n.cells", plan, {ONE: None})
    collect(plan, records, tmp_path / "n.zarr")
    assert list(xr.open_zarr(tmp_path / "n.zarr").layer.values) == [0, 1]


def test_names_that_do_not_fit_their_values_make_a_record_unusable(
    tmp_path: Path, plan: StorePlan
) -> None:
    wrong = record(plan, ONE, None)
    key = wrong.key
    records = Journal(tmp_path / "s.cells")
    records.write(CellRecord(key, "done", wrong.variables, {"labels": {"layer": ["a", "b", "c"]}}))
    report = collect(plan, records, tmp_path / "s.zarr")
    assert "has 2 values along layer, whose names are ['a', 'b', 'c']" in report.unusable[key]


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_every_name_is_there_once_and_one_record_keeps_its_order(lists: list[list[str]]) -> None:
    headers = [
        Header.describing("ab", "done", {"labels": {"layer": own}}, {"rank": np.zeros(len(own))})
        for own in lists
    ]
    every = all_names(lambda: headers, {"rank": ("layer",)})["layer"]
    assert sorted(every) == sorted({name for own in lists for name in own})
    assert [name for name in every if name in lists[0]] == lists[0]


@given(NAMES, st.data())
def test_what_is_placed_can_be_taken_back(every: list[str], data: st.DataObject) -> None:
    own = data.draw(st.lists(st.sampled_from(every), unique=True, min_size=1))
    value = np.random.default_rng(0).normal(size=(2, len(own), 3))
    dims, names = ("time", "layer", "mode"), ({"layer": own}, {"layer": every})
    spread = placed(value, dims, *names, np.nan)
    assert spread.shape == (2, len(every), 3)
    assert np.isnan(spread).sum() == 6 * (len(every) - len(own))
    np.testing.assert_array_equal(taken(spread, dims, *names, value.shape), value)


def test_a_name_that_the_store_lost_cannot_be_taken_back() -> None:
    with pytest.raises(ValueError, match="there is no 'b' among"):
        taken(np.zeros(1), ("layer",), {"layer": ["b"]}, {"layer": ["a"]}, (1,))
