"""What a store says about how its numbers came to be."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ntksim.store import NotApplicable as NotStored, StorePlan
from ntksim.study import AXES, CellIndex, NotApplicable, Plan, Positions, Study
from ntksim.types import VariableSpec

LIBRARIES = ("numpy", "scipy", "xarray", "zarr", "dask", "distributed", "scikit-learn", "pydantic")
"""Libraries whose versions are stored, beside those of the plugins."""


_HOST = "ntksim"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FOR_TESTS = re.compile(r"""extra\s*==\s*["'](tests?|dev|docs?)["']""")


def versions(distributions: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions of Python and of the libraries that have a part in the numbers.

    Beside ``LIBRARIES``, those are what the ``distributions`` of plugins require, where it is
    installed; their extras are included.
    """
    found = {"python": platform.python_version()}
    found |= {library: _version(library) or "" for library in LIBRARIES}
    for distribution in distributions:
        for library in _required(distribution):
            if library != _HOST and (version := _version(library)):
                found.setdefault(library, version)
    return found


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def _required(distribution: str) -> list[str]:
    """Return the names of what a distribution requires, but for its tests."""
    try:
        requirements = importlib.metadata.requires(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    kept = (text for text in requirements if not _FOR_TESTS.search(text))
    return [match[0] for text in kept if (match := _NAME.match(text))]


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
        storage=study.storage,
        summaries=tuple(
            summary for recording in study.recordings for summary in recording.diagnostic.summaries
        ),
        cells=_Stored(plan.cells),
        attributes={
            "study_as_written": study.text,
            "study_resolved": resolved,
            "plugins": resolved["plugins"],
            "ntksim_version": resolved["ntksim"],
            "numerics_version": resolved["numerics"],
            "library_versions": versions(
                origin.distribution
                for origin in study.origins
                if origin.distribution not in ("", _HOST)
            ),
            "seed_root": study.root,
        },
        descriptions={
            axis: {value.label: value.value.description() for value in study.axes[axis]}
            for axis in AXES
            if axis in {"dataset", "architecture", "kernel", "solver"}
        },
    )


@dataclass(frozen=True, eq=False)
class _Stored(Mapping[CellIndex, "str | NotStored"]):
    """What stands at each position, in the words of the store; nothing is copied."""

    cells: Positions

    def __getitem__(self, index: CellIndex) -> str | NotStored:
        cell = self.cells[index]
        return NotStored(cell.reason) if isinstance(cell, NotApplicable) else cell

    def __iter__(self) -> Iterator[CellIndex]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)


def _specs(study: Study) -> dict[str, VariableSpec]:
    return {
        name: recording.diagnostic.variables[name]
        for recording in study.recordings
        for name in recording.variables
    }
