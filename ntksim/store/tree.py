"""Writes a plan with its records as a Zarr tree: the same journal gives the same bytes."""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import zarr

from ntksim.store.across import write_summaries
from ntksim.store.arrays import TEXT, GroupWriter, fill
from ntksim.store.current import CONTENT, content_digest
from ntksim.store.declared import (
    AXIS_SPECS,
    CELL_AXES,
    DATA_NAMES,
    DESCRIBING,
    DONE,
    FAILED,
    MISSING,
    NOT_APPLICABLE,
)
from ntksim.store.labels import Names, all_names, names_of, placed
from ntksim.store.layout import NotApplicable, StorePlan, input_dims
from ntksim.store.manifest import ROOT_METADATA
from ntksim.store.narrow import stored_specs
from ntksim.store.records import WantedRecords
from ntksim.types import VariableSpec
from ntksim.types.result import POINT_DIMS

_BY_BLOCK = ("cell_key", "cell_record")
"""Long texts about each cell: all of them are never held at once."""


def write_tree(plan: StorePlan, records: WantedRecords, folder: Path) -> dict[str, int]:
    """Write the tree into a new folder; return how many positions have each status."""
    keys = sorted(records.headers)
    numbers = _record_numbers(plan, keys)
    specs = stored_specs(plan, records)
    comparable = {name: spec for name, spec in specs.items() if spec.is_comparable}
    own = {dim for spec in specs.values() for dim in spec.dims} - POINT_DIMS
    # Groups inherit the dimensions of the root, so a plugin's own have one size everywhere.
    sizes = _longest(specs, records, own) | {"time": len(plan.time)}
    names = _names(plan, records, own)
    sizes |= {dim: len(own) for dim, own in names.items()}

    content = content_digest(plan, (records.headers[key].text for key in keys))
    attributes = plan.root_attributes() | {CONTENT: content}
    root = zarr.create_group(folder, zarr_format=3, attributes=attributes)
    writer = GroupWriter(root, dict(zip(CELL_AXES, plan.shape, strict=True)))
    _write_axes(writer, plan)
    writer.inner_coordinates(_counted(comparable.values(), sizes), names)
    described = _describe(plan, records)
    for name, values in described.items():
        writer.cell_values(name, DESCRIBING[name], values)
    for name in _BY_BLOCK:
        writer.cell_texts(name, DESCRIBING[name], partial(_texts, plan, records, name))
    _write_variables(writer, comparable, sizes, numbers, keys, records, names)

    for i, label in enumerate(plan.dataset):
        group = root.create_group(plan.groups[label], attributes=plan.group_attributes(label))
        writer = GroupWriter(group, dict(zip(CELL_AXES[1:], plan.shape[1:], strict=True)))
        sizes_here = {**sizes, **_longest(specs, records, POINT_DIMS, i), **plan.fixed_sizes(label)}
        _write_dataset(writer, plan, specs, label, sizes_here, numbers[i], keys, records, names)
    write_summaries(plan, root)
    for name in (*plan.groups.values(), None):
        _consolidate(folder, name)
    statuses, counts = np.unique(described["status"], return_counts=True)
    return {str(status): int(n) for status, n in zip(statuses, counts, strict=True)}


def _write_dataset(
    writer: GroupWriter,
    plan: StorePlan,
    specs: Mapping[str, VariableSpec],
    label: str,
    sizes: Mapping[str, int],
    numbers: np.ndarray,
    keys: list[str],
    records: WantedRecords,
    names: Names,
) -> None:
    """Write the group of a dataset: its data, and the variables that depend on its points."""
    specs = {name: spec for name, spec in specs.items() if not spec.is_comparable}
    data = plan.datasets[label]
    inputs = input_dims(data)
    given = {
        name: VariableSpec(
            (
                "train_point" if name.endswith("train") else "test_point",
                *(inputs if name.startswith("x") else ("output",)),
            ),
            long_name,
        )
        for name, long_name in DATA_NAMES.items()
    }
    _write_axes(writer, plan)
    features = {"feature": list(data.feature_names)} if data.feature_names else {}
    counted = _counted([*given.values(), *specs.values()], sizes)
    writer.inner_coordinates(counted, {**features, **names})
    for name, spec in given.items():
        writer.data(name, spec, getattr(data, name))
    _write_variables(writer, specs, sizes, numbers, keys, records, names)


def _write_axes(writer: GroupWriter, plan: StorePlan) -> None:
    for axis in (*writer.cells, "time"):
        values, dtype = getattr(plan, axis), AXIS_SPECS[axis].dtype
        writer.coordinate(axis, values, dtype, plan.axis_attributes(axis))


def _write_variables(
    writer: GroupWriter,
    specs: Mapping[str, VariableSpec],
    sizes: Mapping[str, int],
    numbers: np.ndarray,
    keys: list[str],
    records: WantedRecords,
    names: Names,
) -> None:
    for name, spec in specs.items():
        inner = {dim: sizes[dim] for dim in spec.dims}

        def value(number: int, name: str = name, spec: VariableSpec = spec) -> np.ndarray | None:
            found = records.value(keys[number], name)
            if found is None or not names.keys() & spec.dims:
                return found
            own = names_of(records.headers[keys[number]])
            return placed(found, spec.dims, own, names, fill(spec.dtype))

        writer.gathered(name, spec, inner, numbers, value)


def _names(plan: StorePlan, records: WantedRecords, dims: Collection[str]) -> dict[str, list[str]]:
    """Return the names along the plugins' own dimensions, in the order of the grid."""
    if not records.have_names:
        return {}
    values = (plan.cells.get(position) for position in np.ndindex(plan.shape))
    keys = dict.fromkeys(value for value in values if isinstance(value, str))
    keys = [key for key in keys if key in records.headers]
    own = {
        name: tuple(dim if dim in dims else "" for dim in spec.dims)
        for name, spec in plan.variables.items()
    }
    return all_names(lambda: (records.headers[key] for key in keys), own)


def _record_numbers(plan: StorePlan, keys: list[str]) -> np.ndarray:
    """Return for each position of the grid the number of its key, or −1 without a record."""
    number = {key: i for i, key in enumerate(keys)}
    numbers = np.full(plan.shape, -1, dtype=np.int64)
    for position, value in plan.cells.items():
        if isinstance(value, str):
            numbers[position] = number.get(value, -1)
    return numbers


def _counted(specs: Iterable[VariableSpec], sizes: Mapping[str, int]) -> dict[str, int]:
    return {dim: sizes[dim] for spec in specs for dim in spec.dims if dim != "time"}


def _longest(
    specs: Mapping[str, VariableSpec],
    records: WantedRecords,
    dims: Collection[str],
    dataset: int | None = None,
) -> dict[str, int]:
    """Return the greatest size of each dimension among the records, or those of a dataset."""
    sizes = {dim: 0 for spec in specs.values() for dim in spec.dims if dim in dims}
    for (number, name), shape in records.shapes.items():
        if name not in specs or dataset not in (None, number):
            continue
        for dim, size in zip(specs[name].dims, shape, strict=True):
            if dim in sizes:
                sizes[dim] = max(sizes[dim], size)
    return sizes


def _describe(plan: StorePlan, records: WantedRecords) -> dict[str, np.ndarray]:
    """Return what says what became of each position, but for the texts that are long."""
    values = {
        name: np.full(plan.shape, np.nan)
        if spec.dtype == "float64"
        else np.full(plan.shape, "", dtype=TEXT)
        for name, spec in DESCRIBING.items()
        if name not in _BY_BLOCK
    }
    values["status"][...] = MISSING
    for position, value in plan.cells.items():
        if isinstance(value, NotApplicable):
            values["status"][position] = NOT_APPLICABLE
            values["message"][position] = _storable(value.reason)
            continue
        if value not in records.headers:
            values["message"][position] = _storable(records.unusable.get(value, ""))
            continue
        header = records.headers[value]
        said = header.info.get("error" if header.status == "failed" else "note")
        values["status"][position] = FAILED if header.status == "failed" else DONE
        values["message"][position] = _storable("" if said is None else str(said))
        if isinstance(seconds := header.info.get("wall_time"), int | float):
            values["wall_time"][position] = seconds
    return values


def _texts(
    plan: StorePlan, records: WantedRecords, name: str, block: tuple[slice, ...]
) -> np.ndarray:
    """Return the keys of a block of positions, or the texts of their records."""
    texts = np.full([part.stop - part.start for part in block], "", dtype=TEXT)
    for offset in np.ndindex(texts.shape):
        position = tuple(i + part.start for i, part in zip(offset, block, strict=True))
        key = plan.cells.get(position)  # type: ignore[arg-type]
        if not isinstance(key, str):
            continue
        if name == "cell_key":
            texts[offset] = key
        elif key in records.headers:
            texts[offset] = records.headers[key].text
    return texts


def _storable(text: str) -> str:
    """Replace what UTF-8 cannot hold, such as parts of undecodable file names in messages."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _consolidate(folder: Path, group: str | None) -> None:
    """Gather the metadata of a group in one file, sorted."""
    with warnings.catch_warnings():
        # Readers without it warn and open every array one by one; all of them understand it.
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        zarr.consolidate_metadata(folder, path=group, zarr_format=3)
    path = folder / (group or "") / ROOT_METADATA
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
