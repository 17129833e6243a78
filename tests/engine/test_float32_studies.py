"""A study can say that its numbers are stored as float32; its cells are the same."""

from pathlib import Path

import numpy as np
import pytest
from ntksim.engine import check, run
from ntksim.registry import Registry
from ntksim.store import open_results
from ntksim.store.verify import verify
from ntksim.study import StudyError, load_study
from ntksim.study.schema import json_schema

from running_studies import recorded, write_study


def test_a_study_in_float32_and_back(tmp_path: Path) -> None:
    store = tmp_path / "small.zarr"
    run(write_study(tmp_path), store=store)
    before = recorded(store)
    with open_results(store) as tree:
        wide = tree["three_points-points4"].to_dataset()["prediction_test"].load()
    narrow = write_study(tmp_path, storage="float32")
    assert check(narrow, store=store).reasons == {"stored": 4}
    summary = run(narrow, store=store)
    assert (summary.computed, summary.counts) == (0, {"done": 4})
    assert recorded(store) == before
    assert verify(store).is_whole
    with open_results(store) as tree:
        assert tree.attrs["storage"] == "float32"
        found = tree["three_points-points4"].to_dataset()
        assert found["prediction_test"].dtype == np.float32
        np.testing.assert_array_equal(found["prediction_test"], wide.astype(np.float32))
        for name in ("time", "width", "x_train", "y_train", "x_test"):
            assert found[name].dtype == np.float64
    # What stays float32 is written once.
    stamp = (store / "zarr.json").stat().st_mtime_ns
    run(narrow, store=store)
    assert (store / "zarr.json").stat().st_mtime_ns == stamp
    run(write_study(tmp_path), store=store)
    with open_results(store) as tree:
        back = tree["three_points-points4"].to_dataset()["prediction_test"].load()
    assert back.identical(wide)


@pytest.mark.parametrize("value", ["float16", "Float32", 32, ["float32"]])
def test_other_ways_to_store_are_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(StudyError, match="is not a way to store numbers: float64 or float32"):
        load_study(write_study(tmp_path, storage=value))


def test_the_schema_knows_it() -> None:
    found = json_schema(Registry.load())["properties"]["storage"]
    assert found["enum"] == ["float64", "float32"]
    assert found["default"] == "float64"
