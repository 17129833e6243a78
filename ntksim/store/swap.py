"""Puts a finished tree in the place of the last one, so that a kill at any point loses nothing.

Order of events: the next tree and its manifest are complete on the disk; the two trees change
places; the manifest follows; the last tree is deleted. Where the system cannot exchange folders,
the last tree moves aside and the next one takes its place, and for a moment there is none.
``recover`` finishes or undoes what a killed run left of this.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from ntksim.store.errors import ForeignFiles
from ntksim.store.exchange import exchange
from ntksim.store.flush import sync_folder
from ntksim.store.manifest import (
    digest_tree,
    is_manifest_of,
    list_files,
    read_manifest,
    write_manifest,
)
from ntksim.store.places import Places

ATTEMPTS, PAUSE = 20, 0.05
"""Times that a folder is tried to be deleted in which files still appear, and seconds between."""


def recover(store: str | os.PathLike[str]) -> None:
    """Bring a store back to a whole state; for the holder of its lock, before anything else."""
    places = Places.of(store)
    if places.previous.exists() and not places.store.exists():
        os.rename(places.previous, places.store)
    if places.next_manifest.exists():
        if is_manifest_of(read_manifest(places.next_manifest), places.store):
            os.replace(places.next_manifest, places.manifest)
        else:
            os.unlink(places.next_manifest)
    for leftover in (places.previous, places.building):
        _remove(leftover)


def swap_in(places: Places, digests: Mapping[str, str]) -> None:
    """Replace the store by the tree in ``places.building``, whose files have these digests."""
    write_manifest(places.next_manifest, places.store.name, digests)
    sync_folder(places.store.parent)
    if not places.store.exists():
        os.rename(places.building, places.store)
    elif not exchange(places.building, places.store):
        os.rename(places.store, places.previous)
        os.rename(places.building, places.store)
    sync_folder(places.store.parent)
    os.replace(places.next_manifest, places.manifest)
    sync_folder(places.store.parent)
    for last in (places.previous, places.building):
        _remove(last)


def _remove(folder: Path) -> None:
    """Delete a folder if there is one, also while threads of a run that failed end their writes."""
    for left in reversed(range(ATTEMPTS)):
        try:
            if folder.exists():
                shutil.rmtree(folder)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or not left:
                raise
            time.sleep(PAUSE)
        else:
            return


def set_aside(places: Places) -> Path | None:
    """Move a store that cannot be read out of the way, if it is known to be one of ours.

    It is if its manifest lists all of its files, and at least one of them as it is. Returns where
    it is now, or ``None`` if nothing was done.
    """
    manifest = read_manifest(places.manifest) or {}
    found = digest_tree(places.store)
    known = {name for name, digest in manifest.items() if found.get(name) == digest}
    if not known or not found.keys() <= manifest.keys():
        return None
    target = places.store.with_name(f"{places.store.name}.damaged")
    number = 1
    while target.exists():
        number += 1
        target = target.with_name(f"{places.store.name}.damaged-{number}")
    os.rename(places.store, target)
    sync_folder(target.parent)
    return target


def foreign_files(places: Places) -> list[str]:
    """Return files inside of the store that its manifest does not list; hidden ones do not count.

    Without a manifest that belongs to the tree nothing is known, and nothing is foreign.
    """
    manifest = read_manifest(places.manifest)
    if manifest is None or not is_manifest_of(manifest, places.store):
        return []
    return [
        name
        for name in list_files(places.store)
        if name not in manifest and not any(part.startswith(".") for part in name.split("/"))
    ]


def refuse_foreign_files(places: Places) -> None:
    """Refuse to replace a store that holds somebody else's files.

    Raises
    ------
    ForeignFiles
        If it does; the message names them.
    """
    if foreign := foreign_files(places):
        some = ", ".join(foreign[:3]) + (", …" if len(foreign) > 3 else "")
        raise ForeignFiles(
            f"{places.store} holds {len(foreign)} file(s) that ntksim did not write ({some}); "
            "move them elsewhere, the next run would delete them"
        )
