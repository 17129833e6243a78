"""What a store says over its whole grid: computed when it is collected, from what it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr
from ntksim.laws import SeedVariance, SizeLaw, WidthLaw
from ntksim.store import Journal, StorePlan
from ntksim.store.adopt import adopt
from ntksim.store.collect import collect
from ntksim.store.verify import verify
from ntksim.types import Array, Dataset, GridAxis, GridScales, Summary, VariableSpec

from store.store_examples import (
    SPECS,
    assert_same_record,
    example_journal,
    example_plan,
    example_record,
    example_records,
    small_plan,
    tree_bytes,
)


@dataclass(frozen=True)
class Mean(Summary):
    """Means over some axes, one of which may be kept."""

    over: ClassVar[tuple[GridAxis, ...]] = ("width", "seed")

    of: str
    dims: tuple[str, ...] = ()

    def variables(self, spec: VariableSpec, scales: GridScales) -> Mapping[str, VariableSpec]:
        del scales
        return {f"{self.of}_mean": VariableSpec(self.dims or spec.dims, "mean")}

    def summarise(self, values: Array, scales: GridScales) -> Mapping[str, Array]:
        assert values.shape[:2] == (len(scales.width), len(scales.seed))
        kept = values.mean(axis=1) if "width" in self.dims else values.mean(axis=(0, 1))
        return {f"{self.of}_mean": kept}


@dataclass(frozen=True)
class MeanOfData(Mean):
    """A mean over datasets."""

    over: ClassVar[tuple[GridAxis, ...]] = ("dataset", "seed")

    def summarise(self, values: Array, scales: GridScales) -> Mapping[str, Array]:
        assert values.shape[:2] == (len(scales.train_points), len(scales.seed))
        return {f"{self.of}_mean": values.mean(axis=(0, 1))}


def collected(plan: StorePlan, folder: Path) -> tuple[xr.Dataset, dict[str, xr.Dataset]]:
    collect(plan, example_journal(folder / "p.cells", plan), folder / "p.zarr")
    root = xr.open_zarr(folder / "p.zarr", chunks=None).load()
    groups = {label: xr.open_zarr(folder / "p.zarr", group=label).load() for label in plan.dataset}
    return root, groups


def test_a_summary_is_of_the_stored_values_at_every_other_position(tmp_path: Path) -> None:
    plan = example_plan(summaries=(Mean("loss_test"), Mean("eigenvalue"), Mean("layer_norm")))
    root, groups = collected(plan, tmp_path)
    assert root.loss_test_mean.dims == ("dataset", "architecture", "kernel", "solver", "time")
    for name in ("loss_test", "layer_norm"):
        expected = root[name].mean(("width", "seed"), skipna=False)
        xr.testing.assert_equal(
            root[f"{name}_mean"], expected.transpose(*root[f"{name}_mean"].dims)
        )
    for group in groups.values():
        assert group.eigenvalue_mean.dims == ("architecture", "kernel", "solver", "mode")
        expected = group.eigenvalue.mean(("width", "seed"), skipna=False)
        xr.testing.assert_equal(group.eigenvalue_mean, expected)
    assert json.loads(root.attrs["summaries"])["loss_test_mean"] == "loss_test"


def test_an_axis_that_is_kept_stands_in_the_order_of_the_grid(tmp_path: Path) -> None:
    """Of a variable of each dataset, said in the root because it has no points."""
    plan = example_plan(
        summaries=(SeedVariance("prediction_test", named="spread"),), seed=(0, 7, 8)
    )
    root, groups = collected(plan, tmp_path)
    dims = ("dataset", "architecture", "width", "kernel", "solver", "time")
    assert root.spread.dims == dims
    for label, group in groups.items():
        # Of the three seeds one was never computed.
        expected = group.prediction_test.var("seed", ddof=1).mean(("test_point", "output"))
        there = group.prediction_test.isel(output=0, test_point=0, seed=0, drop=True).notnull()
        expected = expected.where(there)
        found = root.spread.sel(dataset=label, drop=True)
        xr.testing.assert_allclose(found, expected.transpose(*found.dims), rtol=1e-12)
        assert "spread" not in group
    plan = small_plan(summaries=(Mean("loss_test", ("width", "time")),))
    collect(plan, example_journal(tmp_path / "s.cells", plan), tmp_path / "s.zarr")
    small = xr.open_zarr(tmp_path / "s.zarr").load()
    xr.testing.assert_equal(small.loss_test_mean, small.loss_test.mean("seed"))


def test_a_summary_over_datasets_stands_in_the_root(tmp_path: Path) -> None:
    plan = example_plan(summaries=(MeanOfData("loss_test"),))
    root, _ = collected(plan, tmp_path)
    assert root.loss_test_mean.dims == ("architecture", "width", "kernel", "solver", "time")
    xr.testing.assert_equal(
        root.loss_test_mean, root.loss_test.mean(("dataset", "seed"), skipna=False)
    )


def test_many_times_are_taken_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = example_plan(summaries=(Mean("loss_test"), Mean("prediction_test"), Mean("steps")))
    whole = collected(plan, tmp_path / "whole")
    monkeypatch.setattr("ntksim.store.across.BLOCK_BYTES", 1)
    parts = collected(plan, tmp_path / "parts")
    xr.testing.assert_identical(whole[0].drop_attrs(deep=False), parts[0].drop_attrs(deep=False))
    for label in plan.dataset:
        xr.testing.assert_identical(whole[1][label], parts[1][label])


def test_a_missing_or_failed_cell_does_not_spoil_a_law(tmp_path: Path) -> None:
    """Values that follow a law at every position but two, which have none."""
    specs = {"gap": VariableSpec((), "gap")}
    plan = small_plan(specs=specs, width=(1.0, 4.0, 16.0, 64.0), summaries=(WidthLaw("gap"),))
    cells = {(0, 0, w, s, 0, 0): f"{w}{s}ab" for w in range(4) for s in range(2)}
    plan = small_plan(specs=specs, width=plan.width, summaries=plan.summaries, cells=cells)
    journal = Journal(tmp_path / "s.cells")
    for index in plan.cells:
        if index == (0, 0, 1, 0, 0, 0):
            continue
        status = "failed" if index == (0, 0, 3, 1, 0, 0) else "done"
        record = example_record(plan, index, status)
        if status == "done":
            value = 3.0 * plan.width[index[2]] ** -0.5
            changed = {**record.variables, "gap": np.array(value)}
            record = type(record)(record.key, "done", changed, record.info)
        journal.write(record)
    collect(plan, journal, tmp_path / "s.zarr")
    root = xr.open_zarr(tmp_path / "s.zarr").load().squeeze()
    assert root.gap.isnull().sum() == 2
    np.testing.assert_allclose(root.gap_width_exponent, -0.5, rtol=1e-14)
    assert root.gap_width_exponent_standard_error < 1e-14


def test_summaries_are_the_same_bytes_again_and_verified(tmp_path: Path) -> None:
    plan = example_plan(summaries=(Mean("loss_test"), Mean("eigenvalue")))
    journal = example_journal(tmp_path / "p.cells", plan)
    collect(plan, journal, tmp_path / "p.zarr")
    first = tree_bytes(tmp_path / "p.zarr")
    collect(plan, journal, tmp_path / "q.zarr")
    assert tree_bytes(tmp_path / "q.zarr") == first
    assert verify(tmp_path / "p.zarr").is_whole
    (chunk,) = (tmp_path / "p.zarr" / "loss_test_mean").glob("c.*")
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    assert verify(tmp_path / "p.zarr").damaged == (f"loss_test_mean/{chunk.name}",)


def test_a_store_with_summaries_gives_its_records_back(tmp_path: Path) -> None:
    plan = example_plan(summaries=(Mean("loss_test"), Mean("eigenvalue")))
    collect(plan, example_journal(tmp_path / "p.cells", plan), tmp_path / "p.zarr")
    other = Journal(tmp_path / "other.cells")
    adopt(tmp_path / "p.zarr", other)
    for key, record in example_records(plan).items():
        assert_same_record(other.read(key), record)


def test_what_is_not_recorded_has_no_summary(tmp_path: Path) -> None:
    plan = small_plan(summaries=(Mean("accuracy_test"),))
    assert plan.summarised == []
    root, _ = collected(plan, tmp_path)
    assert "accuracy_test_mean" not in root


@dataclass(frozen=True)
class Named(Mean):
    """A mean under any name."""

    name: str = ""

    def variables(self, spec: VariableSpec, scales: GridScales) -> Mapping[str, VariableSpec]:
        (own,) = super().variables(spec, scales).values()
        return {self.name: own}


@pytest.mark.parametrize(
    ("summaries", "message"),
    [
        ((Named("loss_test", name="eigenvalue"),), "'eigenvalue' is stored twice"),
        ((Mean("loss_test"), Named("steps", name="loss_test_mean")), "stored twice: by a summary"),
        ((Named("loss_test", name="status"),), "'status' is the name of something else"),
        ((Named("loss_test", name="a/b"),), "cannot be the name"),
        ((Named("loss_test", ("mode",), name="a"),), "has the dimensions"),
        ((MeanOfData("eigenvalue"),), "differ between datasets"),
        ((SizeLaw("prediction_test"),), "differ between datasets"),
    ],
)
def test_a_summary_that_cannot_be_stored_is_refused(
    summaries: tuple[Summary, ...], message: str
) -> None:
    data = example_plan().datasets["digits"]
    # Of three sizes, so that a law over datasets applies.
    datasets = {
        str(n): Dataset(data.x_train[:n], data.y_train[:n], data.x_test, data.y_test)
        for n in (1, 2, 3)
    }
    with pytest.raises(ValueError, match=message):
        small_plan(
            specs=SPECS, dataset=tuple(datasets), datasets=datasets, cells={}, summaries=summaries
        )
