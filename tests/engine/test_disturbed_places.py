"""What others do to a store and its journal, before a run or during it: nothing is lost by it."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ntksim.engine import CellFinished, Collecting, Event, RunStarted, Warned, run
from ntksim.engine.events import Listener
from ntksim.store import (
    CellRecord,
    DamagedStore,
    Journal,
    Places,
    StoreUnusable,
    belongs_to,
    open_results,
)
from ntksim.store.verify import verify

from running_studies import recorded, statuses, write_study


class Disturbed:
    """A study whose store is there, and what happens while a larger one is run on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "small.zarr"
        self.places = Places.of(self.store)
        run(write_study(folder), store=self.store)
        self.records = recorded(self.store)
        self.warnings: list[str] = []

    def larger(self) -> Path:
        return write_study(self.folder, seed=[0, 1, 2])

    def when(self, kind: type[Event], what: Callable[[], None]) -> Listener:
        """Return a listener that does something at the first event of a kind."""
        waiting = [what]

        def listen(event: Event) -> None:
            if isinstance(event, Warned):
                self.warnings.append(event.message)
            if isinstance(event, kind) and waiting:
                waiting.pop()()

        return listen

    def is_whole(self, cells: int) -> None:
        assert verify(self.store).is_whole
        found = recorded(self.store)
        assert len(found) == cells
        assert self.records.items() <= found.items()
        with open_results(self.store) as tree:
            assert (tree.to_dataset()["status"] == "done").all()


@pytest.fixture
def disturbed(tmp_path: Path) -> Disturbed:
    return Disturbed(tmp_path)


def test_another_study_that_took_the_place_is_not_replaced(disturbed: Disturbed) -> None:
    other = disturbed.folder / "other" / "small.zarr"
    run(write_study(other.parent, study="other"), store=other)

    def replace() -> None:
        shutil.rmtree(disturbed.store)
        shutil.move(other, disturbed.store)
        shutil.move(other.with_suffix(".sha256"), disturbed.places.manifest)

    listener = disturbed.when(CellFinished, replace)
    with pytest.raises(StoreUnusable, match="holds the study 'other', not 'small'; give another"):
        run(disturbed.larger(), store=disturbed.store, listener=listener)
    identity = belongs_to(disturbed.store)
    assert identity is not None
    assert identity.study == "other"
    assert verify(disturbed.store).is_whole
    # What was finished is in the journal, and serves as soon as the place is free.
    assert len(recorded(disturbed.store)) == 6
    shutil.rmtree(disturbed.store)
    summary = run(disturbed.larger(), store=disturbed.store)
    assert (summary.computed, summary.counts) == (0, {"done": 6})


@pytest.mark.parametrize("event", [RunStarted, CellFinished, Collecting])
def test_a_store_that_is_removed_is_built_anew(disturbed: Disturbed, event: type[Event]) -> None:
    listener = disturbed.when(event, lambda: shutil.rmtree(disturbed.store))
    summary = run(disturbed.larger(), store=disturbed.store, listener=listener)
    assert (summary.computed, summary.counts) == (2, {"done": 6})
    disturbed.is_whole(6)


@pytest.mark.parametrize("event", [RunStarted, Collecting])
def test_a_journal_that_is_removed_is_restored_from_the_store(
    disturbed: Disturbed, event: type[Event]
) -> None:
    listener = disturbed.when(event, lambda: shutil.rmtree(disturbed.places.journal))
    summary = run(disturbed.larger(), store=disturbed.store, listener=listener)
    # What was computed since the last store is gone, where it was there.
    new = 2 if event is RunStarted else 0
    assert summary.counts == {"done": 6} if new else {"done": 4, "missing": 2}
    assert disturbed.warnings == [
        "4 records, damaged or gone, were restored from the last store",
    ]
    disturbed.records = {} if not new else disturbed.records
    assert run(disturbed.larger(), store=disturbed.store).counts == {"done": 6}
    disturbed.is_whole(6)


def test_a_record_that_is_damaged_before_collecting_is_restored_or_computed_again(
    disturbed: Disturbed,
) -> None:
    def spoil() -> None:
        for path in disturbed.places.journal.iterdir():
            path.write_bytes(path.read_bytes()[:-1])

    listener = disturbed.when(Collecting, spoil)
    summary = run(disturbed.larger(), store=disturbed.store, listener=listener)
    # Those of the last store are restored. Those of this run are not tried for ever.
    assert summary.counts == {"done": 4, "missing": 2}
    assert disturbed.warnings == [
        "4 records, damaged or gone, were restored from the last store",
        "2 records were damaged, and their cells are computed again",
    ]
    summary = run(disturbed.larger(), store=disturbed.store)
    assert (summary.computed, summary.counts) == (2, {"done": 6})
    disturbed.is_whole(6)


def test_what_is_foreign_in_the_journal_stays(disturbed: Disturbed) -> None:
    journal = disturbed.places.journal
    (journal / "notes.txt").write_text("mine")
    (journal / "folder").mkdir()
    (journal / "abc.npz").write_bytes(b"no record, and of no cell of the study")
    summary = run(disturbed.larger(), store=disturbed.store)
    assert summary.counts == {"done": 6}
    assert (journal / "notes.txt").read_text() == "mine"
    assert (journal / "folder").is_dir()
    assert (journal / "abc.npz").exists()
    # But who verifies is told of it.
    assert verify(disturbed.store).damaged_cells == ("abc",)


@pytest.mark.parametrize("foreign", ["text", "folder", "other record", "other values"])
def test_what_is_foreign_in_the_place_of_a_record_is_set_aside(
    disturbed: Disturbed, foreign: str
) -> None:
    journal = Journal(disturbed.places.journal)
    key, other = sorted(journal.keys())[:2]
    path = journal.path(key)
    whole = path.read_bytes()
    path.unlink()
    match foreign:
        case "text":
            path.write_bytes(b"something else")
        case "folder":
            path.mkdir()
        case "other record":
            shutil.copy(journal.path(other), path)
        case _:
            values = {
                name: value[..., None] for name, value in journal.read(other).variables.items()
            }
            journal.write(CellRecord(key, "done", values, {}))
    shutil.rmtree(disturbed.store)  # nothing to restore it from
    summary = run(write_study(disturbed.folder), store=disturbed.store)
    assert (summary.computed, summary.counts) == (1, {"done": 4})
    disturbed.is_whole(4)
    assert path.with_suffix(".npz.damaged").exists()
    assert len(path.read_bytes()) == pytest.approx(len(whole), abs=20)  # only times differ


WRONG_SIZES = '''
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from ntksim import Diagnostic, VariableSpec, hookimpl

@dataclass(frozen=True)
class Wrong(Diagnostic):
    """Measures too many points."""

    name: ClassVar[str] = "wrong"
    variables: ClassVar = {"wrong": VariableSpec(("train_point",), "wrong")}

    def measure(self, cell):
        return {"wrong": np.zeros(len(cell.dataset.x_train) + 1)}

@hookimpl
def ntksim_diagnostics():
    return [Wrong]
'''


def test_values_of_the_wrong_size_are_a_failure_of_the_cell(tmp_path: Path) -> None:
    (tmp_path / "sizes.py").write_text(WRONG_SIZES)
    study = write_study(tmp_path, plugins=["misbehaving.py", "sizes.py"], record=["loss", "wrong"])
    summary = run(study, store=tmp_path / "small.zarr")
    assert summary.counts == {"failed": 4}
    errors = {json.dumps(r.info["error"]) for r in records(tmp_path / "small.zarr")}
    assert errors == {
        "\"ValueError: 'wrong' has 4 values along train_point, the data have 3\"",
    }
    assert set(statuses(tmp_path / "small.zarr").values()) == {"failed"}


def records(store: Path) -> list[Any]:
    journal = Journal(Places.of(store).journal)
    return [journal.read(key) for key in sorted(journal.keys())]


@pytest.mark.parametrize("content", ["", "{", '{"attributes": {}}', '{"attributes": 3}', "\0" * 99])
def test_a_store_without_readable_metadata_is_moved_and_built_anew(
    disturbed: Disturbed, content: str
) -> None:
    (disturbed.store / "zarr.json").write_text(content)
    if content == '{"attributes": {}}':
        # Whole JSON of something else: not known to be ours, so it is not touched.
        with pytest.raises(StoreUnusable, match="was not written by ntksim"):
            run(disturbed.larger(), store=disturbed.store)
        return
    listener = disturbed.when(RunStarted, lambda: None)
    summary = run(disturbed.larger(), store=disturbed.store, listener=listener)
    assert (summary.computed, summary.counts) == (2, {"done": 6})
    disturbed.is_whole(6)
    moved = disturbed.folder / "small.zarr.damaged"
    assert disturbed.warnings == [
        f"the store's metadata are damaged; it is now {moved}, and built anew"
    ]
    assert (moved / "zarr.json").read_text() == content


def test_what_is_not_known_to_be_a_store_of_ours_is_not_moved(disturbed: Disturbed) -> None:
    (disturbed.store / "zarr.json").write_text("{")
    (disturbed.store / "mine.txt").write_text("mine")
    with pytest.raises(DamagedStore, match="cannot be read"):
        run(disturbed.larger(), store=disturbed.store)
    (disturbed.store / "mine.txt").unlink()
    disturbed.places.manifest.unlink()
    with pytest.raises(DamagedStore, match="or move it away first"):
        run(disturbed.larger(), store=disturbed.store)
    assert (disturbed.store / "zarr.json").read_text() == "{"


def test_damaged_metadata_of_arrays_are_repaired(disturbed: Disturbed) -> None:
    for path in disturbed.store.rglob("zarr.json"):
        if path.parent != disturbed.store:
            path.write_text("{")
    assert not verify(disturbed.store).is_whole
    summary = run(write_study(disturbed.folder), store=disturbed.store)
    assert (summary.computed, summary.counts) == (0, {"done": 4})
    disturbed.is_whole(4)


def test_a_link_that_is_changed_does_not_move_a_run(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    link = tmp_path / "link.zarr"
    link.symlink_to(tmp_path / "first" / "small.zarr")

    def change(event: Event) -> None:
        if isinstance(event, RunStarted):
            link.unlink()
            link.symlink_to(tmp_path / "second" / "small.zarr")

    run(write_study(tmp_path), store=link, listener=change)
    assert (tmp_path / "first" / "small.zarr").is_dir()
    assert len(recorded(tmp_path / "first" / "small.zarr")) == 4
    assert list((tmp_path / "second").iterdir()) == []


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "content").touch()


IN_PLACE: dict[str, Callable[[Path], None]] = {
    "a folder": make_folder,
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
}


@pytest.mark.faults
@pytest.mark.timeout(60)  # a pipe would be waited for, and a device is read for ever
@pytest.mark.parametrize("what", IN_PLACE)
def test_what_is_in_the_place_of_a_record_is_damage_and_repaired(tmp_path: Path, what: str) -> None:
    disturbed = Disturbed(tmp_path)
    key = min(disturbed.records)
    path = Journal(disturbed.places.journal).path(key)
    path.unlink()
    IN_PLACE[what](path)
    found = verify(disturbed.store)
    assert found.damaged_cells == (key,)
    assert found.is_repairable
    assert run(disturbed.larger(), store=disturbed.store).is_complete
    disturbed.is_whole(6)
    # What is somebody's, and may be full, is only moved out of the way.
    aside = path.with_suffix(".npz.damaged") / "content"
    assert aside.exists() == (what == "a folder")
