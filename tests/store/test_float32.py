"""float32 is for who asks: rounded only where it holds the values, and said in the metadata."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, strategies as st
from ntksim.store import CellRecord, Journal
from ntksim.store.adopt import adopt
from ntksim.store.collect import collect
from ntksim.store.current import counts_if_current
from ntksim.store.narrow import fits_float32
from ntksim.store.verify import verify

from store.store_examples import example_journal, example_plan, example_record, tree_bytes


def test_variables_are_rounded_and_everything_else_is_as_it_was(tmp_path: Path) -> None:
    plan, narrow = example_plan(), example_plan(storage="float32")
    journal = example_journal(tmp_path / "p.cells", plan)
    before = {path.name: path.read_bytes() for path in journal.folder.iterdir()}
    collect(plan, journal, tmp_path / "wide.zarr")
    collect(narrow, journal, tmp_path / "narrow.zarr")
    assert verify(tmp_path / "narrow.zarr").is_whole
    wide = xr.open_datatree(tmp_path / "wide.zarr", engine="zarr").load()
    found = xr.open_datatree(tmp_path / "narrow.zarr", engine="zarr").load()
    assert (wide.attrs["storage"], found.attrs["storage"]) == ("float64", "float32")
    rounded = set()
    for path in ("/", "digits", "images"):
        for name, variable in wide[path].to_dataset().variables.items():
            other = found[path].to_dataset()[name]
            if name in plan.specs and variable.dtype == np.float64:
                assert other.dtype == np.float32
                np.testing.assert_array_equal(other.values, variable.values.astype(np.float32))
                rounded.add(name)
            else:
                assert other.dtype == variable.dtype
                xr.testing.assert_identical(other.variable, variable)
    assert rounded == set(plan.specs) - {"steps", "is_stable"}
    # The journal knows nothing of it: going back costs nothing.
    assert {path.name: path.read_bytes() for path in journal.folder.iterdir()} == before
    collect(plan, journal, tmp_path / "narrow.zarr")
    assert tree_bytes(tmp_path / "narrow.zarr") == tree_bytes(tmp_path / "wide.zarr")


def test_it_is_part_of_what_makes_a_store_current(tmp_path: Path) -> None:
    plan, narrow = example_plan(), example_plan(storage="float32")
    journal = example_journal(tmp_path / "p.cells", plan)
    collect(plan, journal, tmp_path / "p.zarr")
    assert counts_if_current(plan, journal, tmp_path / "p.zarr") is not None
    assert counts_if_current(narrow, journal, tmp_path / "p.zarr") is None


@pytest.mark.parametrize("value", [1e39, -1e300, 1e-39, 5e-324, np.nextafter(2.0**-126, 0)])
def test_a_variable_with_a_value_that_float32_cannot_hold_stays_as_it_is(
    tmp_path: Path, value: float
) -> None:
    plan = example_plan(storage="float32")
    journal = example_journal(tmp_path / "p.cells", plan)
    record = example_record(plan, (0, 0, 0, 0, 1, 0))
    loss = np.array([1.0, value, 0.0])
    variables = {**record.variables, "loss_test": loss}
    journal.write(CellRecord(record.key, "done", variables, record.info))
    collect(plan, journal, tmp_path / "p.zarr")
    root = xr.open_zarr(tmp_path / "p.zarr").load()
    assert root.loss_test.dtype == np.float64
    cell = root.isel(dataset=0, architecture=0, width=0, seed=0, kernel=1, solver=0)
    np.testing.assert_array_equal(cell.loss_test.values, loss)
    assert root.accuracy_test.dtype == np.float32


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_what_fits_keeps_its_digits_and_nothing_else_fits(value: float) -> None:
    with np.errstate(over="ignore", under="ignore"):
        rounded = float(np.float32(value))
    if not np.isfinite(value):
        assert fits_float32(np.array([value]))
        return
    # Rounding to the nearest of 24 bits: at most half of the last one.
    is_close = np.isfinite(rounded) and abs(rounded - value) <= abs(value) * 2.0**-24
    if fits_float32(np.array([value])):
        assert is_close
    else:
        # Some of those that do not fit are multiples of the smallest numbers by luck.
        assert not is_close or abs(value) < 2.0**-126 or abs(value) > 3.4028234e38


def test_a_rounded_store_does_not_give_back_records(tmp_path: Path) -> None:
    plan = example_plan(storage="float32")
    journal = example_journal(tmp_path / "p.cells", plan)
    keys = journal.keys()
    collect(plan, journal, tmp_path / "p.zarr")
    # What was rounded is not what was recorded: the cells would be computed again.
    found = adopt(tmp_path / "p.zarr", Journal(tmp_path / "other.cells"))
    assert found.restored == frozenset()
    assert found.lost == keys
