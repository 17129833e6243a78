"""Collects the journal into the Zarr tree of a study."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ntksim.store.adopt import adopt
from ntksim.store.cells import Journal
from ntksim.store.errors import DamagedCell, DamagedStore
from ntksim.store.identity import belongs_to, require_readable, require_study
from ntksim.store.layout import StorePlan
from ntksim.store.manifest import seal_tree
from ntksim.store.places import Places
from ntksim.store.records import CACHE_BYTES, WantedRecords
from ntksim.store.swap import recover, refuse_foreign_files, swap_in
from ntksim.store.tree import write_tree

_ATTEMPTS = 3
"""How often a tree is begun when records turn out to be damaged while it is written."""


@dataclass(frozen=True)
class Collected:
    """What a store holds after collecting.

    ``counts`` are numbers of positions by status. ``repaired`` are the keys of records that were
    damaged or gone and that the last store still held; ``damaged`` are those that it did not hold:
    they were set aside and will be computed again. ``unusable`` says of these, and of records that
    do not fit the plan, why they count as missing.
    """

    store: Path
    counts: Mapping[str, int]
    damaged: frozenset[str] = frozenset()
    repaired: frozenset[str] = frozenset()
    unusable: Mapping[str, str] = field(default_factory=dict)


def collect(
    plan: StorePlan,
    journal: Journal,
    store: str | os.PathLike[str],
    *,
    cache_bytes: int = CACHE_BYTES,
) -> Collected:
    """Write the store of a plan from its journal, replacing the last one at once.

    The same plan and journal give the same bytes. If anything fails, the last store stays as it
    was. Records that are damaged or gone are restored from the last store, where it holds them.
    Only for the holder of the store's lock. Memory is bounded by ``cache_bytes``, one block of one
    variable and one record.

    Raises
    ------
    NotAStore, NewerStore, DamagedStore, OtherStudy, ForeignFiles
        If something lies at the path that must not be replaced.
    """
    places = Places.of(store)
    recover(places.store)
    if (identity := belongs_to(places.store)) is not None:
        require_readable(identity, places.store)
        require_study(identity, plan.name, places.store)
        refuse_foreign_files(places)
    places.store.parent.mkdir(parents=True, exist_ok=True)
    try:
        records, repaired, counts = _build(plan, journal, places, cache_bytes)
        swap_in(places, seal_tree(places.building))
    except BaseException:
        with suppress(OSError):
            recover(places.store)
        raise
    damaged = frozenset(records.damaged)
    for key in damaged:
        journal.set_aside(key)
    return Collected(
        places.store,
        counts,
        damaged,
        frozenset(key for key in repaired if key in records.headers),
        records.unusable,
    )


def _build(
    plan: StorePlan, journal: Journal, places: Places, cache_bytes: int
) -> tuple[WantedRecords, frozenset[str], dict[str, int]]:
    """Write the next tree; return its records, which of them were restored, and the counts."""
    wanted = {value for value in plan.cells.values() if isinstance(value, str)}
    repaired: set[str] = set()
    for _ in range(_ATTEMPTS):
        records = WantedRecords(plan, journal, cache_bytes)
        if records.damaged or wanted - journal.keys():
            found = adopt(places.store, journal, damaged=records.damaged).restored
            if found:
                repaired |= found
                records = WantedRecords(plan, journal, cache_bytes)
        try:
            counts = write_tree(plan, records, places.building)
        except DamagedCell:
            # It was whole a moment ago: look again, and go on without it.
            shutil.rmtree(places.building)
            continue
        return records, frozenset(repaired), counts
    raise DamagedStore(
        f"the records in {places.journal} change while they are collected; does something else "
        "write there?"
    )
