"""Takes finished cells over from a store whose journal is gone."""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr

from ntksim.store.announced import MOST_CELLS, require_possible
from ntksim.store.cells import CellRecord, Journal
from ntksim.store.chunks import cell_extents
from ntksim.store.declared import CELL_AXES, DONE, FAILED
from ntksim.store.errors import DamagedStore
from ntksim.store.flush import Flusher
from ntksim.store.guarded import GuardedStore
from ntksim.store.identity import belongs_to, require_readable
from ntksim.store.labels import Names, names_of, taken
from ntksim.store.open import UNREADABLE
from ntksim.store.places import Places
from ntksim.store.sealed import Described, Header, SealBroken
from ntksim.store.stored import Position, StoredArray, read_names, read_texts

BLOCK_BYTES = 64 << 20
"""Cells are read in blocks of about this size, so that memory stays bounded."""


@dataclass(frozen=True)
class Adopted:
    """Keys of the records that were restored, and of those that the store does not hold whole."""

    restored: frozenset[str]
    lost: frozenset[str]


def adopt(
    store: str | os.PathLike[str],
    journal: Journal,
    *,
    damaged: Collection[str] = (),
    flusher: Flusher | None = None,
) -> Adopted:
    """Restore the records that a store holds and the journal does not, byte for byte.

    ``damaged`` are keys whose record in the journal is to be replaced as well. Every restored value
    is checked against the digest that was taken when it was first recorded, so that a damaged
    store gives back what is whole and nothing else. With a ``flusher`` records are on the disk
    soon, without one when this returns. Only for the holder of the store's lock.

    Raises
    ------
    NotAStore, NewerStore, DamagedStore
        If something else than a readable store lies at the path; nothing at all is no error.
    """
    places = Places.of(store)
    identity = belongs_to(places.store)
    if identity is None:
        return Adopted(frozenset(), frozenset())
    require_readable(identity, places.store)
    try:
        root = zarr.open_group(_guarded(places.store), mode="r", zarr_format=3)
        groups = [entry["group"] for entry in json.loads(identity.attributes["datasets"])]
        texts = {name: read_texts(root, name) for name in ("cell_record", "cell_key", "status")}
        shape = root["cell_record"].shape  # pyright: ignore[reportAttributeAccessIssue]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedStore(f"the metadata of {places.store} are damaged ({error})") from None
    grid: dict[str, int] = dict(zip(CELL_AXES[1:], shape[1:], strict=True))
    kept = journal.keys() - set(damaged)
    wanted = _held(texts["cell_record"], kept)
    restored = set()
    for number, group in enumerate(groups):
        headers = {position[1:]: h for position, h in wanted.items() if position[0] == number}
        arrays = _arrays(root, group, number, headers.values())
        dims = {dim for array in arrays.values() for dim in array.inner_dims}
        # Names of features are those of the data, and no record knows them.
        every = read_names(root, group, [dim for dim in dims if dim != "feature"])
        for record in _records(arrays, headers, grid, every):
            journal.write(record, flusher)
            restored.add(record.key)
    finished = {
        texts["cell_key"].get(position, "")
        for position, status in texts["status"].items()
        if status in (DONE, FAILED)
    }
    lost = finished | {header.key for header in wanted.values()}
    return Adopted(frozenset(restored), frozenset(lost - kept - restored - {""}))


def read_keys(store: Path) -> set[str] | None:
    """Return the keys of a store's cells, or ``None`` where not all of them can be read."""
    try:
        array = zarr.open_array(_guarded(store), path="cell_key", mode="r", zarr_format=3)
        if math.prod(array.shape) > MOST_CELLS:
            return None
        return {str(key) for key in np.asarray(array[...]).ravel()}
    except UNREADABLE:
        return None


def _guarded(store: Path) -> GuardedStore:
    """Return a store whose chunks are measured: what else is wrong with it need not be the rest."""
    try:
        return GuardedStore(store, require_possible(store))
    except DamagedStore:
        return GuardedStore(store)


def _held(texts: Mapping[Position, str], kept: Collection[str]) -> dict[Position, Header]:
    """Return the headers of records that are not kept; one at several positions comes once."""
    held = {}
    seen = set(kept)
    for position, text in texts.items():
        try:
            header = Header.parse(text)
        except SealBroken:
            continue
        if header.key not in seen:
            seen.add(header.key)
            held[position] = header
    return held


def _arrays(
    root: zarr.Group, group: str, number: int, headers: Iterable[Header]
) -> dict[str, StoredArray]:
    """Return the arrays of a dataset with the variables of some records, as far as there are."""
    names = {name for header in headers for name in header.variables}
    found = {name: StoredArray.find(root, name, group, number) for name in sorted(names)}
    return {name: array for name, array in found.items() if array is not None}


def _records(
    arrays: Mapping[str, StoredArray],
    headers: Mapping[Position, Header],
    grid: Mapping[str, int],
    every: Names,
) -> Iterator[CellRecord]:
    """Yield the records of a dataset whose values can be restored."""
    for block, positions in _blocks(arrays, headers, grid):
        loaded = {name: array.block(block) for name, array in arrays.items()}
        corner = [part.start for part in block]
        for position in positions:
            header = headers[position]
            offset = tuple(i - start for i, start in zip(position, corner, strict=True))
            values = {}
            for name, described in header.variables.items():
                if name not in arrays:
                    break
                whole = loaded[name]
                # One damaged chunk spoils the block; its other cells can still be read alone.
                padded = arrays[name].cell(position) if whole is None else whole[offset]
                dims = arrays[name].inner_dims
                value = _restored(padded, described, dims, names_of(header), every)
                if value is None:
                    break
                values[name] = value
            else:
                yield CellRecord(header.key, header.status, values, header.info)


def _blocks(
    arrays: Mapping[str, StoredArray], headers: Mapping[Position, Header], grid: Mapping[str, int]
) -> Iterator[tuple[tuple[slice, ...], list[Position]]]:
    """Yield blocks of cells that hold one of the headers, and the positions of those."""
    cell_bytes = sum(array.cell_bytes for array in arrays.values())
    extents = cell_extents(grid, cell_bytes, BLOCK_BYTES)
    inside = defaultdict(list)
    for position in headers:
        corner = tuple(i // n for i, n in zip(position, extents.values(), strict=True))
        inside[corner].append(position)
    for corner, positions in inside.items():
        block = tuple(
            slice(i * n, min((i + 1) * n, size))
            for i, n, size in zip(corner, extents.values(), grid.values(), strict=True)
        )
        yield block, positions


def _restored(
    padded: np.ndarray | None,
    described: Described,
    dims: Sequence[str],
    own: Names,
    every: Names,
) -> np.ndarray | None:
    """Cut off the padding and return the value if it is the one that was recorded."""
    if padded is None or padded.ndim != len(described.shape):
        return None
    try:
        padded = taken(padded, dims, own, every, described.shape)
    except ValueError:
        return None
    value = padded[tuple(slice(0, size) for size in described.shape)].astype(described.dtype)
    return value if described.describes(value) else None
