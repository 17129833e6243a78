import json
import math
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from ntksim.store import CellRecord, DamagedStore, Journal, NotApplicable, StorePlan
from ntksim.store.collect import Collected, collect
from ntksim.store.records import WantedRecords
from ntksim.types import VariableSpec

from store.store_examples import (
    SPECS,
    dataset,
    example_journal,
    example_plan,
    example_record,
    example_records,
    key_of,
    small_plan,
    tree_bytes,
)


@pytest.fixture(scope="module")
def plan() -> StorePlan:
    return example_plan()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, plan: StorePlan) -> Path:
    """A store that the tests only read."""
    folder = tmp_path_factory.mktemp("collected")
    collect(plan, example_journal(folder / "p.cells", plan), folder / "p.zarr")
    return folder / "p.zarr"


def expected(plan: StorePlan, name: str, index: tuple[int, ...]) -> np.ndarray | None:
    key = plan.cells[index]  # pyright: ignore[reportArgumentType]
    if not isinstance(key, str):
        return None
    return example_records(plan)[key].variables[name]


def test_every_value_is_at_every_position_that_it_belongs_to(store: Path, plan: StorePlan) -> None:
    records = example_records(plan)
    root = xr.open_zarr(store, chunks=None).load()
    groups = {label: xr.open_zarr(store, group=label, chunks=None).load() for label in plan.dataset}
    for index, key in plan.cells.items():
        for name, spec in plan.variables.items():
            if spec.is_comparable:
                found = root[name].values[index]
            else:
                found = groups[plan.dataset[index[0]]][name].values[index[1:]]
            if isinstance(key, NotApplicable):
                fill = np.nan if spec.dtype == "float64" else 0
                np.testing.assert_array_equal(found, np.full_like(found, fill))
                continue
            value = records[key].variables[name]
            inside = tuple(slice(0, size) for size in value.shape)
            np.testing.assert_array_equal(found[inside], value)
            assert found.dtype == np.dtype(spec.dtype)


def test_a_shorter_record_is_padded_with_nan(store: Path) -> None:
    group = xr.open_zarr(store, group="digits")
    analytic = group.eigenvalue.sel(kernel="analytic", width=10, seed=0).values
    assert group.sizes["mode"] == 3
    assert np.isfinite(analytic[..., :2]).all()
    assert np.isnan(analytic[..., 2]).all()
    # A plugin's own dimension is as long in every dataset as in the longest.
    assert xr.open_zarr(store).sizes["layer"] == 3
    assert np.isnan(xr.open_zarr(store).layer_norm.sel(dataset="digits").values[..., 2]).all()


def test_selection_by_label_as_documented(store: Path, plan: StorePlan) -> None:
    chosen = xr.open_zarr(store).loss_test.sel(dataset="digits", width=1000, kernel="empirical")
    value = expected(plan, "loss_test", (0, 0, 1, 1, 1, 0))
    np.testing.assert_array_equal(chosen.sel(seed=7).squeeze(), value)
    limit = xr.open_zarr(store).loss_test.sel(width=math.inf, kernel="analytic", time=math.inf)
    assert limit.sizes == {"dataset": 2, "architecture": 1, "seed": 2, "solver": 1}
    assert np.isfinite(limit).all()
    images = xr.open_zarr(store, group="images")
    assert images.prediction_test.sel(time=0.5, test_point=1, output=0).notnull().any()


def test_the_status_says_why_a_cell_is_empty(tmp_path: Path, plan: StorePlan) -> None:
    journal = example_journal(tmp_path / "p.cells", plan)
    failed, missing = (0, 0, 0, 0, 1, 0), (0, 0, 0, 1, 1, 0)
    journal.write(example_record(plan, failed, "failed"))
    journal.remove(str(plan.cells[missing]))
    report = collect(plan, journal, tmp_path / "p.zarr")
    root = xr.open_zarr(tmp_path / "p.zarr").load()
    cell = root.isel(dataset=0, architecture=0, width=0, solver=0).sel(kernel="empirical")
    assert cell.status.isel(seed=0) == "failed"
    assert cell.message.isel(seed=0) == "ValueError: no"
    assert cell.status.isel(seed=1) == "missing"
    assert cell.message.isel(seed=1) == ""
    assert np.isnan(cell.wall_time.isel(seed=1))
    impossible = root.sel(width=math.inf, kernel="empirical", dataset="images", seed=0)
    assert impossible.status.item() == "not applicable"
    assert impossible.message.item() == "an infinite network has no empirical kernel"
    done = root.sel(width=10, kernel="analytic", dataset="images", seed=0)
    assert done.status.item() == "done"
    assert done.wall_time.item() == example_record(plan, (1, 0, 0, 0, 0, 0)).info["wall_time"]
    counts = {name: int((root.status == name).sum()) for name in np.unique(root.status)}
    assert report.counts == counts == {"done": 18, "failed": 1, "missing": 1, "not applicable": 4}
    assert report.damaged == frozenset()


def test_a_position_that_the_plan_leaves_out_is_missing(tmp_path: Path) -> None:
    plan = example_plan(cells={})
    report = collect(plan, Journal(tmp_path / "p.cells"), tmp_path / "p.zarr")
    assert report.counts == {"missing": 24}
    root = xr.open_zarr(tmp_path / "p.zarr")
    assert (root.cell_key == "").all()
    assert np.isnan(root.loss_test).all()


def test_the_data_are_stored_once_a_group(store: Path, plan: StorePlan) -> None:
    digits = xr.open_zarr(store, group="digits")
    images = xr.open_zarr(store, group="images")
    assert digits.x_train.dims == ("train_point", "feature")
    assert images.x_test.dims == ("test_point", "feature_0", "feature_1", "feature_2")
    for group, label in ((digits, "digits"), (images, "images")):
        for name in ("x_train", "y_train", "x_test", "y_test"):
            np.testing.assert_array_equal(group[name], getattr(plan.datasets[label], name))
        assert group.y_train.dims == ("train_point", "output")
        assert group.attrs["dataset"] == label
        assert group.attrs["sha256"] == plan.datasets[label].content_hash
    assert digits.attrs["task"] == "classification"
    assert images.attrs["task"] == "regression"
    assert json.loads(digits.attrs["provenance"]) == {"source": "generator 1"}


def test_every_group_has_all_its_coordinates(store: Path, plan: StorePlan) -> None:
    tree = xr.open_datatree(store, engine="zarr")
    assert set(tree.children) == {"digits", "images"}
    for group in (None, "digits", "images"):
        opened = xr.open_zarr(store, group=group)
        assert set(opened.dims) == set(opened.coords) == set(opened.indexes)
        assert opened.width.dtype == np.float64
        assert opened.width.values.tolist() == list(plan.width)
        assert opened.seed.dtype == np.int64
        assert opened.seed.values.tolist() == [0, 7]
        assert opened.time.values.tolist() == [0.0, 0.5, math.inf]
        assert opened.time.attrs["units"] == "gradient-flow time"
        assert opened.kernel.values.tolist() == ["analytic", "empirical"]
        for variable in opened.variables.values():
            assert variable.attrs["long_name"]
    digits = xr.open_zarr(store, group="digits")
    assert digits.prediction_test.dims == (
        *("architecture", "width", "seed", "kernel", "solver"),
        *("time", "test_point", "output"),
    )
    for dim, size in {
        "train_point": 5,
        "train_point_other": 5,
        "test_point": 3,
        "output": 2,
    }.items():
        assert digits[dim].values.tolist() == list(range(size))


def test_attributes_say_what_everything_is(store: Path, plan: StorePlan) -> None:
    root = xr.open_zarr(store)
    assert root.loss_test.attrs == {
        "long_name": "loss on the test points",
        "units": "1",
        "description": "half sum",
    }
    assert root.wall_time.attrs["units"] == "s"
    assert "units" not in root.status.attrs
    assert root.attrs["study"] == "predictors"
    assert root.attrs["study_source"] == "study: predictors\n"
    assert json.loads(root.attrs["versions"]) == {"ntksim": "0.1.0", "numpy": "2"}
    assert root.attrs["ntksim_store_format"] == 1
    assert [entry["label"] for entry in json.loads(root.attrs["datasets"])] == list(plan.dataset)
    texts = json.loads(root.architecture.attrs["descriptions"])
    assert texts == {"mlp-relu-3": "three hidden layers"}


def test_attributes_are_plain_so_that_every_format_can_hold_them(store: Path) -> None:
    tree = xr.open_datatree(store, engine="zarr")
    for node in tree.subtree:
        opened = node.to_dataset()
        for attributes in (opened.attrs, *(value.attrs for value in opened.variables.values())):
            assert {type(value) for value in attributes.values()} <= {str, int, float}


READ_WITHOUT_NTKSIM = """
import sys
import xarray as xr
path = sys.argv[1]
tree = xr.open_datatree(path, engine="zarr").load()
for group in (None, "digits", "images"):
    xr.open_zarr(path, group=group).load()
    xr.open_zarr(path, group=group, chunks=None).load()
loss = xr.open_zarr(path).loss_test.sel(dataset="digits", width=1000, kernel="empirical")
assert loss.notnull().all()
assert (xr.open_zarr(path).status == "done").any()
assert not [name for name in sys.modules if name.startswith("ntksim")]
"""


def test_plain_xarray_reads_and_ntksim_writes_without_a_warning(
    tmp_path: Path, plan: StorePlan
) -> None:
    journal = example_journal(tmp_path / "p.cells", plan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        collect(plan, journal, tmp_path / "p.zarr")
    command = [sys.executable, "-W", "error", "-c", READ_WITHOUT_NTKSIM, str(tmp_path / "p.zarr")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_same_journal_gives_the_same_bytes(
    tmp_path: Path, plan: StorePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = list(example_records(plan).values())
    forward, backward = Journal(tmp_path / "a.cells"), Journal(tmp_path / "b.cells")
    for record in records:
        forward.write(record)
    for record in reversed(records):
        backward.write(record)
    collect(plan, forward, tmp_path / "a" / "p.zarr")
    first = tree_bytes(tmp_path / "a" / "p.zarr")
    # The order of writing, the memory that may be used, and what was there before change nothing.
    collect(example_plan(cells={}), backward, tmp_path / "b" / "p.zarr")
    shuffled = example_plan(cells=dict(reversed(list(plan.cells.items()))))
    monkeypatch.setattr("ntksim.store.records.HEADERS_REMEMBERED", 2)
    collect(shuffled, backward, tmp_path / "b" / "p.zarr", cache_bytes=0)
    assert tree_bytes(tmp_path / "b" / "p.zarr") == first
    assert (tmp_path / "a" / "p.sha256").read_bytes() == (tmp_path / "b" / "p.sha256").read_bytes()


def test_what_is_held_of_a_record_is_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)
    seeds = range(400)
    cells = {(0, 0, 0, s, 0, 0): key_of("many", s) for s in seeds}
    plan = small_plan(width=(1.0,), seed=tuple(seeds), cells=cells)
    journal = example_journal(tmp_path / "p.cells", plan)
    monkeypatch.setattr("ntksim.store.records.HEADERS_REMEMBERED", 10)
    tracemalloc.start()
    records = WantedRecords(plan, journal, cache_bytes=0)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(records.headers) == 400
    # A header with its dictionaries takes some four kilobytes, an entry for its key a hundred.
    assert held / 400 < 400


def test_nothing_is_left_beside_the_store(store: Path) -> None:
    assert sorted(path.name for path in store.parent.iterdir()) == ["p.cells", "p.sha256", "p.zarr"]


def test_a_damaged_record_counts_as_missing_and_is_reported(
    tmp_path: Path, plan: StorePlan
) -> None:
    journal = example_journal(tmp_path / "p.cells", plan)
    key = key_of("digits", 10.0, 0, "empirical")
    content = bytearray(journal.path(key).read_bytes())
    content[len(content) // 2] ^= 4
    journal.path(key).write_bytes(content)
    report = collect(plan, journal, tmp_path / "p.zarr")
    assert report.damaged == {key}
    # Set aside, so that the cell is computed again.
    assert not {key} & journal.keys()
    assert journal.path(key).with_suffix(".npz.damaged").read_bytes() == content
    root = xr.open_zarr(tmp_path / "p.zarr").load()
    cell = root.sel(dataset="digits", width=10, seed=0, kernel="empirical")
    assert cell.status.item() == "missing"
    assert "digest" in cell.message.item()
    assert cell.cell_key.item() == key
    assert np.isnan(cell.loss_test).all()


def test_a_damaged_record_is_repaired_from_the_last_store(tmp_path: Path, plan: StorePlan) -> None:
    journal = example_journal(tmp_path / "p.cells", plan)
    collect(plan, journal, tmp_path / "p.zarr")
    key = key_of("digits", 10.0, 0, "empirical")
    tree, whole = tree_bytes(tmp_path / "p.zarr"), journal.path(key).read_bytes()
    journal.path(key).write_bytes(whole[:-100])
    report = collect(plan, journal, tmp_path / "p.zarr")
    assert report.repaired == {key}
    assert report.damaged == frozenset()
    assert journal.path(key).read_bytes() == whole
    assert tree_bytes(tmp_path / "p.zarr") == tree


@pytest.mark.parametrize("harm", ["damaged", "gone", "damaged again and again"])
def test_a_record_that_changes_while_the_tree_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: StorePlan, harm: str
) -> None:
    journal = example_journal(tmp_path / "p.cells", plan)
    keys = sorted(journal.keys())
    looked = WantedRecords.__init__

    def look(self: WantedRecords, *args: Any) -> None:
        looked(self, *args)
        if harm == "damaged again and again" or len(journal.keys()) == len(keys):
            key = sorted(journal.keys())[0]
            if harm == "gone":
                journal.remove(key)
            else:
                journal.path(key).write_bytes(b"something else")
        if harm == "damaged again and again":
            # Somebody writes it anew, and it is damaged again.
            self.damaged.clear()
            self.unusable.clear()
            self.headers[keys[0]] = example_records(plan)[keys[0]].header

    monkeypatch.setattr(WantedRecords, "__init__", look)
    if harm == "damaged again and again":
        with pytest.raises(DamagedStore, match="change while they are collected"):
            collect(plan, journal, tmp_path / "p.zarr", cache_bytes=0)
        assert [path.name for path in tmp_path.iterdir()] == ["p.cells"]
        return
    report = collect(plan, journal, tmp_path / "p.zarr", cache_bytes=0)
    assert report.damaged == ({keys[0]} if harm == "damaged" else set())
    # One record stands at several positions.
    missing = sum(value == keys[0] for value in plan.cells.values())
    assert report.counts["missing"] == missing


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("loss_test", np.zeros(4), "'loss_test' has 4 values along time, the data have 2"),
        ("loss_test", np.zeros((3, 1)), "'loss_test' has shape (3, 1)"),
        ("ntk_train", np.zeros((3, 4)), "4 values along train_point_other, the data have 3"),
        ("steps", np.array(1.5), "'steps' is float64, not int64"),
    ],
)
def test_a_record_that_does_not_fit_the_plan_is_reported(
    tmp_path: Path, name: str, value: np.ndarray, message: str
) -> None:
    plan = small_plan(specs=SPECS)
    journal = Journal(tmp_path / "p.cells")
    good = example_record(plan, (0, 0, 0, 0, 0, 0))
    journal.write(CellRecord(good.key, "done", {**good.variables, name: value}, good.info))
    report = collect(plan, journal, tmp_path / "p.zarr")
    assert list(report.unusable) == [good.key]
    assert report.damaged == frozenset()
    assert report.counts == {"missing": 4}
    assert message in report.unusable[good.key]


def test_a_variable_that_a_record_does_not_have_is_nan(tmp_path: Path, plan: StorePlan) -> None:
    journal = example_journal(tmp_path / "p.cells", plan)
    whole = example_record(plan, (0, 0, 0, 0, 1, 0))
    variables = {k: v for k, v in whole.variables.items() if k != "accuracy_test"}
    journal.write(CellRecord(whole.key, "done", variables, whole.info))
    collect(plan, journal, tmp_path / "p.zarr")
    cell = xr.open_zarr(tmp_path / "p.zarr").isel(dataset=0, width=0, seed=0, kernel=1).load()
    assert cell.status.item() == "done"
    assert np.isnan(cell.accuracy_test).all()
    assert np.isfinite(cell.loss_test).all()


def test_a_dataset_without_test_points_can_be_stored(tmp_path: Path) -> None:
    plan = example_plan(
        dataset=("digits",),
        datasets={"digits": dataset(1, 4, 0, 1, (2,))},
        cells={k: v for k, v in example_plan().cells.items() if k[0] == 0},
    )
    journal = example_journal(tmp_path / "p.cells", plan)
    collect(plan, journal, tmp_path / "p.zarr")
    group = xr.open_datatree(tmp_path / "p.zarr", engine="zarr")["digits"].load()
    assert group.sizes["test_point"] == 0
    assert group["prediction_test"].dtype == np.float64


def test_a_label_that_is_no_file_name_stays_the_coordinate(tmp_path: Path) -> None:
    labels = ("a/b", "width", "..", "Über", "A_b", "loss_test")
    data = dataset(1, 2, 1, 1, (2,))
    plan = example_plan(
        dataset=labels,
        datasets=dict.fromkeys(labels, data),
        cells={(i, 0, 0, 0, 0, 0): key_of(i) for i in range(len(labels))},
    )
    journal = example_journal(tmp_path / "p.cells", plan)
    collect(plan, journal, tmp_path / "p.zarr")
    tree = xr.open_datatree(tmp_path / "p.zarr", engine="zarr")
    assert tree.coords["dataset"].values.tolist() == list(labels)
    groups = {group.attrs["dataset"]: name for name, group in tree.children.items()}
    assert groups == {
        "a/b": "a_b",
        "width": "width-2",
        "..": "data",
        "Über": "Über",
        "A_b": "A_b-2",
        "loss_test": "loss_test-2",
    }


def test_chunks_have_checksums_and_suit_reading(tmp_path: Path) -> None:
    time = tuple(np.linspace(0, 1, 100).tolist())
    data = dataset(1, 30, 40, 2, (2,))
    specs = {
        "prediction_test": VariableSpec(("time", "test_point", "output"), "outputs"),
        "loss_test": VariableSpec(("time",), "loss"),
    }
    cells = {(0, 0, w, s, 0, 0): key_of(w, s) for w in range(2) for s in range(70)}
    plan = example_plan(
        dataset=("d",),
        datasets={"d": data},
        time=time,
        seed=tuple(range(70)),
        specs=specs,
        cells=cells,
        kernel=("analytic",),
        width=(1.0, 2.0),
    )
    journal = Journal(tmp_path / "p.cells")
    collect(plan, journal, tmp_path / "p.zarr")
    root = zarr.open_group(tmp_path / "p.zarr", mode="r")
    for _, array in root.members(max_depth=None):
        if isinstance(array, zarr.Array):
            (codec,) = array.compressors
            assert codec.to_dict()["configuration"]["checksum"] is True  # pyright: ignore
    predictions = root["d/prediction_test"]
    assert isinstance(predictions, zarr.Array)
    # 64 kB a cell: seeds share a chunk up to 2 MiB, in equal parts; a trajectory is never cut.
    assert predictions.chunks == (1, 1, 24, 1, 1, 100, 40, 2)
    losses = root["loss_test"]
    assert isinstance(losses, zarr.Array)
    assert losses.chunks == losses.shape


def test_larger_memory_for_the_cache_changes_nothing_when_blocks_are_small(
    tmp_path: Path, plan: StorePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = example_journal(tmp_path / "p.cells", plan)
    collect(plan, journal, tmp_path / "a.zarr")
    # One cell a block: what is written in pieces must be what is written at once.
    monkeypatch.setattr("ntksim.store.arrays.BLOCK_BYTES", 1)
    collect(plan, journal, tmp_path / "b.zarr", cache_bytes=0)
    assert tree_bytes(tmp_path / "a.zarr") == tree_bytes(tmp_path / "b.zarr")


def test_the_report_names_the_store(tmp_path: Path, plan: StorePlan) -> None:
    report = collect(plan, Journal(tmp_path / "p.cells"), tmp_path / "new" / "p.zarr")
    assert isinstance(report, Collected)
    assert report.store == tmp_path / "new" / "p.zarr"
    assert set(SPECS) < set(plan.variables)
