"""Small plans and records from which the tests of the store are made."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from ntksim.store import CellIndex, CellRecord, Journal, NotApplicable, StorePlan
from ntksim.types import Dataset, VariableSpec

SPECS = {
    "loss_test": VariableSpec(("time",), "loss on the test points", description="half sum"),
    "accuracy_test": VariableSpec(("time",), "accuracy on the test points"),
    "layer_norm": VariableSpec(("layer",), "norm of the change of each layer"),
    "prediction_test": VariableSpec(("time", "test_point", "output"), "outputs on test points"),
    "ntk_train": VariableSpec(("train_point", "train_point_other"), "tangent kernel"),
    "eigenvalue": VariableSpec(("mode",), "eigenvalues of the tangent kernel"),
    "steps": VariableSpec((), "number of steps", dtype="int64"),
    "is_stable": VariableSpec((), "whether the step was stable", dtype="bool"),
}


def key_of(*what: object) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()


def dataset(seed: int, train: int, test: int, outputs: int, shape: tuple[int, ...]) -> Dataset:
    rng = np.random.default_rng(seed)
    return Dataset(
        rng.normal(size=(train, *shape)),
        rng.normal(size=(train, outputs)),
        rng.normal(size=(test, *shape)),
        rng.normal(size=(test, outputs)),
        classification=outputs > 1,
        provenance={"source": f"generator {seed}"},
    )


def example_plan(**changes: Any) -> StorePlan:
    """Two datasets of different sizes and outputs, a shared and an impossible cell."""
    datasets = {"digits": dataset(1, 5, 3, 2, (4,)), "images": dataset(2, 3, 2, 1, (2, 3, 1))}
    width = (10.0, 1000.0, math.inf)
    kernel = ("analytic", "empirical")
    cells: dict[CellIndex, str | NotApplicable] = {}
    for d, label in enumerate(datasets):
        for w, value in enumerate(width):
            for s in range(2):
                for k, name in enumerate(kernel):
                    index = (d, 0, w, s, k, 0)
                    if name == "analytic":
                        # An analytic kernel depends neither on the width nor on the seed.
                        cells[index] = key_of(label, name)
                    elif math.isinf(value):
                        cells[index] = NotApplicable("an infinite network has no empirical kernel")
                    else:
                        cells[index] = key_of(label, value, s, name)
    content: dict[str, Any] = {
        "name": "predictors",
        "description": "Two predictors.",
        "attributes": {
            "study_source": "study: predictors\n",
            "study": None,
            "versions": {"ntksim": "0.1.0", "numpy": "2"},
        },
        "dataset": tuple(datasets),
        "architecture": ("mlp-relu-3",),
        "width": width,
        "seed": (0, 7),
        "kernel": kernel,
        "solver": ("eigh",),
        "time": (0.0, 0.5, math.inf),
        "datasets": datasets,
        "specs": SPECS,
        "cells": cells,
        "descriptions": {"architecture": {"mlp-relu-3": "three hidden layers"}},
    }
    del content["attributes"]["study"]
    return StorePlan(**{**content, **changes})


def small_plan(**changes: Any) -> StorePlan:
    """One dataset, four cells of one variable each in root and group."""
    content: dict[str, Any] = {
        "name": "small",
        "dataset": ("d",),
        "architecture": ("mlp",),
        "width": (1.0, 2.0),
        "seed": (0, 1),
        "kernel": ("analytic",),
        "solver": ("eigh",),
        "time": (0.0, 1.0),
        "datasets": {"d": dataset(0, 3, 1, 1, (2,))},
        "specs": {name: SPECS[name] for name in ("loss_test", "eigenvalue")},
        "cells": {(0, 0, w, s, 0, 0): key_of("small", w, s) for w in range(2) for s in range(2)},
    }
    return StorePlan(**{**content, **changes})


def example_record(
    plan: StorePlan,
    index: CellIndex,
    status: Any = "done",
    lengths: dict[str, int] | None = None,
) -> CellRecord:
    """A record for a position of the grid, the same whenever it is made."""
    key = plan.cells[index]
    assert isinstance(key, str)
    wall_time = int(key[:4], 16) / 1024
    if status == "failed":
        info = {"wall_time": wall_time, "error": "ValueError: no", "traceback": "Traceback …"}
        return CellRecord(key, "failed", {}, info)
    rng = np.random.default_rng(int(key[:8], 16))
    sizes = {
        "layer": 2 + index[0],
        "mode": 2 + index[4],
        **(lengths or {}),
        **plan.fixed_sizes(plan.dataset[index[0]]),
    }
    variables: dict[str, np.ndarray] = {
        "diverged": np.array(bool(index[3])),
        "reached_time": np.array(plan.time),
    }
    for name, spec in plan.specs.items():
        values = rng.normal(size=tuple(sizes[dim] for dim in spec.dims))
        variables[name] = np.asarray(values * 10).astype(spec.dtype)
    info = {"wall_time": wall_time, "note": f"cell {key[:4]}", "versions": {"numpy": "2"}}
    return CellRecord(key, "done", variables, info)


def example_records(plan: StorePlan) -> dict[str, CellRecord]:
    """One record for each key of a plan, made for its first position."""
    records: dict[str, CellRecord] = {}
    for index in sorted(plan.cells):
        key = plan.cells[index]
        if isinstance(key, str) and key not in records:
            records[key] = example_record(plan, index)
    return records


def example_journal(folder: Path, plan: StorePlan) -> Journal:
    """A journal that holds every cell of a plan."""
    journal = Journal(folder)
    for record in example_records(plan).values():
        journal.write(record)
    return journal


def tree_bytes(folder: Path) -> dict[str, bytes]:
    """The files of a folder with their content."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def assert_same_record(left: CellRecord, right: CellRecord) -> None:
    assert (left.key, left.status, left.info) == (right.key, right.status, right.info)
    assert left.variables.keys() == right.variables.keys()
    for name, value in left.variables.items():
        other = right.variables[name]
        assert (value.dtype, value.shape) == (other.dtype, other.shape), name
        assert value.tobytes() == other.tobytes(), name
