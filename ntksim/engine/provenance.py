"""What a store says about how its numbers came to be."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

from ntksim.store import NotApplicable as NotStored, StorePlan
from ntksim.study import AXES, NotApplicable, Plan, Study
from ntksim.types import VariableSpec

LIBRARIES = ("numpy", "scipy", "xarray", "zarr", "dask", "distributed", "scikit-learn", "pydantic")
"""Libraries whose versions are stored, beside those of the plugins."""


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that have a part in the numbers."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            found[library] = ""
    return found


def store_plan(study: Study, plan: Plan) -> StorePlan:
    """Describe the store of a study: axes, data, variables, and which cell stands where."""
    axes: dict[str, Any] = {
        axis: tuple(value.label for value in study.axes[axis])
        for axis in ("dataset", "architecture", "kernel", "solver")
    }
    axes |= {axis: tuple(value.value for value in study.axes[axis]) for axis in ("width", "seed")}
    resolved = study.resolved()
    return StorePlan(
        name=study.name,
        description=study.description,
        **axes,
        time=study.times,
        datasets=plan.datasets,
        specs=_specs(study),
        summaries=tuple(
            summary for recording in study.recordings for summary in recording.diagnostic.summaries
        ),
        cells={
            index: NotStored(cell.reason) if isinstance(cell, NotApplicable) else cell
            for index, cell in plan.cells.items()
        },
        attributes={
            "study_as_written": study.text,
            "study_resolved": resolved,
            "plugins": resolved["plugins"],
            "ntksim_version": resolved["ntksim"],
            "numerics_version": resolved["numerics"],
            "library_versions": versions(),
            "seed_root": study.root,
        },
        descriptions={
            axis: {value.label: value.value.description() for value in study.axes[axis]}
            for axis in AXES
            if axis in {"dataset", "architecture", "kernel", "solver"}
        },
    )


def _specs(study: Study) -> dict[str, VariableSpec]:
    return {
        name: recording.diagnostic.variables[name]
        for recording in study.recordings
        for name in recording.variables
    }
