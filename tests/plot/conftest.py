"""Small stores of every sort that there are pictures of, made once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import xarray as xr
from ntksim import open_results, plot, run
from ntksim.study import load_study

mpl.use("Agg")

POINTS = {"name": "three_points", "points": 21, "label": "points"}
TIMES = [0, 0.1, 1, 10, 1000, math.inf]

STUDIES: dict[str, dict[str, Any]] = {
    # Everything about a function of one input: a width and the limit, seeds, two kernels.
    "line": {
        "dataset": POINTS,
        "width": [32, math.inf],
        "seed": {"count": 3},
        "kernel": ["analytic", "empirical"],
        "time": TIMES,
        "record": ["predictions", "residuals", "loss", "loss_bounds", "spectrum", "kernel"],
    },
    # True and random labels of the same images.
    "labels": {
        "dataset": [
            {"name": "digits", "classes": [3, 8], "train": 30, "test": 20, "label": "true"},
            {
                "name": "digits",
                "classes": [3, 8],
                "train": 30,
                "test": 20,
                "labels": "random",
                "label": "random",
            },
        ],
        "width": math.inf,
        "kernel": "analytic",
        "initial_output": "zero",
        "time": TIMES,
        "record": ["loss", "accuracy", "spectrum"],
    },
    "process": {
        "dataset": POINTS,
        "width": math.inf,
        "kernel": "analytic",
        "time": [0, 0.1, 1, 3, 10, 30, 100, math.inf],
        "record": ["predictions", "variance"],
    },
    "predictors": {
        "dataset": POINTS,
        "width": [16, 32],
        "kernel": ["analytic", "empirical"],
        "solver": [
            "eigh",
            {"name": "network_gradient_descent", "max_steps": 300, "label": "trained"},
        ],
        "time": [0, 1, 10],
        "record": ["predictions", "full_predictions", "loss"],
    },
    "motion": {
        "dataset": POINTS,
        "width": 32,
        "seed": {"count": 2},
        "kernel": "empirical",
        "time": [0, 0.1, 1, 100],
        "record": [
            "loss",
            "parameter_theory",
            {"name": "parameters", "select": ["0.weight[0,0]", "1.bias[0]"]},
        ],
    },
    "laws": {
        "dataset": POINTS,
        "width": [16, 64, 256],
        "seed": {"count": 4},
        "kernel": "empirical",
        "time": [0, 100],
        "record": ["ntk_distance_train", "parameter_motion_rms_layer"],
    },
    "field": {
        "dataset": {"name": "circle", "train": 2, "test": 0, "label": "circle"},
        "architecture": {"name": "shallow_relu", "append_one": False, "output_bias": "none"},
        "width": math.inf,
        "kernel": "analytic",
        "time": [0],
        "record": [{"name": "kernel_field", "points": 15, "angles": 37}],
    },
    # Networks of two activations that differ in depth only.
    "depths": {
        "dataset": {"name": "digits", "classes": [0, 8], "train": 6, "test": 4, "label": "digits"},
        "architecture": [
            *({"name": "mlp", "depth": d, "label": f"relu {d}"} for d in (1, 8, 64)),
            *(
                {"name": "mlp", "activation": "erf", "weight_std": 2.5, "depth": d}
                | {"label": f"erf chaotic {d}"}
                for d in (1, 8)
            ),
        ],
        "width": math.inf,
        "kernel": "analytic",
        "time": [0, math.inf],
        "record": ["spectrum", "kernel", "predictions"],
    },
    # Two draws each of three numbers of points.
    "curves": {
        "dataset": [
            {"name": "sphere", "dimension": 5, "degree": 2, "noise": 0.1, "test": 30}
            | {"train": n, "seed": seed, "label": f"{n} points {seed}"}
            for n in (5, 10, 20)
            for seed in (0, 1)
        ],
        "architecture": {"name": "shallow_relu", "append_one": False, "output_bias": "none"},
        "width": math.inf,
        "kernel": "analytic",
        "time": [0, math.inf],
        "record": ["loss", {"name": "learning_curve", "degree": 2, "noise": 0.1}],
    },
    "exact": {
        "dataset": [
            {"name": "circle", "train": 8, "test": 0, "label": "circle"},
            {"name": "sphere", "dimension": 3, "train": 5, "test": 0, "label": "sphere"},
        ],
        "architecture": [
            {"name": "shallow_relu", "append_one": False, "output_bias": "none"} | more
            for more in ({"label": "both"}, {"trained": "first", "label": "first layer"})
        ],
        "width": math.inf,
        "kernel": "analytic",
        "time": [0],
        "record": ["spectrum", "circle_spectrum", "harmonics"],
    },
    # A learning rate that is stable, and one in the catapult window.
    "rates": {
        "dataset": {"name": "linear_teacher", "dimension": 5, "train": 10, "test": 5},
        "architecture": {"name": "shallow_relu", "append_one": False, "output_bias": "none"},
        "width": 64,
        "seed": {"count": 2},
        "kernel": "empirical",
        "solver": [
            {"name": "network_gradient_descent", "learning_rate": rate, "label": f"rate {rate}"}
            for rate in (0.05, 0.3)
        ],
        "time": [0, 0.5, 1, 2, 5],
        "record": ["loss", "kernel_drift"],
    },
    # Steps of 0.3, which are at none of the times but the first.
    "stepped": {
        "dataset": POINTS,
        "width": math.inf,
        "kernel": "analytic",
        "solver": {"name": "gradient_descent", "learning_rate": 0.3},
        "time": [0, 0.1, 0.5, 1, 2, 5],
        "record": ["predictions"],
    },
    "many": {
        "dataset": POINTS,
        "width": 64,
        "seed": {"count": 24},
        "kernel": ["empirical", "analytic"],
        "time": [0, 1, 10],
        "record": ["predictions", "variance"],
    },
    "velocity": {
        "dataset": POINTS,
        "width": [32],
        "seed": {"count": 2},
        "kernel": "empirical",
        "time": [0],
        "record": ["initial_velocity"],
    },
}


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function from the name of a study above to its store, run when first asked for."""
    folder = tmp_path_factory.mktemp("stores")
    made: dict[str, Path] = {}

    def store(name: str) -> Path:
        if name not in made:
            study = {"study": name, "architecture": "shallow_relu", "solver": "eigh"}
            summary = run_study(study | STUDIES[name], folder / f"{name}.zarr")
            assert not summary.counts.get("failed")
            made[name] = summary.store
        return made[name]

    return store


@pytest.fixture(scope="session")
def trees(stores: Callable[[str], Path]) -> Iterator[Callable[[str], xr.DataTree]]:
    """Return a function from the name of a study to its open store."""
    opened: dict[str, xr.DataTree] = {}

    def tree(name: str) -> xr.DataTree:
        if name not in opened:
            opened[name] = open_results(stores(name)).load()
        return opened[name]

    yield tree
    for each in opened.values():
        each.close()


@pytest.fixture(scope="session")
def read(trees: Callable[[str], xr.DataTree]) -> Callable[..., xr.Dataset]:
    """Return a function from a study, and the label of a dataset, to what is stored, in memory."""
    known: dict[tuple[str, str | None], xr.Dataset] = {}

    def dataset(name: str, label: str | None = None) -> xr.Dataset:
        key = (name, label)
        if key not in known:
            known[key] = plot.read_dataset(trees(name), label)
        return known[key].copy()

    return dataset


def run_study(study: dict[str, Any], store: Path) -> Any:
    return run(load_study(study), store=store)


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")
