"""Runs in which a call to the file system fails, or is the last thing that the process does."""

import shutil
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from ntksim.engine.threads import available_cores
from ntksim.store.verify import verify

from faults.nursery import COMPLETE, NO_ACCESS
from faults.undisturbed import Nursery, files
from running_studies import write_study

pytestmark = pytest.mark.faults

SMALLEST: dict[str, Any] = {"width": 4, "seed": [0, 1], "record": ["loss"]}


class Example:
    """A small run, and how many calls it makes that change something."""

    def __init__(self, folder: Path) -> None:
        self.nursery = Nursery()
        self.folder = folder
        self.study = write_study(folder, **SMALLEST)
        part = write_study(folder / "part", **SMALLEST | {"seed": [1]})
        store = folder / "undisturbed" / "small.zarr"
        self.older = folder / "older"
        for place in (store.parent, self.older):
            place.mkdir()
        assert self.nursery.run(part, self.older / "small.zarr") == COMPLETE
        assert self.nursery.run(self.study, store) == COMPLETE
        assert verify(store).is_whole
        self.files = files(store)

    def prepare(self, name: str, replacing: bool) -> Path:
        """Return the place of a store, where an older one already is or nothing."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        if replacing:
            shutil.copytree(self.older, folder)
        else:
            folder.mkdir()
        return folder / "small.zarr"

    def calls(self, replacing: bool) -> int:
        store = self.prepare("counting", replacing)
        counted = self.folder / "counted"
        assert self.nursery.run(self.study, store, counted=str(counted)) == COMPLETE
        return int(counted.read_text())

    def try_at(self, at: int, how: str, replacing: bool) -> int:
        """Spoil one call, run again undisturbed, and compare; return how the spoilt run ended."""
        store = self.prepare("trial", replacing)
        code = self.nursery.run(self.study, store, at=at, how=how)
        assert self.nursery.run(self.study, store) == COMPLETE, (at, how)
        found = files(store)
        assert found.keys() == self.files.keys(), (at, how)
        assert found == self.files, (at, how)
        return code


class Examples:
    """One example for each core."""

    def __init__(self, folder: Path) -> None:
        self.count = min(available_cores(), 4)
        self._free: SimpleQueue[Example] = SimpleQueue()
        for number in range(self.count):
            (folder / str(number)).mkdir()
            self._free.put(Example(folder / str(number)))

    def calls(self, replacing: bool) -> int:
        example = self._free.get()
        try:
            return example.calls(replacing)
        finally:
            self._free.put(example)

    def try_all(self, calls: Iterable[int], how: str, replacing: bool) -> list[int]:
        """Try several calls at once, each core its own; return how the runs ended, in order."""

        def attempt(at: int) -> int:
            example = self._free.get()
            try:
                return example.try_at(at, how, replacing)
            finally:
                self._free.put(example)

        with ThreadPoolExecutor(self.count) as pool:
            return list(pool.map(attempt, calls))

    def close(self) -> None:
        for _ in range(self.count):
            self._free.get().nursery.close()


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examples]:
    found = Examples(tmp_path_factory.mktemp("examples"))
    yield found
    found.close()


ENDS = {
    "die": {-signal.SIGKILL},
    "tear": {-signal.SIGKILL, COMPLETE},  # complete where the call does not open a file
    "error": {NO_ACCESS, COMPLETE},  # complete where only something that is left cannot go
    "full": {NO_ACCESS, COMPLETE},
    "read-only": {NO_ACCESS, COMPLETE},
}

PARTS = 4
"""Tests that share the calls of a run, so that each of them ends soon."""


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("replacing", [False, True])
def test_some_calls(examples: Examples, how: str, replacing: bool) -> None:
    calls = examples.calls(replacing)
    assert calls > 50
    # The first and the last ones are about the journal and about replacing the tree.
    chosen = sorted({2, calls // 3, calls - 3})
    assert set(examples.try_all(chosen, how, replacing)) <= ENDS[how]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("replacing", [False, True])
def test_every_call(examples: Examples, how: str, replacing: bool, part: int) -> None:
    calls = examples.calls(replacing)
    chosen = range(1 + part, calls + 1, PARTS)
    ends = examples.try_all(chosen, how, replacing)
    print(f"{how}: {len(ends)} of {calls} calls, {dict(Counter(ends))}")  # noqa: T201 - with -s
    assert set(ends) <= ENDS[how]
    # Most calls are needed: what becomes of a run is not that nothing became of the call.
    assert set(ends) != {COMPLETE}


@pytest.mark.slow
@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("replacing", [False, True])
def test_beyond_the_last_call_nothing_happens(
    examples: Examples, how: str, replacing: bool
) -> None:
    beyond = examples.calls(replacing) + 1
    assert examples.try_all([beyond], how, replacing) == [COMPLETE]
