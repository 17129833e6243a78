import json
import shutil
from pathlib import Path

import pytest
from ntksim.store import CellRecord, Journal, NewerStore, NotAStore, adopt as adopt_module
from ntksim.store.adopt import adopt
from ntksim.store.collect import collect
from ntksim.types import VariableSpec

from store.store_examples import (
    assert_same_record,
    example_journal,
    example_plan,
    example_record,
    example_records,
    key_of,
    small_plan,
    tree_bytes,
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two datasets with a failed and a missing cell."""
    folder = tmp_path_factory.mktemp("original")
    plan = example_plan()
    journal = example_journal(folder / "p.cells", plan)
    journal.write(example_record(plan, (0, 0, 0, 0, 1, 0), "failed"))
    journal.remove(key_of("images", 10.0, 1, "empirical"))
    collect(plan, journal, folder / "p.zarr")
    return folder


@pytest.fixture
def store(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "copy")
    return tmp_path / "copy" / "p.zarr"


@pytest.mark.parametrize("block_bytes", [1, 1 << 26])
def test_a_journal_that_is_gone_comes_back_byte_for_byte(
    store: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr(adopt_module, "BLOCK_BYTES", block_bytes)
    journal = Journal(store.parent / "p.cells")
    before, tree = tree_bytes(journal.folder), tree_bytes(store)
    shutil.rmtree(journal.folder)
    adopted = adopt(store, journal)
    assert adopted.restored == {name.removesuffix(".npz") for name in before}
    assert adopted.lost == frozenset()
    assert tree_bytes(journal.folder) == before
    collect(example_plan(), journal, store)
    assert tree_bytes(store) == tree


def test_a_store_copied_alone_is_enough(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path / "shared.zarr")
    adopted = adopt(tmp_path / "shared.zarr", Journal(tmp_path / "shared.cells"))
    assert len(adopted.restored) == 9


def test_what_the_journal_has_is_left_alone(store: Path) -> None:
    journal = Journal(store.parent / "p.cells")
    key = key_of("digits", "analytic")
    newer = CellRecord(key, "failed", {}, {"error": "newer than the store"})
    journal.write(newer)
    removed = key_of("images", "analytic")
    journal.remove(removed)
    assert adopt(store, journal).restored == {removed}
    assert_same_record(journal.read(key), newer)
    assert adopt(store, journal).restored == frozenset()


def test_a_damaged_record_can_be_replaced(store: Path) -> None:
    journal = Journal(store.parent / "p.cells")
    key = key_of("digits", "analytic")
    whole = journal.path(key).read_bytes()
    journal.path(key).write_bytes(whole[:100])
    assert adopt(store, journal).restored == frozenset()
    assert adopt(store, journal, damaged={key}).restored == {key}
    assert journal.path(key).read_bytes() == whole


@pytest.mark.parametrize("damage", ["deleted", "flipped"])
def test_a_damaged_chunk_costs_its_cells_and_no_others(store: Path, damage: str) -> None:
    journal = Journal(store.parent / "p.cells")
    before = tree_bytes(journal.folder)
    shutil.rmtree(journal.folder)
    # The chunk with the predictions of all cells of one dataset.
    (chunk,) = (store / "digits" / "prediction_test").glob("c.*")
    if damage == "deleted":
        chunk.unlink()
    else:
        content = bytearray(chunk.read_bytes())
        content[len(content) // 2] ^= 16
        chunk.write_bytes(content)
    adopted = adopt(store, journal)
    plan = example_plan()
    of_images = {str(key) for index, key in plan.cells.items() if index[0] == 1}
    failed = key_of("digits", 10.0, 0, "empirical")
    assert adopted.restored == (of_images | {failed}) & {n.removesuffix(".npz") for n in before}
    assert adopted.lost == {
        key_of("digits", "analytic"),
        *(key_of("digits", w, s, "empirical") for w, s in [(10.0, 1), (1000.0, 0), (1000.0, 1)]),
    }
    for name, content in tree_bytes(journal.folder).items():
        assert content == before[name]


def test_records_whose_description_is_gone_are_lost(store: Path) -> None:
    journal = Journal(store.parent / "p.cells")
    keys = journal.keys()
    shutil.rmtree(journal.folder)
    for chunk in (store / "cell_record").glob("c.*"):
        chunk.unlink()
    adopted = adopt(store, journal)
    assert adopted.restored == frozenset()
    assert adopted.lost == keys


def test_a_variable_that_the_store_does_not_hold_is_never_left_out(tmp_path: Path) -> None:
    plan = small_plan()
    journal = example_journal(tmp_path / "p.cells", plan)
    fewer = small_plan(specs={"loss_test": VariableSpec(("time",), "loss")})
    collect(fewer, journal, tmp_path / "p.zarr")
    keys = journal.keys()
    shutil.rmtree(journal.folder)
    assert adopt(tmp_path / "p.zarr", journal).lost == keys


def test_a_value_that_was_rounded_when_stored_is_not_taken_for_the_original(tmp_path: Path) -> None:
    plan = small_plan(specs={"loss_test": VariableSpec(("time",), "loss", dtype="float32")})
    journal = Journal(tmp_path / "p.cells")
    for record in example_records(small_plan()).values():
        variables = {k: v for k, v in record.variables.items() if k != "eigenvalue"}
        journal.write(CellRecord(record.key, "done", variables, record.info))
    collect(plan, journal, tmp_path / "p.zarr")
    shutil.rmtree(journal.folder)
    assert len(adopt(tmp_path / "p.zarr", journal).lost) == 4


def test_nothing_to_adopt_is_no_error(tmp_path: Path) -> None:
    adopted = adopt(tmp_path / "p.zarr", Journal(tmp_path / "p.cells"))
    assert adopted.restored == adopted.lost == frozenset()


def test_only_a_store_can_be_adopted(tmp_path: Path, store: Path) -> None:
    (tmp_path / "file.zarr").write_text("")
    with pytest.raises(NotAStore):
        adopt(tmp_path / "file.zarr", Journal(tmp_path / "cells"))
    content = json.loads((store / "zarr.json").read_text())
    content["attributes"]["ntksim_store_format"] = 99
    (store / "zarr.json").write_text(json.dumps(content))
    with pytest.raises(NewerStore, match="layout 99"):
        adopt(store, Journal(tmp_path / "cells"))
