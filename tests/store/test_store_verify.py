import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from click.testing import CliRunner
from ntksim.cli import main
from ntksim.store import CellRecord, DamagedStore, ForeignFiles, Journal, NotAStore
from ntksim.store.collect import collect
from ntksim.store.verify import verify

from store.store_examples import example_journal, key_of, small_plan, tree_bytes

LOSS_CHUNK = "loss_test/c.0.0.0.0.0.0.0"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    plan = small_plan()
    collect(plan, example_journal(folder / "p.cells", plan), folder / "p.zarr")
    return folder


@pytest.fixture
def store(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "copy")
    return tmp_path / "copy" / "p.zarr"


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << (bit % 8)
    path.write_bytes(content)


def test_a_store_as_it_was_written_is_whole(store: Path) -> None:
    found = verify(store)
    assert found.is_whole
    assert found.has_manifest
    assert found.is_tree_whole
    assert found.files == len(tree_bytes(store))
    assert found.cells == 4


def test_a_flipped_bit_of_a_chunk_is_caught_when_it_is_read(store: Path) -> None:
    chunk = store / LOSS_CHUNK
    whole, values = chunk.read_bytes(), xr.open_zarr(store).loss_test.values
    array = zarr.open_group(store, mode="r")["loss_test"]
    assert isinstance(array, zarr.Array)
    for bit in range(0, 8 * len(whole), 3):
        flip(chunk, bit)
        try:
            read = np.asarray(array[...])
        except RuntimeError:
            pass
        else:
            # Bits that the format does not use: what is read is still what was written.
            np.testing.assert_array_equal(read, values)
        chunk.write_bytes(whole)


@pytest.mark.parametrize(
    "name", [LOSS_CHUNK, "d/x_train/zarr.json", "zarr.json", "status/zarr.json"]
)
def test_a_flipped_bit_in_any_file_is_named(store: Path, name: str) -> None:
    # In a value or name within the file, so that it can still be parsed.
    at = (store / name).read_bytes().rfind(b"regular") if name.endswith(".json") else 20
    flip(store / name, 8 * at)
    found = verify(store)
    assert not found.is_whole
    assert found.damaged == (name,)
    assert found.missing == found.foreign == ()


def test_a_deleted_chunk_reads_as_nan_but_verify_names_it(store: Path) -> None:
    (store / LOSS_CHUNK).unlink()
    assert np.isnan(xr.open_zarr(store).loss_test.values).all()
    found = verify(store)
    assert found.missing == (LOSS_CHUNK,)
    assert not found.is_whole


def test_foreign_files_are_named_and_not_deleted_by_the_next_run(store: Path) -> None:
    (store / "d" / "notes.txt").write_text("mine")
    (store / "link").symlink_to(store.parent)
    assert verify(store).foreign == ("d/notes.txt", "link")
    plan = small_plan()
    with pytest.raises(ForeignFiles, match=r"2 file.*d/notes.txt, link"):
        collect(plan, Journal(store.parent / "p.cells"), store)
    assert (store / "d" / "notes.txt").read_text() == "mine"
    (store / "d" / "notes.txt").unlink()
    (store / "link").unlink()
    # What a desktop leaves in every folder is not worth an error.
    (store / ".DS_Store").write_text("")
    collect(plan, Journal(store.parent / "p.cells"), store)
    assert verify(store).is_whole


def test_a_damaged_record_is_named(store: Path) -> None:
    key = key_of("small", 1, 0)
    flip(store.parent / "p.cells" / f"{key}.npz", 999)
    found = verify(store)
    assert found.damaged_cells == (key,)
    assert not found.is_whole


def test_a_damaged_record_that_the_store_does_not_need_is_told_apart(store: Path) -> None:
    key = key_of("of a larger study", 1)
    journal = Journal(store.parent / "p.cells")
    journal.write(CellRecord(key, "done", {"loss_test": np.zeros(2)}, {}))
    assert verify(store).is_whole
    flip(journal.path(key), 999)
    found = verify(store)
    assert found.damaged_cells == found.unused_cells == (key,)
    assert not found.is_whole
    assert not found.is_repairable
    result = CliRunner().invoke(main, ["verify", str(store)])
    assert result.exit_code == 3
    assert f"damaged record of a cell that the store does not have: {key}" in result.output
    assert f"delete them from {journal.folder.resolve()}" in result.output
    needed = key_of("small", 1, 0)
    flip(journal.path(needed), 999)
    found = verify(store)
    assert set(found.damaged_cells) == {key, needed}
    assert found.unused_cells == (key,)
    assert found.is_repairable


def test_a_store_alone_is_judged_as_a_whole(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path / "alone.zarr")
    found = verify(tmp_path / "alone.zarr")
    assert found.is_whole
    assert not found.has_manifest
    (tmp_path / "alone.zarr" / LOSS_CHUNK).unlink()
    found = verify(tmp_path / "alone.zarr")
    assert not found.is_whole
    assert not found.is_tree_whole
    assert found.missing == ()


@pytest.mark.parametrize("content", ["", "half a manifest", "0" * 64 + "  p.zarr/zarr.json\n"])
def test_a_damaged_manifest_does_not_accuse_the_store(store: Path, content: str) -> None:
    (store.parent / "p.sha256").write_text(content)
    found = verify(store)
    assert found.is_whole
    assert not found.has_manifest


def test_the_manifest_is_one_for_sha256sum(store: Path) -> None:
    sha256sum = shutil.which("sha256sum")
    if sha256sum is None:
        pytest.skip("sha256sum is not installed")
    command = [sha256sum, "--check", "--strict", "--quiet", "p.sha256"]
    assert subprocess.run(command, cwd=store.parent, check=False).returncode == 0


def test_there_must_be_a_store(tmp_path: Path) -> None:
    with pytest.raises(NotAStore):
        verify(tmp_path / "p.zarr")


def test_metadata_that_cannot_be_parsed_say_how_to_go_on(store: Path) -> None:
    (store / "zarr.json").write_text("{")
    with pytest.raises(DamagedStore, match=r"run its study again to rebuild it from p\.cells"):
        verify(store)
    shutil.rmtree(store)
    collect(small_plan(), Journal(store.parent / "p.cells"), store)
    assert verify(store).is_whole


def test_the_root_carries_the_digest_of_the_tree(store: Path) -> None:
    attributes = json.loads((store / "zarr.json").read_text())["attributes"]
    assert len(attributes["tree_sha256"]) == 64
