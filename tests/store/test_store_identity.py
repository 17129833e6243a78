import json
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr
from ntksim.store import (
    DamagedStore,
    NewerStore,
    NotAStore,
    Places,
    belongs_to,
    open_results,
)
from ntksim.store.collect import collect

from store.store_examples import example_journal, small_plan


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    plan = small_plan(attributes={"study_sha256": "abc"})
    collect(plan, example_journal(folder / "predictors.cells", plan), folder / "predictors.zarr")
    return folder / "predictors.zarr"


def write_root(path: Path, attributes: dict[str, object]) -> Path:
    path.mkdir()
    content = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    (path / "zarr.json").write_text(json.dumps(content))
    return path


def test_a_store_says_what_it_belongs_to(store: Path) -> None:
    identity = belongs_to(store)
    assert identity is not None
    assert (identity.study, identity.format, identity.is_readable) == ("small", 1, True)
    assert identity.attributes["study_sha256"] == "abc"


def test_nothing_and_an_empty_folder_belong_to_nobody(tmp_path: Path) -> None:
    assert belongs_to(tmp_path / "p.zarr") is None
    assert belongs_to(tmp_path) is None
    plan = small_plan()
    (tmp_path / "p.zarr").mkdir()
    collect(plan, example_journal(tmp_path / "p.cells", plan), tmp_path / "p.zarr")
    assert belongs_to(tmp_path / "p.zarr") is not None


def test_what_is_not_a_store_is_neither_opened_nor_replaced(tmp_path: Path) -> None:
    file = tmp_path / "file.zarr"
    file.write_text("mine")
    folder = tmp_path / "folder.zarr"
    folder.mkdir()
    (folder / "thesis.tex").write_text("mine")
    foreign = write_root(tmp_path / "foreign.zarr", {"title": "weather"})
    plan = small_plan()
    journal = example_journal(tmp_path / "p.cells", plan)
    for path, message in (
        (file, "is a file"),
        (folder, "no zarr.json"),
        (foreign, "not written by"),
    ):
        for use in (belongs_to, open_results, lambda path: collect(plan, journal, path)):
            with pytest.raises(NotAStore, match=message):
                use(path)
    assert file.read_text() == (folder / "thesis.tex").read_text() == "mine"


def test_a_newer_layout_is_recognised_and_not_replaced(tmp_path: Path) -> None:
    attributes = {"conventions": "ntksim", "study": "s", "ntksim_store_format": 2}
    path = write_root(tmp_path / "p.zarr", attributes)
    identity = belongs_to(path)
    assert identity is not None
    assert not identity.is_readable
    plan = small_plan()
    journal = example_journal(tmp_path / "p.cells", plan)
    for use in (open_results, lambda path: collect(plan, journal, path)):
        with pytest.raises(NewerStore, match=r"layout 2, this version knows layouts up to 1"):
            use(path)


@pytest.mark.parametrize("text", ["{", "[]", '{"attributes": 3}', "\udcff"])
def test_unreadable_metadata_are_damage(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.zarr").mkdir()
    (tmp_path / "p.zarr" / "zarr.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DamagedStore):
        belongs_to(tmp_path / "p.zarr")


def test_a_root_without_its_study_is_damaged(tmp_path: Path) -> None:
    write_root(tmp_path / "p.zarr", {"conventions": "ntksim", "ntksim_store_format": 1})
    with pytest.raises(DamagedStore, match="study"):
        belongs_to(tmp_path / "p.zarr")


def test_a_misspelt_path_names_the_nearest_store(store: Path, tmp_path: Path) -> None:
    with pytest.raises(NotAStore, match=r"did you mean predictors\.zarr\?"):
        open_results(store.with_name("predictor.zarr"))
    with pytest.raises(NotAStore, match=r"there are predictors\.zarr"):
        open_results(store.with_name("x"))
    with pytest.raises(NotAStore, match="there is no store at"):
        open_results(tmp_path / "nowhere" / "p.zarr")


def test_an_interrupted_replacement_is_explained(tmp_path: Path) -> None:
    Places.of(tmp_path / "p.zarr").previous.mkdir()
    with pytest.raises(NotAStore, match="the next run restores it"):
        open_results(tmp_path / "p.zarr")


def test_results_open_as_a_lazy_tree(store: Path) -> None:
    with open_results(store) as tree:
        assert isinstance(tree, xr.DataTree)
        assert tree["d"].sizes["train_point"] == 3
        assert not tree["loss_test"].variable._in_memory
    assert open_results(str(store)).attrs["study"] == "small"


def test_a_link_is_followed_when_a_store_is_replaced(store: Path, tmp_path: Path) -> None:
    plan = small_plan()
    (tmp_path / "scratch").mkdir()
    (tmp_path / "p.zarr").symlink_to(tmp_path / "scratch" / "p.zarr")
    journal = example_journal(tmp_path / "p.cells", plan)
    for _ in range(2):
        collect(plan, journal, tmp_path / "p.zarr")
    assert (tmp_path / "p.zarr").is_symlink()
    assert (tmp_path / "scratch" / "p.zarr" / "zarr.json").exists()
    assert (tmp_path / "scratch" / "p.sha256").exists()
    assert store.exists()


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("p.zarr", "p"),
        ("a.b.zarr", "a.b"),
        ("results", "results"),
        ("p.zr", "p.zr"),
        (".zarr", ".zarr"),
    ],
)
def test_what_belongs_to_a_store_lies_beside_it(tmp_path: Path, name: str, stem: str) -> None:
    places = Places.of(tmp_path / name)
    assert places.journal == tmp_path / f"{stem}.cells"
    assert places.lock == tmp_path / f"{stem}.lock"
    assert places.manifest == tmp_path / f"{stem}.sha256"


def test_importing_the_store_needs_neither_xarray_nor_zarr() -> None:
    code = (
        "import sys, ntksim.store as s; s.belongs_to, s.open_results, s.writer_lock; "
        "assert not {'xarray', 'zarr', 'dask', 'distributed', 'filelock'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
