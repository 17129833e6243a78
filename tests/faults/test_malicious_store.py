"""Opening, checking, showing and continuing a stranger's store runs and allocates nothing of it."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from ntksim.cli import main
from ntksim.engine import run
from ntksim.store import DamagedCell, Journal, StoreUnusable, open_results
from ntksim.store.inflated import most_inflated
from ntksim.store.summary import summarise

from compressed import zstd_of_zeros
from running_studies import recorded, write_study

pytestmark = pytest.mark.faults

EVIL = "import pathlib\npathlib.Path({place!r}).write_text('ran')\n"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    run(write_study(folder, seed=[0]), store=folder / "small.zarr")
    return folder


@pytest.fixture
def store(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with its journal, its study and its plugin, in the current folder."""
    shutil.copytree(original, tmp_path / "theirs")
    monkeypatch.chdir(tmp_path / "theirs")
    return tmp_path / "theirs" / "small.zarr"


def ask(*arguments: object) -> tuple[int, str]:
    """Run a command; whatever it meets, it ends with an exit code and without a traceback."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def look(store: Path) -> list[tuple[int, str]]:
    """Do with a store everything that does not write it."""
    picture = store.parent / "picture.png"
    return [ask("status", store), ask("verify", store), ask("plot", store, "-o", picture)]


def change(store: Path, name: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit the metadata of a node, in its own file and where they are gathered."""
    own = store / name / "zarr.json"
    content = json.loads(own.read_text())
    edit(content)
    own.write_text(json.dumps(content))
    root = store / "zarr.json"
    if name:
        content = json.loads(root.read_text())
        edit(content["consolidated_metadata"]["metadata"][name])
        root.write_text(json.dumps(content))


def test_the_commands_work_on_a_good_store(store: Path) -> None:
    assert [code for code, _ in look(store)] == [0, 0, 0]
    assert ask("run", "small.yaml", "--store", store)[0] == 0


def test_plugins_that_a_store_names_are_not_loaded(store: Path) -> None:
    sprung = store.parent / "sprung"
    for place in (store, store.parent):
        (place / "evil.py").write_text(EVIL.format(place=str(sprung)))
    study = json.dumps({"plugins": ["evil.py"], "study": "small", "kernel": "evil:evil"})

    def edit(content: dict[str, Any]) -> None:
        content["attributes"] |= {
            "study_as_written": f"study: small\nplugins: {store.parent}/evil.py\n",
            "study_resolved": study,
            "plugins": json.dumps({"evil": {"file": str(store / "evil.py"), "sha256": "0" * 64}}),
        }

    change(store, "", edit)
    look(store)
    ask("check", "small.yaml", "--store", store)
    # With other metadata nothing in the store is known to be ntksim's: it is written anew.
    assert ask("run", "small.yaml", "--store", store)[0] == 0
    assert ask("verify", store)[0] == 0
    assert not sprung.exists()


@pytest.mark.parametrize("name", ["study_resolved", "plugins", "datasets", "study_as_written"])
@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        -1.5,
        [],
        {},
        "",
        "null",
        "[]",
        "{}",
        "[1]",
        '{"width": 3}',
        '{"dataset": [3], "architecture": {"a": 1}, "width": null}',
        "[" * 100_000,
        "9" * 5000,
        "\ud800",
        "x" * 10**6,
    ],
    ids=lambda value: str(value)[:12],
)
def test_absurd_attributes_are_no_traceback(store: Path, name: str, value: Any) -> None:
    change(store, "", lambda content: content["attributes"].update({name: value}))
    assert {code for code, _ in look(store)} <= {0, 2, 3}
    assert ask("check", "small.yaml", "--store", store)[0] in (0, 2, 3)
    assert ask("run", "small.yaml", "--store", store)[0] in (0, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ntksim_store_format", 10**400),
        ("ntksim_store_format", "1e999"),
        ("ntksim_store_format", [1]),
        ("ntksim_store_format", 99),
        ("conventions", ["ntksim"]),
        ("study", {"name": "small"}),
        ("tree_sha256", None),
        ("tree_sha256", 3),
    ],
)
def test_absurd_identities_are_refused(store: Path, name: str, value: Any) -> None:
    change(store, "", lambda content: content["attributes"].update({name: value}))
    assert {code for code, _ in look(store)} <= {0, 2, 3}
    assert ask("run", "small.yaml", "--store", store)[0] in (0, 3)


@pytest.mark.parametrize(
    ("array", "changes"),
    [
        ("width", {"shape": [10**12]}),
        ("time", {"shape": [10**12]}),
        ("seed", {"shape": [10**9]}),
        ("status", {"shape": [10**4] * 6}),
        ("status", {"shape": [-1] * 6}),
        ("status", {"shape": [2**70]}),
        ("status", {"shape": "abc"}),
        ("loss_test", {"shape": [10**5] * 7}),
        ("width", {"zarr_format": 2}),
        ("width", {"data_type": "object"}),
        ("width", {"codecs": [{"name": "pickle"}]}),
        ("width", {"codecs": [{"name": "numcodecs.pickle", "configuration": {}}]}),
        ("status", {"codecs": []}),
        ("status", {"dimension_names": ["a"] * 6}),
        ("status", {"fill_value": {"a": 1}}),
        ("width", {"shape": [10**15]}),
        ("width", {"codecs": [{"name": "bytes"}, {"name": "gzip"}, {"name": "zstd"}]}),
        ("status", {"codecs": [{"name": "sharding_indexed"}]}),
        ("wall_time", {"chunk_grid": {"configuration": {"chunk_shape": [10**4] * 6}}}),
        ("loss_test", {"chunk_grid": {"configuration": {"chunk_shape": [10**9] * 7}}}),
    ],
)
def test_what_metadata_announce_is_not_allocated(
    store: Path, array: str, changes: dict[str, Any]
) -> None:
    change(store, array, lambda content: content.update(changes))
    tracemalloc.start()
    codes = [code for code, _ in look(store)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert codes[1] == 3  # verify
    assert set(codes) <= {0, 2, 3}
    assert peak < 200_000_000


@pytest.mark.parametrize("name", ["status", "wall_time", "width", "message"])
@pytest.mark.parametrize("blocks", [8192, 20_000_000])
def test_a_chunk_that_becomes_a_gigabyte_is_not_decompressed(
    store: Path, name: str, blocks: int
) -> None:
    axes = len(json.loads((store / name / "zarr.json").read_text())["shape"])
    chunk = store / name / ("c" + ".0" * axes)
    if blocks < 10_000:
        chunk.write_bytes(zstd_of_zeros(blocks))
    else:  # a frame that goes on for a terabyte of holes
        chunk.write_bytes(zstd_of_zeros(1)[:14] + b"\0" * 64)
        os.truncate(chunk, 10**12)
    tracemalloc.start()
    assert ask("status", store)[0] == 3
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000_000


def test_the_frame_of_the_bomb_is_one() -> None:
    # So that the test above means something: the decoder follows it.
    from numcodecs import Zstd

    assert Zstd().decode(zstd_of_zeros(3)) == b"\0" * 3 * 2**17
    assert most_inflated(zstd_of_zeros(3)) == 3 * 2**17
    for level in (1, 19):
        for values in (b"", b"abc", b"abc" * 99_999, os.urandom(300_000), bytes(1_000_000)):
            for checksum in (False, True):
                content = Zstd(level, checksum=checksum).encode(values)
                assert most_inflated(content) == len(values)


SKIPPED = struct.pack("<II", 0x184D2A50, 4) + b"abcd"

FOLLOWED: dict[str, Callable[[int], bytes]] = {
    "another frame behind": lambda blocks: zstd_of_zeros(1) + zstd_of_zeros(blocks),
    "a frame to skip before": lambda blocks: SKIPPED + zstd_of_zeros(blocks),
    "a length that is not said": lambda blocks: zstd_of_zeros(blocks, says=False),
    "another behind one that does not say": lambda blocks: (
        zstd_of_zeros(1, says=False) + zstd_of_zeros(blocks)
    ),
}


@pytest.mark.parametrize("how", FOLLOWED)
def test_whatever_a_decoder_follows_is_measured(store: Path, how: str) -> None:
    from numcodecs import Zstd

    assert len(Zstd().decode(FOLLOWED[how](3))) >= 3 << 17
    for name in ("status", "loss_train"):
        axes = len(json.loads((store / name / "zarr.json").read_text())["shape"])
        (store / name / ("c" + ".0" * axes)).write_bytes(FOLLOWED[how](8192))
    tracemalloc.start()
    assert ask("status", store)[0] == 3
    with open_results(store) as tree, pytest.raises(ValueError, match="loss_train/c"):
        tree["loss_train"].load()
    shutil.rmtree(store.with_suffix(".cells"))  # which the store is now asked for
    code, said = ask("run", "small.yaml", "--store", store)
    assert code == 0, said
    assert ask("verify", store)[0] == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000_000


@pytest.mark.parametrize("what", ["a device", "a pipe", "holes"])
def test_a_chunk_without_an_end_is_not_read(store: Path, what: str) -> None:
    (chunk,) = (store / "loss_train").glob("c.*")
    chunk.unlink()
    if what == "a device":
        chunk.symlink_to("/dev/zero")
    elif what == "a pipe":
        os.mkfifo(chunk)
    else:
        chunk.touch()
        os.truncate(chunk, 10**12)
    with open_results(store) as tree, pytest.raises(ValueError, match="is no file of at most"):
        tree["loss_train"].load()
    assert ask("verify", store)[0] == 3


def test_cells_beyond_all_grids_are_not_counted(store: Path) -> None:
    change(store, "cell_key", lambda content: content.update({"shape": [10**9] * 6}))
    shutil.rmtree(store.with_suffix(".cells"))
    assert ask("run", "small.yaml", "--store", store)[0] == 0
    assert ask("verify", store)[0] == 0


def test_a_guarded_store_travels(store: Path) -> None:
    # Dask sends it to workers.
    with open_results(store, chunks={}) as tree:
        again = pickle.loads(pickle.dumps(tree["loss_train"]))
        np.testing.assert_array_equal(again.values, tree["loss_train"].values)


@pytest.mark.parametrize(
    "name", ["small.zarr/zarr.json", "small.sha256", "small.zarr/time/zarr.json"]
)
def test_files_of_text_as_long_as_all_disks_are_not_read(store: Path, name: str) -> None:
    os.truncate(store.parent / name, 10**12)
    if name == "small.sha256":
        assert ask("status", store)[0] == 0
        return
    assert {code for code, _ in look(store)[::2]} == {3}


def test_records_as_long_as_all_disks_are_damage(store: Path) -> None:
    for number, record in enumerate(sorted(store.with_suffix(".cells").iterdir())):
        if number % 2:
            os.truncate(record, 10**12)
        else:
            record.write_bytes(b"")
            os.truncate(record, 10**12)
    tracemalloc.start()
    journal = Journal(store.with_suffix(".cells"))
    for key in sorted(journal.keys()):
        for read in (journal.read, journal.contents):
            with pytest.raises(DamagedCell):
                read(key)
    code, said = ask("run", "small.yaml", "--store", store)
    assert code == 0, said
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000_000


def test_a_group_of_zarr_2_with_a_pickle_is_not_opened(store: Path) -> None:
    sprung = store.parent / "sprung"

    class Trap:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (f"touch {sprung}",)

    for place in (store, store / "evil"):
        (place / "x").mkdir(parents=True, exist_ok=True)
        (place / ".zgroup").write_text('{"zarr_format": 2}')
        metadata = {
            "zarr_format": 2,
            "shape": [4],
            "chunks": [4],
            "dtype": "|O",
            "compressor": None,
            "filters": [{"id": "vlen-utf8"}, {"id": "pickle"}],
            "fill_value": None,
            "order": "C",
        }
        (place / "x" / ".zarray").write_text(json.dumps(metadata))
        (place / "x" / "0").write_bytes(pickle.dumps(Trap()))
    with open_results(store) as tree:
        assert "evil" not in tree.children
        assert "x" not in tree.to_dataset()
        tree.load()
    look(store)
    assert not sprung.exists()
    assert ask("verify", store)[0] == 3


def test_links_that_lead_out_of_a_store_are_named_and_never_written_through(store: Path) -> None:
    outside = store.parent.parent / "outside"
    outside.mkdir()
    (outside / "secret").write_text("theirs")
    chunk = next(path for path in (store / "loss_train").iterdir() if path.name != "zarr.json")
    chunk.unlink()
    chunk.symlink_to(outside / "secret")
    (store / "folder").symlink_to(outside)
    before = recorded(store)
    code, said = ask("verify", store)
    assert code == 3
    assert "folder" in said
    assert chunk.name in said
    assert ask("status", store)[0] == 0
    assert ask("run", "small.yaml", "--store", store)[0] == 3
    (store / "folder").unlink()
    # Without the foreign link the store is written anew; what the chunk led to stays.
    assert ask("run", "small.yaml", "--store", store)[0] == 0
    assert ask("verify", store)[0] == 0
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_text() == "theirs"
    assert recorded(store) == before


@pytest.mark.parametrize("content", ["", "null", "[]", "{", '{"attributes": 3}', "\0", "[" * 9999])
def test_root_metadata_that_are_none_are_refused(store: Path, content: str) -> None:
    (store / "zarr.json").write_text(content)
    assert [code for code, _ in look(store)] == [3, 3, 3]
    with pytest.raises(StoreUnusable):
        open_results(store)
    with pytest.raises(StoreUnusable):
        summarise(store)


def test_no_local_plugins_forbids_the_study_its_own(store: Path) -> None:
    sprung = store.parent / "sprung"
    (store.parent / "misbehaving.py").write_text(EVIL.format(place=str(sprung)))
    for command in ("run", "check"):
        code, said = ask(command, "small.yaml", "--no-local-plugins")
        assert code == 2
        assert "running them is not allowed here" in said
        assert not sprung.exists()
