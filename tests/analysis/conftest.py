"""A small store of predictors, and cells of which some failed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from ntksim import load_study, open_results, run

STUDY = {
    "study": "predictors",
    "description": "Predictors of shallow networks.",
    "dataset": [
        {"name": "three_points", "points": 11, "label": "points"},
        {"name": "digits", "classes": [3, 8], "train": 6, "test": 4, "label": "digits"},
    ],
    "architecture": "shallow_relu",
    "width": [32, 512, ".inf"],
    "seed": {"count": 4},
    "kernel": ["analytic", "empirical"],
    "solver": ["eigh", {"name": "network_gradient_descent", "max_steps": 60, "label": "trained"}],
    "time": [0, 0.001, 1, 2],
    "record": ["predictions", "loss", "loss_bounds", "label_bounds", "loss_rate", "spectrum"],
}


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the store of ``STUDY``."""
    path = tmp_path_factory.mktemp("analysis") / "predictors.zarr"
    widths = [np.inf if width == ".inf" else width for width in STUDY["width"]]
    summary = run(load_study(STUDY | {"width": widths}), store=path)
    assert not summary.counts.get("failed"), summary.counts
    return path


@pytest.fixture(scope="session")
def tree(store: Path) -> Iterator[xr.DataTree]:
    """Return the store, open."""
    with open_results(store) as opened:
        yield opened.load()


@pytest.fixture
def points(tree: xr.DataTree) -> xr.Dataset:
    """Return what the store holds of one dataset."""
    return tree.ntk.dataset("points")  # type: ignore[attr-defined]


@pytest.fixture
def failing() -> xr.Dataset:
    """Return cells at two widths and three seeds, of which one failed and one is missing."""
    status = np.array([["done", "done", "done"], ["done", "failed", "missing"]], dtype=object)
    return xr.Dataset(
        {
            "status": (("width", "seed"), status),
            "message": (("width", "seed"), np.where(status == "done", "", "why")),
            "wall_time": (("width", "seed"), np.ones((2, 3))),
            "steps": (("width", "seed"), np.array([[1, 2, 6], [4, 0, 0]])),
            "diverged": (("width", "seed"), np.array([[True, False, True], [True, False, False]])),
            "loss": (
                ("width", "seed"),
                np.array([[1.0, 2.0, 6.0], [4.0, np.nan, np.nan]]),
                {"long_name": "loss", "units": "m"},
            ),
        },
        coords={"width": [8.0, 16.0], "seed": [0, 1, 2]},
    )
