"""A cell has the same bytes wherever, in whatever order and in whatever company it is computed."""

from pathlib import Path
from typing import Any

import pytest
from ntksim.engine import inprocess, run

from running_studies import recorded, write_study

pytestmark = pytest.mark.workers

GRID: dict[str, Any] = {
    "dataset": [
        {"name": "three_points", "points": 4},
        {"name": "digits", "classes": [3, 8], "train": 20, "test": 10},
    ],
    "architecture": ["shallow_relu", {"name": "mlp", "depth": 2, "activation": "erf"}],
    "width": [8, 16],
    "seed": {"count": 2},
    "kernel": ["analytic", "empirical", {"name": "monte_carlo", "samples": 18}],
    "solver": ["eigh", {"name": "network_gradient_descent", "learning_rate": 0.001}],
    "time": [0, 0.01, 0.1],
    "record": ["predictions", "loss", "spectrum"],
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The records of the grid, computed in this process."""
    folder = tmp_path_factory.mktemp("reference")
    assert run(write_study(folder, **GRID), store=folder / "small.zarr").is_complete
    found = recorded(folder / "small.zarr")
    # Everything varies: the spectrum that is recorded also with a trained network is the kernel's.
    assert len(found) == 2 * 2 * 2 * 2 * 3 * 2
    return found


def test_again(tmp_path: Path, reference: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    # In other portions.
    monkeypatch.setattr(inprocess, "CELLS_AT_ONCE", 7)
    assert run(write_study(tmp_path, **GRID), store=tmp_path / "small.zarr").is_complete
    assert recorded(tmp_path / "small.zarr") == reference


@pytest.mark.usefixtures("two_cores")
def test_two_workers(tmp_path: Path, reference: dict[str, Any]) -> None:
    summary = run(write_study(tmp_path, **GRID), store=tmp_path / "small.zarr", workers=2)
    assert summary.is_complete
    assert recorded(tmp_path / "small.zarr") == reference


def test_other_order(tmp_path: Path, reference: dict[str, Any]) -> None:
    shuffled = {
        key: value[::-1] if isinstance(value, list) else value for key, value in GRID.items()
    }
    study = write_study(tmp_path, **shuffled | {"seed": [1, 0], "time": GRID["time"]})
    assert run(study, store=tmp_path / "small.zarr").is_complete
    # The order of what is recorded is part of the study; the same variables have the same bytes.
    assert _by_content(recorded(tmp_path / "small.zarr")) == _by_content(reference)


def test_part_of_the_grid(tmp_path: Path, reference: dict[str, Any]) -> None:
    part = GRID | {"dataset": GRID["dataset"][1], "width": 16, "seed": [1]}
    assert run(write_study(tmp_path, **part), store=tmp_path / "small.zarr").is_complete
    found = recorded(tmp_path / "small.zarr")
    assert len(found) == 2 * 3 * 2
    assert {key: reference.get(key) for key in found} == found


def test_piece_by_piece(tmp_path: Path, reference: dict[str, Any]) -> None:
    for seed, width, kernel in ((1, 16, 2), (0, 16, 1), (1, 8, 0)):
        part = {"width": width, "seed": [seed], "kernel": GRID["kernel"][kernel]}
        study = write_study(tmp_path, **GRID | part | {"dataset": GRID["dataset"][0]})
        assert run(study, store=tmp_path / "small.zarr").is_complete
    found = recorded(tmp_path / "small.zarr")
    assert len(found) == 3 * 2 * 2
    assert {key: reference.get(key) for key in found} == found


def _by_content(records: dict[str, Any]) -> list[Any]:
    return sorted(sorted(record.items()) for record in records.values())
