"""Runs in which a call to the file system fails, or is the last thing that the process does."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.nursery import COMPLETE, NO_ACCESS
from faults.undisturbed import Nursery, check, contents
from running_studies import recorded, write_study

pytestmark = pytest.mark.faults

SMALLEST: dict[str, Any] = {"width": 4, "seed": [0, 1], "record": ["loss"]}


class Example:
    """A small run, and how many calls it makes that change something."""

    def __init__(self, folder: Path, nursery: Nursery) -> None:
        self.nursery = nursery
        self.folder = folder
        self.study = write_study(folder, **SMALLEST)
        self.part = write_study(folder / "part", **SMALLEST | {"seed": [1]})
        self.store = folder / "small.zarr"
        self.older = folder / "older"
        self.older.mkdir()
        assert nursery.run(self.part, self.older / "small.zarr") == COMPLETE
        assert nursery.run(self.study, self.store) == COMPLETE
        self.contents = contents(self.store)
        self.records = recorded(self.store)

    def prepare(self, name: str, replacing: bool) -> Path:
        """Return the place of a store, where an older one already is or nothing."""
        folder = self.folder / "trials" / name
        shutil.rmtree(folder, ignore_errors=True)
        if replacing:
            shutil.copytree(self.older, folder)
        else:
            folder.mkdir(parents=True)
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
        assert self.nursery.run(self.study, store) == COMPLETE
        check(store, self.contents, self.records)
        return code


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    nursery = Nursery()
    yield Example(tmp_path_factory.mktemp("example"), nursery)
    nursery.close()


ENDS = {
    "die": {-signal.SIGKILL},
    "tear": {-signal.SIGKILL, COMPLETE},  # complete where the call does not open a file
    "error": {NO_ACCESS, COMPLETE},  # complete where only something that is left cannot go
    "full": {NO_ACCESS, COMPLETE},
    "read-only": {NO_ACCESS, COMPLETE},
}


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("replacing", [False, True])
def test_some_calls(example: Example, how: str, replacing: bool) -> None:
    calls = example.calls(replacing)
    assert calls > 50
    # The first and the last ones are about the journal and about replacing the tree.
    chosen = sorted({2, calls // 3, calls - 3})
    ends = [example.try_at(at, how, replacing) for at in chosen]
    assert set(ends) <= ENDS[how]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("replacing", [False, True])
def test_every_call(example: Example, how: str, replacing: bool) -> None:
    calls = example.calls(replacing)
    ends = {at: example.try_at(at, how, replacing) for at in range(1, calls + 1)}
    assert set(ends.values()) <= ENDS[how]
    assert max(ENDS[how]) in ends.values() or how == "die"
    assert min(ENDS[how]) in ends.values()
    # Beyond the last call nothing happens.
    assert example.try_at(calls + 1, how, replacing) == COMPLETE
