"""Writes what is said of variables over the whole grid, from the stored values of its cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import zarr

from ntksim.store.arrays import BLOCK_BYTES, GroupWriter
from ntksim.store.declared import CELL_AXES
from ntksim.store.layout import StorePlan, Summarised
from ntksim.types import VariableSpec

Selection: TypeAlias = tuple[slice | int, ...]


def write_summaries(plan: StorePlan, root: zarr.Group) -> None:
    """Write the summaries of a plan into a tree that holds everything else.

    Memory is bounded by one block of the values of one position of the grid, the axes of the
    summary in full, and what it says of one variable.
    """
    for item in plan.summarised:
        if "dataset" in item.summary.over:
            source = Source.of(_array(root, item.summary.of), CELL_AXES, item)
            _write(root, item, _summarised(plan, item, source), CELL_AXES)
            continue
        found = []
        for number, label in enumerate(plan.dataset):
            group = _group(root, plan.groups[label])
            array = _array(root if item.spec.is_comparable else group, item.summary.of)
            prefix = (number,) if item.spec.is_comparable else ()
            source = Source.of(array, CELL_AXES[1:], item, prefix)
            found.append(_summarised(plan, item, source))
            own = {name: v for name, v in found[-1].items() if not _is_shared(item, name)}
            _write(group, item, own, CELL_AXES[1:])
        shared = {
            name: np.stack([own[name] for own in found])
            for name in item.variables
            if _is_shared(item, name)
        }
        _write(root, item, shared, CELL_AXES)


@dataclass(frozen=True)
class Source:
    """A variable with the axes of the grid, or with those of one dataset.

    ``sizes`` are those of all its dimensions. Chunks hold many cells: what fits into memory is read
    once, and not once a position.
    """

    array: zarr.Array[Any]
    prefix: tuple[int, ...]
    axes: tuple[str, ...]
    sizes: Mapping[str, int]
    whole: np.ndarray | None

    @classmethod
    def of(
        cls,
        array: zarr.Array[Any],
        axes: tuple[str, ...],
        item: Summarised,
        prefix: tuple[int, ...] = (),
    ) -> Source:
        """Open a variable, at one dataset if ``prefix`` says so."""
        shape = array.shape[len(prefix) :]
        sizes = dict(zip((*axes, *item.spec.dims), shape, strict=True))
        is_small = math.prod(shape) * array.dtype.itemsize <= BLOCK_BYTES
        return cls(array, prefix, axes, sizes, np.asarray(array[prefix]) if is_small else None)

    def read(self, selection: Selection) -> np.ndarray:
        """Return a part of it."""
        if self.whole is not None:
            return self.whole[selection]
        return np.asarray(self.array[(*self.prefix, *selection)])


def _summarised(plan: StorePlan, item: Summarised, source: Source) -> dict[str, np.ndarray]:
    """Return what a summary stores, at all positions of the axes that it does not take together."""
    over, axes = item.summary.over, source.axes
    dims = {name: _dims(item, name, axes) for name in item.variables}
    results = {
        name: np.full([source.sizes[dim] for dim in own], np.nan) for name, own in dims.items()
    }
    for position in np.ndindex(*(1 if axis in over else source.sizes[axis] for axis in axes)):
        at: dict[str, slice | int] = {
            axis: slice(None) if axis in over else i for axis, i in zip(axes, position, strict=True)
        }
        for part in _parts(item, source):
            chosen = {**at, **{dim: slice(None) for dim in item.spec.dims}, **part}
            values = source.read(tuple(chosen[dim] for dim in (*axes, *item.spec.dims)))
            for name, value in item.summary.summarise(values, plan.scales).items():
                results[name][tuple(chosen[dim] for dim in dims[name])] = value
    return results


def _parts(item: Summarised, source: Source) -> Iterator[dict[str, slice]]:
    """Yield slices of the times, if all at once are too many and each can be taken alone."""
    dims = [item.spec.dims, *(_inner(spec) for spec in item.variables.values())]
    if any(own[:1] != ("time",) for own in dims):
        yield {}
        return
    others = (*item.summary.over, *item.spec.dims[1:])
    step = max(1, BLOCK_BYTES // (8 * max(1, math.prod(source.sizes[dim] for dim in others))))
    for start in range(0, source.sizes["time"], step):
        yield {"time": slice(start, start + step)}


def _write(
    group: zarr.Group, item: Summarised, results: Mapping[str, np.ndarray], axes: Sequence[str]
) -> None:
    writer = GroupWriter(group, {})
    for name, values in results.items():
        dims = _dims(item, name, axes)
        missing = {dim: n for dim, n in zip(dims, values.shape, strict=True) if dim not in group}
        writer.inner_coordinates(missing, {})
        writer.data(name, replace(item.variables[name], dims=dims), values)


def _dims(item: Summarised, name: str, axes: Sequence[str]) -> tuple[str, ...]:
    """Return the dimensions of a variable: axes of the grid in its order, then those of a cell."""
    spec = item.variables[name]
    kept = (axis for axis in axes if axis not in item.summary.over or axis in spec.dims)
    return (*kept, *_inner(spec))


def _inner(spec: VariableSpec) -> tuple[str, ...]:
    return tuple(dim for dim in spec.dims if dim not in CELL_AXES)


def _is_shared(item: Summarised, name: str) -> bool:
    return item.variables[name].is_comparable


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    found = group[name]
    assert isinstance(found, zarr.Array)  # noqa: S101 - for the type checker
    return found


def _group(root: zarr.Group, name: str) -> zarr.Group:
    found = root[name]
    assert isinstance(found, zarr.Group)  # noqa: S101 - for the type checker
    return found
