"""Looks for what is missing, damaged or foreign in a store and its journal."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from ntksim.store.cells import Journal
from ntksim.store.errors import DamagedCell
from ntksim.store.identity import require_store
from ntksim.store.manifest import combined_digest, digest_tree, read_manifest
from ntksim.store.places import Places


@dataclass(frozen=True)
class Verification:
    """What was found. File names are relative to the store, cells are named by their keys.

    Without the manifest of this very tree (a store that was copied alone) single files cannot be
    judged. Then ``has_manifest`` is false, and ``is_tree_whole`` compares one digest of all files
    with that in the root's attributes; only the root's own metadata are not covered by it.

    ``unused_cells`` are those of ``damaged_cells`` that the store does not have, of a study that
    once was larger: no run needs them, so none repairs them.
    """

    files: int
    cells: int
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    damaged_cells: tuple[str, ...] = ()
    unused_cells: tuple[str, ...] = ()
    has_manifest: bool = True
    is_tree_whole: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether everything is as it was written."""
        wrong = (*self.missing, *self.damaged, *self.foreign, *self.damaged_cells)
        return self.is_tree_whole and not wrong

    @property
    def is_repairable(self) -> bool:
        """Whether something is damaged that the next run of the study repairs."""
        wrong = (*self.missing, *self.damaged, *self.foreign)
        needed = set(self.damaged_cells) - set(self.unused_cells)
        return not self.is_tree_whole or bool(wrong or needed)


def verify(store: str | os.PathLike[str]) -> Verification:
    """Compare every file of a store, and every record of its journal, with its digest.

    Raises
    ------
    NotAStore, NewerStore, DamagedStore
        If there is no store that could be looked at.
    """
    places = Places.of(store)
    identity = require_store(store)
    found = digest_tree(places.store)
    journal = Journal(places.journal)
    keys = sorted(journal.keys())
    damaged_cells = tuple(key for key in keys if not _is_whole(journal, key))
    expected = identity.attributes.get("tree_sha256")
    manifest = read_manifest(places.manifest)
    result = Verification(
        len(found),
        len(keys),
        damaged_cells=damaged_cells,
        unused_cells=_unused(places, damaged_cells),
        is_tree_whole=combined_digest(found) == expected,
        has_manifest=manifest is not None and combined_digest(manifest) == expected,
    )
    if manifest is None or not result.has_manifest:
        return result
    return replace(
        result,
        missing=tuple(sorted(manifest.keys() - found.keys())),
        damaged=tuple(sorted(n for n in manifest.keys() & found.keys() if manifest[n] != found[n])),
        foreign=tuple(sorted(found.keys() - manifest.keys())),
    )


def _unused(places: Places, keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys that no cell of a store has; none where that cannot be read."""
    if not keys:
        return ()
    # zarr takes half a second to import.
    from ntksim.store.adopt import read_keys

    stored = read_keys(places.store)
    return () if stored is None else tuple(key for key in keys if key not in stored)


def _is_whole(journal: Journal, key: str) -> bool:
    try:
        journal.contents(key)
    except DamagedCell:
        return False
    return True
