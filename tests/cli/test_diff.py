"""``ntksim diff``: what differs between two stores, and nothing else."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from click.testing import CliRunner, Result
from ntksim.cli import main

STUDY: dict[str, Any] = {
    "study": "first",
    "dataset": {"name": "three_points", "points": 5, "label": "three_points"},
    "architecture": ["shallow_relu", {"name": "mlp", "depth": 2, "label": "mlp"}],
    "width": [4, 8],
    "seed": [0, 1],
    "time": [0, 1, 10],
    "kernel": "empirical",
    "solver": "eigh",
    "record": ["predictions", "loss"],
}


def run(folder: Path, name: str, **changes: Any) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(STUDY | {"study": name} | changes), encoding="utf-8")
    store = folder / f"{name}.zarr"
    done = CliRunner().invoke(main, ["run", str(path), "--store", str(store)])
    assert done.exit_code == 0, done.output
    return store


def diff(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["diff", *map(str, arguments)])


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("first"), "first")


def test_the_same_study_run_twice(first: Path, tmp_path: Path) -> None:
    again = run(tmp_path, "first")
    shown = diff(first, again)
    assert shown.exit_code == 0, shown.output
    assert "the same" in shown.output
    assert diff(first, first).exit_code == 0


def test_another_option_and_another_grid(first: Path, tmp_path: Path) -> None:
    second = run(
        tmp_path,
        "second",
        architecture=["shallow_relu", {"name": "mlp", "depth": 3, "label": "mlp"}],
        width=[4, 16],
        time=[0, 1, 20],
        record=["predictions"],
    )
    shown = diff(first, second)
    assert shown.exit_code == 1
    assert "architecture[mlp].depth: 2 → 3" in shown.output
    assert "none differs" not in shown.output
    assert "width: only the first has 8" in shown.output
    assert "width: only the second has 16" in shown.output
    assert "time: only the second has 20" in shown.output
    assert "only the first has loss_test, loss_train" in shown.output
    found = json.loads(diff(first, second, "--json").output)
    assert found["axes"] == {"width": [["8"], ["16"]], "time": [["10"], ["20"]]}
    places = {number["variable"]: number for number in found["numbers"]}
    # The shallow network is the same in both, the deeper one differs at the shared positions only:
    # 1 width, 2 seeds, 2 times.
    name = "three_points/prediction_train"
    a, b = (xarray.open_zarr(store, group="three_points") for store in (first, second))
    shared = {"architecture": "mlp", "width": 4.0, "time": [0.0, 1.0]}
    gap = a.prediction_train.sel(shared) - b.prediction_train.sel(shared)
    assert places[name]["differing"] == int((gap != 0).sum())
    assert places[name]["largest"] == float(abs(gap).max())
    assert "architecture mlp" in places[name]["where"]
    # Positions that only one grid has are no differences: 2 architectures, 1 width, 2 seeds,
    # 1 kernel and solver, 2 times, 3 points.
    assert places[name]["compared"] == 2 * 1 * 2 * 2 * 3


def test_tolerance_is_relative_to_the_largest_magnitude(first: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.zarr"
    shutil.copytree(first, changed)
    loss = xarray.open_zarr(first).loss_train.load()
    index = int(np.nanargmax(loss.values))
    loss.values.ravel()[index] *= 1 + 1e-6
    loss.drop_encoding().to_dataset().drop_encoding().to_zarr(changed, mode="r+")
    assert diff(first, changed, "--tolerance", "1e-5").exit_code == 0
    shown = diff(first, changed, "--tolerance", "1e-7")
    assert shown.exit_code == 1
    assert "1 of 24 values differ" in shown.output


def test_a_value_that_is_in_one_store_only_is_never_tolerated(first: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.zarr"
    shutil.copytree(first, changed)
    loss = xarray.open_zarr(first).loss_train.load()
    loss.values.ravel()[3] = np.nan
    loss.drop_encoding().to_dataset().drop_encoding().to_zarr(changed, mode="r+")
    shown = diff(first, changed, "--tolerance", "10")
    assert shown.exit_code == 1
    assert "1 are there in one store only" in shown.output


def test_what_is_no_store_is_refused(first: Path, tmp_path: Path) -> None:
    refused = diff(first, tmp_path)
    assert refused.exit_code == 3
    assert "Traceback" not in refused.output
    assert diff(first).exit_code == 2
