"""Collects the journal into the Zarr tree of a study."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ntksim.store.adopt import adopt
from ntksim.store.cells import Journal
from ntksim.store.identity import belongs_to, require_readable
from ntksim.store.layout import StorePlan
from ntksim.store.manifest import seal_tree
from ntksim.store.places import Places
from ntksim.store.records import CACHE_BYTES, WantedRecords
from ntksim.store.swap import recover, refuse_foreign_files, swap_in
from ntksim.store.tree import write_tree


@dataclass(frozen=True)
class Collected:
    """What a store holds after collecting.

    ``counts`` are numbers of positions by status. ``repaired`` are the keys of records whose file
    was damaged and that the last store still held; ``damaged`` are those that it did not hold: they
    were set aside and will be computed again. ``unusable`` says of these, and of records that do
    not fit the plan, why they count as missing.
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
    was. Damaged records are replaced by what the last store holds of them, if it does. Only for the
    holder of the store's lock. Memory is bounded by ``cache_bytes``, one block of one variable and
    one record.

    Raises
    ------
    NotAStore, NewerStore, DamagedStore, ForeignFiles
        If something lies at the path that must not be replaced.
    """
    places = Places.of(store)
    recover(places.store)
    if (identity := belongs_to(places.store)) is not None:
        require_readable(identity, places.store)
        refuse_foreign_files(places)
    places.store.parent.mkdir(parents=True, exist_ok=True)
    try:
        records = WantedRecords(plan, journal, cache_bytes)
        repaired = frozenset[str]()
        if records.damaged:
            repaired = adopt(places.store, journal, damaged=records.damaged).restored
            records = WantedRecords(plan, journal, cache_bytes)
        counts = write_tree(plan, records, places.building)
        swap_in(places, seal_tree(places.building))
    except BaseException:
        with suppress(OSError):
            recover(places.store)
        raise
    damaged = frozenset(records.damaged)
    for key in damaged:
        journal.set_aside(key)
    return Collected(
        places.store, counts, damaged, repaired & records.headers.keys(), records.unusable
    )
