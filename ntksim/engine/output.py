"""The journal and the store of a run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from ntksim.engine.changes import code_changes, store_of
from ntksim.engine.errorlog import ErrorLog
from ntksim.engine.events import CellFinished, Collecting, Listener, Warned
from ntksim.engine.provenance import store_plan
from ntksim.store import CellRecord, DamagedCell, Journal, Places, StoreUnusable
from ntksim.study import Plan, Study

if TYPE_CHECKING:
    from ntksim.store.collect import Collected

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
        self.path = path
        self.listener = listener
        self.taken: set[str] = set()
        self.lost: set[str] = set()
        self._layout = store_plan(study, plan)
        self._journal = Journal(Places.of(path).journal)
        self._log = ErrorLog(Places.of(path).log)
        self._expected = 0
        self._collecting = 0.0
        self._started = time.monotonic()
        self._open(study, recompute)

    def _open(self, study: Study, recompute: bool) -> None:
        from ntksim.store.adopt import adopt
        from ntksim.store.swap import recover

        recover(self.path)
        self._journal.sweep()
        identity = store_of(study, self.path)
        if identity is None:
            return
        if (changes := code_changes(identity, study)) and not recompute:
            raise StoreUnusable(
                f"{self.path} was computed with other code: {'; '.join(changes)}; give --recompute "
                "to compute it again, or another path with --store"
            )
        adopt(self.path, self._journal)

    def missing(self, retry_failed: bool) -> list[str]:
        """Return the keys that have no record, and with ``retry_failed`` those that failed."""
        stored = self._journal.keys()
        return [
            key
            for key in self.plan.tasks
            if key not in stored or (retry_failed and self._failed(key))
        ]

    def expect(self, cells: int) -> None:
        """Take note that so many more records will come."""
        self._expected = len(self.taken) + cells

    def take(self, record: CellRecord) -> None:
        """Journal a finished record."""
        label = self.plan.tasks[record.key].label
        self._journal.write(record)
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

    def collect(self) -> Collected:
        """Bring the store up to date with the journal."""
        from ntksim.store.collect import collect

        start = time.monotonic()
        self.listener(Collecting(str(self.path)))
        collected = collect(self._layout, self._journal, self.path)
        self._collecting += time.monotonic() - start
        self.lost |= collected.damaged
        if collected.repaired:
            count = len(collected.repaired)
            self.listener(Warned(f"{count} damaged records were restored from the last store"))
        if collected.damaged:
            count = len(collected.damaged)
            self.listener(
                Warned(f"{count} records were damaged, and their cells are computed again")
            )
        return collected

    def _failed(self, key: str) -> bool:
        try:
            return self._journal.status(key) == "failed"
        except DamagedCell:
            return False  # collecting repairs it or finds it missing
