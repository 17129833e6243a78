"""The journal and the store of a run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ntksim.engine.changes import code_changes, store_of
from ntksim.engine.errorlog import ErrorLog
from ntksim.engine.events import CellFinished, Collecting, Listener, Warned
from ntksim.engine.provenance import store_plan
from ntksim.engine.tasks import failed_record
from ntksim.store import CellRecord, DamagedCell, DamagedStore, Journal, Places, StoreUnusable
from ntksim.store.current import counts_if_current
from ntksim.store.flush import Flusher
from ntksim.store.records import misfit
from ntksim.store.swap import recover, set_aside
from ntksim.study import Plan, Study

COLLECT_SHARE = 0.1
"""Largest part of a run's time that is spent on collecting before the end."""

FIRST_COLLECTING = 50.0
"""Seconds before which a run does not collect, unless it ends."""


class Output:
    """Takes finished records, and collects them into the store now and then.

    Only for the holder of the store's lock. ``taken`` are the keys of the records taken, ``lost``
    those whose record was found to be damaged, and could not be restored, while collecting.

    Raises
    ------
    StoreUnusable
        If the store belongs to another study, cannot be read, or was computed with other versions
        of the plugins and ``recompute`` does not say to go on.
    """

    def __init__(
        self, study: Study, plan: Plan, path: Path, listener: Listener, *, recompute: bool = False
    ) -> None:
        self.plan = plan
        self.places = Places.of(path)
        self.listener = listener
        self.taken: set[str] = set()
        self.lost: set[str] = set()
        self._layout = store_plan(study, plan)
        self._journal = Journal(self.places.journal)
        self._flusher = Flusher()
        self._counts: Mapping[str, int] | None = None
        self._log = ErrorLog(self.places.log)
        self._expected = 0
        self._collecting = 0.0
        self._started = time.monotonic()
        self._open(study, recompute)

    @property
    def path(self) -> Path:
        """The store, symbolic links resolved: it stays the same place during the run."""
        return self.places.store

    @property
    def unasked(self) -> int:
        """Number of records that the study does not ask for."""
        return len(self._journal.keys() - set(self.plan.tasks))

    def label(self, key: str) -> str:
        """Say in one line what a computation is, at the first of its positions."""
        position, _ = self.plan.tasks.first[key]
        return self.plan.cell(position).label

    def _open(self, study: Study, recompute: bool) -> None:
        recover(self.path)
        self._journal.sweep()
        try:
            self._look_at_store(study, recompute)
        except DamagedStore:
            moved = set_aside(self.places)
            if moved is None:
                raise
            self.listener(
                Warned(f"the store's metadata are damaged; it is now {moved}, and built anew")
            )

    def _look_at_store(self, study: Study, recompute: bool) -> None:
        """Refuse a store that is not this study's; take over what only the store has."""
        identity = store_of(study, self.path)
        if identity is None:
            return
        if (changes := code_changes(identity, study)) and not recompute:
            raise StoreUnusable(
                f"{self.path} was computed with other code: {'; '.join(changes)}; give --recompute "
                "to compute it again, or another path with --store"
            )
        self._counts = counts_if_current(self._layout, self._journal, self.path)
        if self._counts is None:
            from ntksim.store.adopt import adopt

            adopt(self.path, self._journal, flusher=self._flusher)

    def missing(self, retry_failed: bool) -> list[str]:
        """Return the keys that have no record, and with ``retry_failed`` those that failed.

        They come in the order of their positions, in which shared work is used up soonest: how much
        of it is held at a time does not grow with the number of seeds.
        """
        stored = self._journal.keys()
        first = self.plan.tasks.first
        found = [key for key in first if key not in stored or (retry_failed and self._failed(key))]
        if not found:
            with suppress(OSError):
                self.places.attempts.unlink()
        return sorted(found, key=lambda key: first[key][0])

    def expect(self, cells: int) -> None:
        """Take note that so many more records will come."""
        self._expected = len(self.taken) + cells

    def take(self, record: CellRecord) -> None:
        """Journal a finished record."""
        label = self.label(record.key)
        record = self._fitting(record, label)
        self._journal.write(record, self._flusher)
        self._counts = None
        self.taken.add(record.key)
        if record.status == "failed":
            self._log.add(label, record)
        self.listener(
            CellFinished(
                key=record.key,
                label=label,
                seconds=float(record.info.get("wall_time", 0.0)),
                finished=len(self.taken),
                missing=self._expected,
                error=record.info.get("error", ""),
            )
        )
        budget = COLLECT_SHARE * (time.monotonic() - self._started - FIRST_COLLECTING)
        if len(self.taken) < self._expected and self._collecting < budget:
            self.collect()

    def collect(self) -> Mapping[str, int]:
        """Bring the store up to date with the journal; return how many positions have each status.

        Nothing is written where nothing would change.
        """
        if self._counts is not None:
            return self._counts
        # zarr takes half a second to import.
        from ntksim.store.collect import collect

        self._flusher.wait()
        start = time.monotonic()
        self.listener(Collecting(str(self.path)))
        collected = collect(self._layout, self._journal, self.path)
        self._collecting += time.monotonic() - start
        for key in collected.unusable.keys() - collected.damaged:
            # Not this study's, although it has the name: the cell is to be computed.
            self._journal.set_aside(key)
        self.lost |= collected.unusable.keys()
        if collected.repaired:
            count = len(collected.repaired)
            self.listener(
                Warned(f"{count} records, damaged or gone, were restored from the last store")
            )
        if collected.unusable:
            count = len(collected.unusable)
            self.listener(
                Warned(f"{count} records were damaged, and their cells are computed again")
            )
        return collected.counts

    def close(self) -> None:
        """Wait until every record taken is on the disk.

        Raises
        ------
        OSError
            If one cannot be brought there.
        """
        self._flusher.close()

    def _fitting(self, record: CellRecord, label: str) -> CellRecord:
        """Return a record, or if it cannot be stored as the plugins declare, that it failed."""
        position, _ = self.plan.tasks.first[record.key]
        sizes = self._layout.fixed_sizes(self._layout.dataset[position[0]])
        reason = misfit(record.variables, self._layout.variables, sizes)
        if reason is None:
            return record
        seconds = float(record.info.get("wall_time", 0.0))
        return failed_record(record.key, f"ValueError: {reason}", label=label, seconds=seconds)

    def _failed(self, key: str) -> bool:
        try:
            return self._journal.status(key) == "failed"
        except DamagedCell:
            return False  # collecting repairs it or finds it missing
