"""A store is current when collecting would change nothing; whatever is wrong with it, it is not."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ntksim.store import CellRecord, Journal, Places, StorePlan
from ntksim.store.collect import collect
from ntksim.store.current import counts_if_current

from store.store_examples import (
    example_journal,
    example_plan,
    example_record,
    small_plan,
    tree_bytes,
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    plan = small_plan()
    collect(plan, example_journal(tmp_path / "p.cells", plan), tmp_path / "p.zarr")
    return tmp_path / "p.zarr"


def counts(store: Path, **changes: Any) -> Any:
    return counts_if_current(small_plan(**changes), Journal(Places.of(store).journal), store)


def test_a_collected_store_is_current_and_its_cells_are_counted(tmp_path: Path) -> None:
    plan = example_plan()
    journal = example_journal(tmp_path / "p.cells", plan)
    journal.write(example_record(plan, (0, 0, 0, 0, 1, 0), "failed"))
    collected = collect(plan, journal, tmp_path / "p.zarr")
    found = counts_if_current(plan, journal, tmp_path / "p.zarr")
    assert found == collected.counts
    assert found == Counter({"done": 19, "not applicable": 4, "failed": 1})
    # The order in which a plan lists its cells says nothing.
    shuffled = example_plan(cells=dict(reversed(list(plan.cells.items()))))
    assert counts_if_current(shuffled, journal, tmp_path / "p.zarr") == found


def test_looking_changes_nothing(store: Path) -> None:
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in store.parent.rglob("*")}
    assert counts(store) == {"done": 4}
    assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in store.parent.rglob("*")} == before


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"description": "other"},
        {"attributes": {"note": 1}},
        {"descriptions": {"kernel": {"analytic": "other"}}},
        {"time": (0.0, 2.0)},
        {"seed": (0, 2)},
        {"specs": {"loss_test": small_plan().specs["loss_test"]}},
    ],
)
def test_another_plan_is_not_current(store: Path, changes: dict[str, Any]) -> None:
    assert counts(store) is not None
    assert counts(store, **changes) is None


def record_removed(store: Path, plan: StorePlan) -> None:
    journal = Journal(Places.of(store).journal)
    journal.remove(sorted(journal.keys())[0])
    del plan


def record_rewritten(store: Path, plan: StorePlan) -> None:
    record = example_record(plan, (0, 0, 0, 0, 0, 0))
    changed = CellRecord(record.key, "done", record.variables, {**record.info, "wall_time": 9.0})
    Journal(Places.of(store).journal).write(changed)


def record_flipped(store: Path, plan: StorePlan) -> None:
    path = sorted(Places.of(store).journal.iterdir())[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    del plan


def chunk_flipped(store: Path, plan: StorePlan) -> None:
    path = sorted(store.rglob("c.*"))[0]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    del plan


def chunk_removed(store: Path, plan: StorePlan) -> None:
    sorted(store.rglob("c.*"))[-1].unlink()
    del plan


def file_added(store: Path, plan: StorePlan) -> None:
    (store / ".hidden").touch()
    del plan


def manifest_removed(store: Path, plan: StorePlan) -> None:
    Places.of(store).manifest.unlink()
    del plan


def metadata_changed(store: Path, plan: StorePlan) -> None:
    path = store / "zarr.json"
    path.write_text(path.read_text() + " ")
    del plan


def store_removed(store: Path, plan: StorePlan) -> None:
    shutil.rmtree(store)
    del plan


@pytest.mark.parametrize(
    "harm",
    [
        record_removed,
        record_rewritten,
        record_flipped,
        chunk_flipped,
        chunk_removed,
        file_added,
        manifest_removed,
        metadata_changed,
        store_removed,
    ],
)
def test_what_is_damaged_or_changed_is_not_current_until_it_is_collected(
    store: Path, harm: Callable[[Path, StorePlan], None]
) -> None:
    plan = small_plan()
    before = tree_bytes(store)
    harm(store, plan)
    assert counts(store) is None
    journal = Journal(Places.of(store).journal)
    collect(plan, journal, store)
    assert counts(store) == {"done": 4}
    # A record that is gone is found in the last store.
    assert (tree_bytes(store) == before) == (harm is not record_rewritten)


def test_a_store_of_an_older_version_without_the_digest_is_not_current(store: Path) -> None:
    path = store / "zarr.json"
    path.write_text(path.read_text().replace("content_sha256", "something_else"))
    assert counts(store) is None
