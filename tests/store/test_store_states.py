"""Any sequence of runs, kills, damage and repairs: the store holds right bytes or says what is not.

The model is a dictionary: the cells that the study has by now, and the value of each as a function
of its key. Whatever was done before, a run leaves all of them in the store, whole.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, seed, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from ntksim.store import CellRecord, Journal, StorePlan
from ntksim.store.adopt import adopt
from ntksim.store.collect import collect
from ntksim.store.swap import recover
from ntksim.store.verify import verify

from store.store_examples import example_record, key_of, small_plan


class Killed(BaseException):
    """The process ended here."""


@contextmanager
def killed_at(call: int) -> Iterator[None]:
    """End the process, as far as files can tell, at the n-th call that moves or deletes."""
    left = [call]

    def spoiled(function: Any) -> Any:
        def deadly(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] <= 0:
                raise Killed  # and at every call after: whoever tidies up is dead too
            return function(*arguments, **options)

        return deadly

    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("replace", "rename", "unlink", "mkdir"):
            monkeypatch.setattr(os, name, spoiled(getattr(os, name)))
        monkeypatch.setattr(shutil, "rmtree", spoiled(shutil.rmtree))
        with suppress(Killed):
            yield


class StoreStates(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="ntksim-states-"))
        self.store = self.folder / "p.zarr"
        self.journal = Journal(self.folder / "p.cells")
        self.width, self.seed = [1.0], [0]
        self.is_clean = False  # the last run came to its end
        self.missing: set[str] = set()
        self.damaged: set[str] = set()
        self.records: set[str] = set()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def plan(self) -> StorePlan:
        """The study as it is by now; the key of a cell is its content, not its position."""
        cells = {
            (0, 0, w, s, 0, 0): key_of("states", width, seed)
            for w, width in enumerate(self.width)
            for s, seed in enumerate(self.seed)
        }
        return small_plan(width=tuple(self.width), seed=tuple(self.seed), cells=cells)

    def expected(self) -> dict[str, CellRecord]:
        plan = self.plan()
        return {str(key): example_record(plan, index) for index, key in plan.cells.items()}

    def compute(self) -> None:
        """Do what a run does: recover, take over, compute what is missing, collect, repair."""
        plan, cells = self.plan(), self.expected()
        recover(self.store)
        self.journal.sweep()
        adopt(self.store, self.journal)
        for _ in range(2):
            for key in sorted(cells.keys() - self.journal.keys()):
                self.journal.write(cells[key])
            if not collect(plan, self.journal, self.store).damaged:
                return
        raise AssertionError("a record is damaged that was just written")

    @rule()
    def run(self) -> None:
        self.compute()
        self.is_clean = True
        for broken in (self.missing, self.damaged):
            broken.clear()
        self.records -= self.expected().keys()  # of the others nothing is known any more
        with xr.open_datatree(self.store, engine="zarr") as tree:
            root = tree.to_dataset().load()
        assert root["status"].dims[2:4] == ("width", "seed")
        assert set(root["status"].values.ravel().tolist()) == {"done"}
        found = verify(self.store)
        assert not found.is_repairable
        assert set(found.unused_cells) == self.records
        assert self.expected().keys() <= self.journal.keys()

    @rule(call=st.integers(1, 40))
    def run_and_die(self, call: int) -> None:
        self.is_clean = False
        with killed_at(call):
            self.compute()

    @rule(width=st.sampled_from([2.0, 3.0, 4.0]))
    def add_a_width(self, width: float) -> None:
        if width not in self.width:
            self.width.insert(0, width)  # in front: every position moves

    @rule(seed=st.integers(1, 3))
    def add_a_seed(self, seed: int) -> None:
        if seed not in self.seed:
            self.seed.append(seed)

    def chunks(self) -> list[str]:
        files = (p.relative_to(self.store).as_posix() for p in self.store.rglob("c*"))
        names = {name for name in files if (self.store / name).is_file()}
        return sorted(names - self.missing - self.damaged)

    @precondition(lambda self: self.is_clean and self.chunks())
    @rule(data=st.data(), how=st.sampled_from(["flip", "cut", "delete"]))
    def damage_a_chunk(self, data: st.DataObject, how: str) -> None:
        name = data.draw(st.sampled_from(self.chunks()))
        if how == "delete":
            (self.store / name).unlink()
            self.missing.add(name)
        else:
            spoil(self.store / name, data, how)
            self.damaged.add(name)

    @precondition(lambda self: self.journal.keys() - self.records)
    @rule(data=st.data(), how=st.sampled_from(["flip", "cut"]))
    def damage_a_record(self, data: st.DataObject, how: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.journal.keys() - self.records)))
        spoil(self.journal.path(key), data, how)
        self.records.add(key)

    @rule()
    def lose_the_journal(self) -> None:
        shutil.rmtree(self.journal.folder, ignore_errors=True)
        self.records.clear()

    @rule(number=st.integers(0, 3))
    def bring_a_foreign_record(self, number: int) -> None:
        key = key_of("foreign", number)
        self.journal.write(CellRecord(key, "done", {"loss_test": np.zeros(2)}, {}))
        self.records.discard(key)

    @rule()
    def keep_only_a_half_of_the_journal(self) -> None:
        for key in sorted(self.journal.keys())[::2]:
            self.journal.remove(key)
            self.records.discard(key)

    @invariant()
    def every_record_is_right_or_found_out(self) -> None:
        expected = self.expected()
        for key in self.journal.keys() & expected.keys() - self.records:
            for name, value in self.journal.read(key).variables.items():
                assert value.tobytes() == expected[key].variables[name].tobytes()

    @invariant()
    def the_store_opens_and_holds_nothing_wrong(self) -> None:
        if not self.store.exists() or self.missing or self.damaged:
            return  # damage is what verify is for, below
        expected = self.expected()
        with xr.open_datatree(self.store, engine="zarr") as tree:
            root = tree.to_dataset().load()
            group = tree["d"].to_dataset().load()
        keys, status = root["cell_key"].values, root["status"].values
        for index in np.ndindex(keys.shape):
            key = str(keys[index])
            assert status[index] in ("done", "missing")
            if status[index] == "done" and key in expected:
                record = expected[key].variables
                loss, modes = record["loss_test"], record["eigenvalue"]
                assert root["loss_test"].values[index].tobytes() == loss.tobytes()
                stored = group["eigenvalue"].values[index[1:]][: len(modes)]
                assert stored.tobytes() == modes.tobytes()

    @invariant()
    def verify_names_exactly_what_is_damaged(self) -> None:
        if not self.is_clean:
            return
        found = verify(self.store)
        assert set(found.missing) == self.missing
        assert set(found.damaged) == self.damaged
        assert set(found.damaged_cells) == self.records
        assert found.foreign == ()
        assert found.is_whole == (not (self.missing or self.damaged or self.records))


def spoil(path: Path, data: st.DataObject, how: str) -> None:
    """Flip a bit of a file, or cut it."""
    content = bytearray(path.read_bytes())
    if how == "cut":
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        bit = data.draw(st.integers(0, 8 * len(content) - 1))
        content[bit // 8] ^= 1 << (bit % 8)
    path.write_bytes(content)


def machine(examples: int, steps: int, number: int = 0) -> Any:
    """Return tests of some examples, the same ones each time for a number."""
    states: Any = seed(number)(type("States", (StoreStates,), {}))
    case = type("Case", (states.TestCase,), {})
    case.settings = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    return case


TestSomeStates = machine(4, 12)


def long(number: int) -> Any:
    """Return a third of 150 examples of 40 steps."""
    return pytest.mark.slow(pytest.mark.timeout(3600)(machine(50, 40, number)))


TestManyStates = long(1)
TestManyOtherStates = long(2)
TestManyMoreStates = long(3)
