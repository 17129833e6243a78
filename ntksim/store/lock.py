"""One writer at a time, by a lock of the kernel that no dead process can hold."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ntksim.store.errors import NotAStore, StoreInUse
from ntksim.store.inflated import read_text
from ntksim.store.manifest import ROOT_METADATA
from ntksim.store.places import Places


@contextmanager
def writer_lock(store: str | os.PathLike[str]) -> Iterator[None]:
    """Hold the right to write a store, or raise at once.

    Raises
    ------
    StoreInUse
        If another process, or another place in this one, holds it; says which and since when.
    NotAStore
        If the path lies inside another store.
    """
    # filelock takes a tenth of a second to import.
    from filelock import FileLock, Timeout

    places = Places.of(store)
    for folder in places.store.parents:
        if (folder / ROOT_METADATA).is_file():
            raise NotAStore(f"{places.store} lies inside the Zarr tree {folder}: it would spoil it")
    places.lock.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(places.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StoreInUse(f"{places.store} is in use{_holder(places.owner)}") from None
    try:
        _sign(places.owner)
        yield
    finally:
        with suppress(OSError):
            places.owner.unlink()
        lock.release()


def _sign(path: Path) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    owner = {"pid": os.getpid(), "host": platform.node(), "since": since}
    path.write_text(json.dumps(owner), encoding="utf-8")


def _holder(path: Path) -> str:
    try:
        owner = json.loads(read_text(path))
        return f": process {owner['pid']} on {owner['host']} is writing it since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        # The holder writes this after it has the lock; a reader can come in between.
        return " by another process"
