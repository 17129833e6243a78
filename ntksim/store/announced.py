"""What a store's metadata announce, before anybody believes it: stores come from strangers too."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ntksim.store.errors import DamagedStore
from ntksim.store.inflated import read_text
from ntksim.store.manifest import ROOT_METADATA

MOST_LABELS = 1_000_000
"""Labels of an axis that are read unasked when a store is opened."""

LEAST_SHARE = 1000
"""Labels of a longer axis that a byte on the disk stands for at most; they are all different."""

MOST_CELLS = 10_000_000
"""Positions of a grid whose status is read as a whole."""


MOST_CHUNK = 1 << 26
"""Bytes that a chunk may always become."""

MOST_TEXT = 1 << 14
"""Bytes of one text, such as the message of a failed cell."""


def require_possible(store: Path) -> dict[str, int]:
    """Refuse a store whose metadata announce what would be allocated without being there.

    Returns
    -------
    dict
        The bytes that a chunk may become, by the path of its array within the store.

    Raises
    ------
    DamagedStore
        If its attributes do not describe a study, an array is none of Zarr 3, has an impossible
        shape, or is an axis of more labels than its files can hold.
    """
    limits: dict[str, int] = {}
    for file in sorted(store.rglob(ROOT_METADATA)):
        folder = file.parent
        try:
            content = json.loads(read_text(file))
            if folder == store:
                _check_attributes(content["attributes"])
            for path, metadata in _nodes(content):
                array = folder / path if path else folder
                most = _check(store, array, metadata)
                name = array.relative_to(store).as_posix()
                limits[name] = max(limits.get(name, 0), most)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            name = file.relative_to(store).as_posix()
            raise DamagedStore(f"{name} of {store} cannot be read: {error!s:.200}") from None
    return limits


def _nodes(content: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the arrays that a file of metadata describes, by path below its folder."""
    if content.get("node_type") == "array":
        yield "", content
    gathered = content.get("consolidated_metadata") or {}
    for path, metadata in gathered.get("metadata", {}).items():
        if metadata.get("node_type") == "array":
            yield path, metadata


def _check(store: Path, folder: Path, metadata: Mapping[str, Any]) -> int:
    """Return the bytes that a chunk of an array may become.

    Raises
    ------
    ValueError
        If the array is impossible.
    """
    if metadata["zarr_format"] != 3:
        raise ValueError("it is not of Zarr 3")
    shape = tuple(metadata["shape"])
    if not all(type(size) is int and 0 <= size < 2**63 for size in shape):
        raise ValueError(f"an impossible shape {shape!s:.100}")
    names = metadata.get("dimension_names") or ()
    if len(set(names)) < len(names):
        raise ValueError(f"{folder.name} has a dimension twice")
    most = _most_of_chunk(folder, metadata, shape)
    size = math.prod(shape)
    is_axis = len(shape) == 1 and tuple(names) == (folder.name,)
    if folder.name == "status" and size > MOST_CELLS:
        raise ValueError(f"it announces {size:,} cells")
    if is_axis and size > MOST_LABELS and not folder.resolve().is_relative_to(store):
        raise ValueError(f"the axis {folder.name} lies outside of the store")
    if is_axis and size > MOST_LABELS:
        files = (entry for entry in folder.rglob("*") if entry.is_file() and not entry.is_symlink())
        there = sum(file.stat().st_size for file in files)
        if there * LEAST_SHARE < size:
            raise ValueError(f"the axis {folder.name} announces {size:,} labels in {there:,} bytes")
    return most


def _most_of_chunk(folder: Path, metadata: Mapping[str, Any], shape: tuple[int, ...]) -> int:
    """Return the bytes that a chunk may become: those of its values, or ``MOST_CHUNK``.

    Raises
    ------
    ValueError
        If an array has codecs that ntksim does not write, or chunks of absurd size.
    """
    codecs = [codec["name"] for codec in metadata["codecs"]]
    if len(codecs) != 2 or codecs[0] not in ("bytes", "vlen-utf8") or codecs[1] != "zstd":
        raise ValueError(f"{folder.name} is encoded by {', '.join(map(str, codecs))!s:.100}")
    chunk = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    if not all(type(size) is int and 0 < size < 2**63 for size in chunk):
        raise ValueError(f"an impossible chunk of {chunk!s:.100}")
    if math.prod(chunk) * 8 > max(MOST_CHUNK, 16 * math.prod(shape)):
        raise ValueError(f"chunks of {folder.name} have {math.prod(chunk):,} values")
    item = MOST_TEXT if codecs[0] == "vlen-utf8" else 8
    return max(item * math.prod(chunk), MOST_CHUNK)


def _check_attributes(attributes: Mapping[str, Any]) -> None:
    """Refuse attributes that readers could not follow.

    Raises
    ------
    ValueError
        If the datasets, or the study where there is one, are not listed as they should be.
    """
    if "datasets" in attributes:
        _require_texts("datasets", json.loads(attributes["datasets"]), ("label", "group"))
    if "study_resolved" in attributes:
        study = json.loads(attributes["study_resolved"])
        for axis in ("dataset", "architecture", "kernel", "solver"):
            _require_texts(axis, study.get(axis, []), ("label", "name"))


def _require_texts(what: str, entries: Any, keys: tuple[str, ...]) -> None:
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in keys)
        for entry in entries
    ):
        raise ValueError(f"its attributes do not list {what}")
