"""Describes one store completely, but for the values in the journal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np

from ntksim.store.cells import STORABLE, is_key
from ntksim.store.declared import (
    AXIS_SPECS,
    CELL_AXES,
    CONVENTIONS,
    DATA_NAMES,
    DESCRIBING,
    FORMAT,
    INDEX_NAMES,
    MEASURED,
    STORE_ATTRIBUTES,
    plain_attribute,
    variable_attributes,
)
from ntksim.store.names import check_variable_name, group_names
from ntksim.types import Dataset, GridScales, Summary, VariableSpec

CellIndex: TypeAlias = tuple[int, int, int, int, int, int]


@dataclass(frozen=True)
class NotApplicable:
    """A position of the grid where there can be no cell, with the reason as a sentence."""

    reason: str


@dataclass(frozen=True)
class Summarised:
    """A summary, the variable that it is of, and the variables that it stores."""

    summary: Summary
    spec: VariableSpec
    variables: Mapping[str, VariableSpec]


@dataclass(frozen=True)
class StorePlan:
    """Everything that a store says, but for the values in the journal.

    ``cells`` gives for each position of the grid the key of its record or why there is none;
    positions that share work share a key. A position that is left out is missing. ``descriptions``
    gives longer texts for labels, by axis. ``attributes`` are those of the root group: text and
    numbers stay as they are, everything else is stored as JSON text, so that the tree can be
    exported to formats without nested attributes. ``summaries`` are computed from the stored values
    of the variables that they are of, where those are among ``specs``. ``storage`` is the type in
    which the numbers of ``specs`` are stored: with float32 those of float64 are rounded, but for
    variables with a value that float32 cannot hold; axes, data and times stay as they are.

    Raises
    ------
    ValueError
        If an axis is empty or has a value twice, a position lies outside of the grid, a name is
        reserved or cannot be stored, or a dimension cannot be laid out.
    """

    name: str
    dataset: Sequence[str]
    architecture: Sequence[str]
    width: Sequence[float]
    seed: Sequence[int]
    kernel: Sequence[str]
    solver: Sequence[str]
    time: Sequence[float]
    datasets: Mapping[str, Dataset]
    specs: Mapping[str, VariableSpec]
    cells: Mapping[CellIndex, str | NotApplicable]
    description: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    descriptions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    summaries: Sequence[Summary] = ()
    storage: Literal["float64", "float32"] = "float64"

    def __post_init__(self) -> None:
        for axis in AXIS_SPECS:
            values = tuple(getattr(self, axis))
            object.__setattr__(self, axis, values)
            if not values:
                raise ValueError(f"{axis} has no value")
            value, times = Counter(values).most_common(1)[0]
            if times > 1:
                raise ValueError(f"{axis} {value!r} is there {times} times; each must be unique")
            if any(isinstance(value, float) and math.isnan(value) for value in values):
                raise ValueError(f"{axis} holds NaN")
        if missing := set(self.dataset) - set(self.datasets):
            raise ValueError(f"there are no data for dataset {min(missing)!r}")
        self._check_cells()
        for name, spec in self.specs.items():
            self._check_spec(name, spec)
        self._check_summaries()
        if clash := STORE_ATTRIBUTES & set(self.attributes):
            raise ValueError(f"the attribute '{min(clash)}' is written by the store itself")

    @property
    def shape(self) -> CellIndex:
        """Size of the grid of cells."""
        return (
            len(self.dataset),
            len(self.architecture),
            len(self.width),
            len(self.seed),
            len(self.kernel),
            len(self.solver),
        )

    @property
    def variables(self) -> dict[str, VariableSpec]:
        """What is read from the records: ``MEASURED`` and the study's own."""
        return {**MEASURED, **self.specs}

    @property
    def scales(self) -> GridScales:
        """Numbers along the axes of the grid."""
        points = [len(self.datasets[label].x_train) for label in self.dataset]
        return GridScales(
            np.array(self.width, dtype=np.float64), np.array(self.seed), np.array(points, float)
        )

    @cached_property
    def summarised(self) -> list[Summarised]:
        """The summaries that apply, with what they store."""
        found = []
        for summary in dict.fromkeys(self.summaries):
            if (spec := self.specs.get(summary.of)) is None:
                continue
            if variables := summary.variables(spec, self.scales):
                found.append(Summarised(summary, spec, variables))
        return found

    @property
    def groups(self) -> dict[str, str]:
        """Name of the group of each dataset."""
        taken = {*AXIS_SPECS, *DESCRIBING}
        said = [item.variables for item in self.summarised]
        for name, spec in [*self.variables.items(), *(i for own in said for i in own.items())]:
            if spec.is_comparable:
                taken |= {name, *spec.dims}
        return group_names(self.dataset, taken)

    def fixed_sizes(self, dataset: str) -> dict[str, int]:
        """Return the dimensions of a dataset's group whose size the plan knows."""
        data = self.datasets[dataset]
        points = {"train_point": len(data.x_train), "test_point": len(data.x_test)}
        return {
            "time": len(self.time),
            **points,
            **{f"{name}_other": size for name, size in points.items()},
            "output": data.outputs,
            **dict(zip(input_dims(data), data.input_shape, strict=True)),
        }

    def root_attributes(self) -> dict[str, Any]:
        """Return the attributes of the root group."""
        groups = self.groups
        datasets = [
            {
                "label": label,
                "group": groups[label],
                "sha256": self.datasets[label].content_hash,
                "provenance": dict(self.datasets[label].provenance),
            }
            for label in self.dataset
        ]
        return {
            "conventions": CONVENTIONS,
            "ntksim_store_format": FORMAT,
            "study": self.name,
            "description": self.description,
            "storage": self.storage,
            "datasets": plain_attribute(datasets),
            "summaries": plain_attribute(
                {name: item.summary.of for item in self.summarised for name in item.variables}
            ),
            **{name: plain_attribute(value) for name, value in self.attributes.items()},
        }

    def group_attributes(self, dataset: str) -> dict[str, Any]:
        """Return the attributes of the group of a dataset."""
        data = self.datasets[dataset]
        return {
            "conventions": CONVENTIONS,
            "ntksim_store_format": FORMAT,
            "study": self.name,
            "dataset": dataset,
            "task": "classification" if data.classification else "regression",
            "sha256": data.content_hash,
            "provenance": plain_attribute(dict(data.provenance)),
        }

    def axis_attributes(self, axis: str) -> dict[str, Any]:
        """Return the attributes of the coordinate of an axis."""
        attributes = variable_attributes(AXIS_SPECS[axis])
        if texts := self.descriptions.get(axis):
            attributes["descriptions"] = plain_attribute(dict(texts))
        return attributes

    def _check_cells(self) -> None:
        shape = self.shape
        for index, value in self.cells.items():
            if len(index) != len(shape) or not all(
                0 <= i < size for i, size in zip(index, shape, strict=True)
            ):
                raise ValueError(f"position {index} lies outside of the grid of shape {shape}")
            if isinstance(value, str) and not is_key(value):
                raise ValueError(f"'{value}' at {index} is not a key: lower-case hexadecimal")

    def _check_spec(self, name: str, spec: VariableSpec) -> None:
        check_variable_name(name)
        inputs = {dim for label in self.dataset for dim in input_dims(self.datasets[label])}
        reserved = {*AXIS_SPECS, *MEASURED, *DESCRIBING, *INDEX_NAMES, *DATA_NAMES, *inputs}
        reserved |= {dim for other in self.specs.values() for dim in other.dims}
        if name in reserved:
            raise ValueError(f"'{name}' is the name of something else in every store")
        if spec.dtype not in STORABLE:
            allowed = ", ".join(sorted(STORABLE))
            raise ValueError(f"'{name}' has dtype '{spec.dtype}'; the store holds {allowed}")
        if len(set(spec.dims)) != len(spec.dims):
            raise ValueError(f"'{name}' has a dimension twice: {spec.dims}; name one *_other")
        forbidden = {*CELL_AXES, *MEASURED, *DESCRIBING} | (inputs if spec.is_comparable else set())
        for dim in spec.dims:
            check_variable_name(dim)
            if dim in forbidden:
                raise ValueError(f"'{name}' cannot have the dimension '{dim}' within a cell")

    def _check_summaries(self) -> None:
        owners: dict[str, str] = dict.fromkeys(self.specs, "a variable of its own")
        for item in self.summarised:
            summary = item.summary
            if "dataset" in summary.over and not item.spec.is_comparable:
                raise ValueError(
                    f"'{summary.of}' has the dimensions {item.spec.dims}, which differ between "
                    "datasets; a summary over datasets cannot be of it"
                )
            for name, spec in item.variables.items():
                if name in owners:
                    raise ValueError(
                        f"'{name}' is stored twice: by a summary of '{summary.of}', and by "
                        f"{owners[name]}"
                    )
                owners[name] = f"one of '{summary.of}'"
                inner = tuple(dim for dim in spec.dims if dim not in summary.over)
                if not set(inner) <= set(item.spec.dims) or spec.dtype != "float64":
                    raise ValueError(
                        f"'{name}' has the dimensions {spec.dims} and the type {spec.dtype}; a "
                        f"summary of '{summary.of}' has float64 along {summary.over} and "
                        f"{item.spec.dims}"
                    )
                self._check_spec(name, VariableSpec(inner, spec.long_name))


def input_dims(data: Dataset) -> tuple[str, ...]:
    """Return the dimensions of one input: ``feature``, or ``feature_0`` and so on."""
    rank = len(data.input_shape)
    return ("feature",) if rank == 1 else tuple(f"feature_{axis}" for axis in range(rank))
