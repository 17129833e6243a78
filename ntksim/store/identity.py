"""What lies at a path, from the root's metadata alone."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from ntksim.store.declared import CONVENTIONS, FORMAT
from ntksim.store.errors import DamagedStore, NewerStore, NotAStore, OtherStudy
from ntksim.store.inflated import read_text
from ntksim.store.manifest import ROOT_METADATA
from ntksim.store.places import Places


@dataclass(frozen=True)
class StoreIdentity:
    """Study, layout version and root attributes of a store."""

    study: str
    format: int
    attributes: Mapping[str, Any]

    @property
    def is_readable(self) -> bool:
        """Whether this version of ntksim knows the layout."""
        return self.format <= FORMAT


def belongs_to(store: str | os.PathLike[str]) -> StoreIdentity | None:
    """Return what a store belongs to, or ``None`` if nothing is there, or an empty folder.

    Raises
    ------
    NotAStore
        If something else is there.
    DamagedStore
        If its metadata cannot be read.
    """
    places = Places.of(store)
    path = places.store
    if not path.exists():
        return None
    if not path.is_dir():
        raise NotAStore(f"{path} is a file, not a store")
    metadata = path / ROOT_METADATA
    if not metadata.is_file():
        if not any(path.iterdir()):
            return None
        raise NotAStore(f"{path} is a folder, but not a store: it has no {ROOT_METADATA}")
    try:
        attributes = json.loads(read_text(metadata))["attributes"]
        conventions = attributes.get("conventions")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(places, str(error)) from None
    if conventions != CONVENTIONS:
        raise NotAStore(f"{path} is a Zarr tree, but was not written by ntksim")
    try:
        return StoreIdentity(
            str(attributes["study"]), int(attributes["ntksim_store_format"]), attributes
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _damaged(places, f"no usable attribute {error}") from None


def require_store(store: str | os.PathLike[str]) -> StoreIdentity:
    """Return what a store belongs to, if it is there and can be read.

    Raises
    ------
    NotAStore, DamagedStore
        As ``belongs_to``, and if nothing is there.
    NewerStore
        If a newer version wrote it.
    """
    identity = belongs_to(store)
    if identity is None:
        raise NotAStore(_nothing_at(Places.of(store)))
    return require_readable(identity, store)


def require_readable(identity: StoreIdentity, store: str | os.PathLike[str]) -> StoreIdentity:
    """Return the identity of the store at a path, unless a newer version of ntksim wrote it.

    Raises
    ------
    NewerStore
        If so.
    """
    if identity.is_readable:
        return identity
    raise NewerStore(
        f"{os.fspath(store)} was written by a newer version of ntksim: it has layout "
        f"{identity.format}, this version knows layouts up to {FORMAT}"
    )


def require_study(
    identity: StoreIdentity, study: str, store: str | os.PathLike[str]
) -> StoreIdentity:
    """Return the identity of the store at a path if it is that of a study.

    Raises
    ------
    OtherStudy
        If not.
    """
    if identity.study == study:
        return identity
    raise OtherStudy(
        f"{os.fspath(store)} holds the study '{identity.study}', not '{study}'; give another path "
        "with --store, or move that store away"
    )


def _damaged(places: Places, reason: str) -> DamagedStore:
    return DamagedStore(
        f"the metadata of {places.store} cannot be read ({reason}); run its study again to rebuild "
        f"it from {places.journal.name}, or move it away first if that is refused"
    )


def _nothing_at(places: Places) -> str:
    message = f"there is no store at {places.store}"
    if places.previous.exists():
        return f"{message}: a run is replacing it, or was killed then; the next run restores it"
    try:
        others = sorted(path.name for path in places.store.parent.glob("*.zarr"))
    except OSError:
        others = []
    if near := get_close_matches(places.store.name, others, n=1, cutoff=0.5):
        return f"{message}; did you mean {near[0]}?"
    if others:
        return f"{message}; there are {', '.join(others[:5])}"
    return message
