"""What every store has: the axes and the variables that are not a study's own, declared once."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ntksim.types import VariableSpec

FORMAT = 1
"""Version of the layout; a reader refuses a higher one."""

CONVENTIONS = "ntksim"

TIME_UNITS = "gradient-flow time"

CELL_AXES = ("dataset", "architecture", "width", "seed", "kernel", "solver")
"""Dimensions of the grid of cells, in the order of a ``CellIndex`` and of the root group. The group
of a dataset has all but the first."""

MISSING, DONE, FAILED, NOT_APPLICABLE = "missing", "done", "failed", "not applicable"

MEASURED: Mapping[str, VariableSpec] = {
    "diverged": VariableSpec((), "whether the solver diverged", dtype="bool"),
    "reached_time": VariableSpec(
        ("time",),
        "time that the solver really reached",
        units=TIME_UNITS,
        description="differs from time for solvers with discrete steps; NaN where not reached",
    ),
}
"""Variables that every record of a finished cell holds beside those that the study records."""

DESCRIBING: Mapping[str, VariableSpec] = {
    "status": VariableSpec(
        (),
        "state of the cell",
        dtype="string",
        description=f"{MISSING}, {DONE}, {FAILED} or {NOT_APPLICABLE}; where it is not {DONE}, "
        "numbers are NaN, or 0 and false where their type has no NaN",
    ),
    "message": VariableSpec(
        (),
        "what there is to say about the cell",
        dtype="string",
        description="note of the solver, error, or reason why the cell is not applicable",
    ),
    "wall_time": VariableSpec(
        (),
        "time taken to compute the cell",
        units="s",
        description=(
            "without the kernels and the data that it shares with other cells; with the training "
            "of its network, also where other cells share it"
        ),
    ),
    "cell_key": VariableSpec(
        (), "content hash of everything that determines the cell", dtype="string"
    ),
    "cell_record": VariableSpec(
        (),
        "what the record of the cell says beside its values",
        dtype="string",
        description="JSON: provenance, and type, shape and SHA-256 of each variable as recorded",
    ),
}
"""Variables that say what became of each position of the grid."""

AXIS_SPECS: Mapping[str, VariableSpec] = {
    "dataset": VariableSpec(("dataset",), "dataset", dtype="string"),
    "architecture": VariableSpec(("architecture",), "network architecture", dtype="string"),
    "width": VariableSpec(
        ("width",), "network width", description="infinity is the infinite-width limit"
    ),
    "seed": VariableSpec(("seed",), "index of the random initialisation", dtype="int64"),
    "kernel": VariableSpec(("kernel",), "kernel provider", dtype="string"),
    "solver": VariableSpec(("solver",), "evolution solver", dtype="string"),
    "time": VariableSpec(
        ("time",),
        "training time",
        units=TIME_UNITS,
        description="of gradient flow on L = 1/2 sum (f - y)^2; infinity is the limit",
    ),
}

DATA_NAMES: Mapping[str, str] = {
    "x_train": "training inputs",
    "y_train": "training targets",
    "x_test": "test inputs",
    "y_test": "test targets",
}

INDEX_NAMES: Mapping[str, str] = {
    "train_point": "index of the training point",
    "train_point_other": "index of the other training point",
    "test_point": "index of the test point",
    "test_point_other": "index of the other test point",
    "output": "index of the output",
    "mode": "index of the eigenvalue, largest first",
}

STORE_ATTRIBUTES = frozenset(
    {
        "conventions",
        "ntksim_store_format",
        "study",
        "description",
        "storage",
        "datasets",
        "summaries",
        "content_sha256",
        "tree_sha256",
    }
)
"""Root attributes that the store writes itself."""


def variable_attributes(spec: VariableSpec) -> dict[str, Any]:
    """Return the attributes of a variable; only numbers have units."""
    attributes = {"long_name": spec.long_name}
    if spec.dtype not in ("string", "bool"):
        attributes["units"] = spec.units
    if spec.description:
        attributes["description"] = spec.description
    return attributes


def index_attributes(dim: str) -> dict[str, Any]:
    """Return the attributes of a coordinate that only counts."""
    return {"long_name": INDEX_NAMES.get(dim, f"index along {dim}"), "units": "1"}


def name_attributes(dim: str) -> dict[str, Any]:
    """Return the attributes of a coordinate of names."""
    return {"long_name": dim.replace("_", " ")}


def plain_attribute(value: Any) -> str | int | float:
    """Return a value that every format has attributes for: text and numbers stay, others are JSON.

    Infinity and NaN become the words that Python's JSON uses.
    """
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
