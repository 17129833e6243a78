"""Kills at every step of replacing a store, and of recovering from that."""

import ctypes
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from ntksim.store import Places, StorePlan, belongs_to, swap
from ntksim.store.collect import collect
from ntksim.store.exchange import exchange
from ntksim.store.manifest import read_manifest, seal_tree, write_manifest
from ntksim.store.swap import recover, swap_in
from ntksim.store.verify import verify

from store.store_examples import example_journal, small_plan, tree_bytes


class Killed(BaseException):
    """What stands for the end of the process: no handler of the program may act after it."""


class Mortal:
    """Lets a number of file-system calls of ``swap`` happen; from then on every call is death."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, lives: int) -> None:
        self.lives = lives
        self.used = 0
        patched = {
            name: self.counted(getattr(os, name)) for name in ("rename", "replace", "unlink")
        }
        monkeypatch.setattr(swap, "os", Overridden(os, patched))
        monkeypatch.setattr(swap, "shutil", Overridden(shutil, {"rmtree": self.rmtree}))
        monkeypatch.setattr(swap, "exchange", self.counted(swap.exchange))
        monkeypatch.setattr(swap, "sync_folder", self.counted(swap.sync_folder))
        monkeypatch.setattr(swap, "write_manifest", self.write_manifest)

    def step(self) -> None:
        if self.used >= self.lives:
            raise Killed
        self.used += 1

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.step()
            return function(*args, **kwargs)

        return call

    def rmtree(self, folder: Path, real: Callable[..., Any] = shutil.rmtree) -> None:
        self.step()
        for path in sorted(folder.rglob("zarr.json")):
            path.unlink()
        self.step()
        real(folder)

    def write_manifest(self, path: Path, *args: Any, real: Any = swap.write_manifest) -> None:
        self.step()
        path.write_text("half a manifest")
        self.step()
        real(path, *args)


class Overridden:
    """A module with some functions replaced, for one user of it."""

    def __init__(self, module: Any, replaced: dict[str, Any]) -> None:
        self.__dict__.update(vars(module))
        self.__dict__.update(replaced)


class States:
    """The store before and after, as small as a store can be.

    ``begin`` prepares the replacement of one by the other in a folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trees: dict[str, dict[str, bytes]] = {}
        self.manifests: dict[str, bytes] = {}
        for name in ("old", "new"):
            tree = folder / name / "p.zarr"
            (tree / "d").mkdir(parents=True)
            (tree / "d" / "zarr.json").write_text(name)
            attributes = {"conventions": "ntksim", "study": "small", "ntksim_store_format": 1}
            attributes["description"] = name
            (tree / "zarr.json").write_text(json.dumps({"attributes": attributes}))
            write_manifest(folder / name / "p.sha256", "p.zarr", seal_tree(tree))
            self.trees[name] = tree_bytes(tree)
            self.manifests[name] = (folder / name / "p.sha256").read_bytes()

    def begin(self, folder: Path, *, with_old: bool = True) -> Places:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        places = Places.of(folder / "p.zarr")
        if with_old:
            shutil.copytree(self.folder / "old" / "p.zarr", places.store)
            shutil.copy(self.folder / "old" / "p.sha256", places.manifest)
        shutil.copytree(self.folder / "new" / "p.zarr", places.building)
        return places

    def swap(self, places: Places) -> None:
        digests = read_manifest(self.folder / "new" / "p.sha256")
        assert digests is not None
        swap_in(places, digests)

    def found(self, places: Places) -> str:
        """Which whole state is at the place; nothing else may be there."""
        names = {path.name for path in places.store.parent.iterdir()}
        if not names:
            return "none"
        assert names == {"p.zarr", "p.sha256"}
        tree = tree_bytes(places.store)
        (name,) = (name for name, content in self.trees.items() if content == tree)
        assert places.manifest.read_bytes() == self.manifests[name]
        assert verify(places.store).is_whole
        return name


def lived_through(action: Callable[[], None]) -> bool:
    try:
        action()
    except Killed:
        return False
    return True


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> States:
    return States(tmp_path_factory.mktemp("states"))


@pytest.fixture(params=["exchange", "renames"])
def exchanging(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the system can exchange folders: this one can, or it is said that it cannot."""
    if request.param == "exchange":
        if sys.platform not in ("linux", "darwin"):
            pytest.skip("this system cannot exchange folders")
        return True
    monkeypatch.setattr(swap, "exchange", unable)
    return False


def unable(*_: Path) -> bool:
    return False


@pytest.mark.usefixtures("exchanging")
@pytest.mark.parametrize("with_old", [True, False])
def test_a_kill_at_any_step_leaves_a_whole_store(
    states: States, tmp_path: Path, with_old: bool
) -> None:
    before = "old" if with_old else "none"
    outcomes = []
    for lives in count():
        places = states.begin(tmp_path / "run", with_old=with_old)
        with pytest.MonkeyPatch.context() as monkeypatch:
            Mortal(monkeypatch, lives)
            survived = lived_through(lambda places=places: states.swap(places))
        if survived:
            assert states.found(places) == "new"
            break
        recover(places.store)
        outcomes.append(states.found(places))
    # First nothing has happened yet, and from one step on the new store is there.
    assert set(outcomes) == {before, "new"}
    assert outcomes == sorted(outcomes, key=[before, "new"].index)


@pytest.mark.usefixtures("exchanging")
def test_a_kill_at_any_step_of_a_recovery_does_no_harm(states: States, tmp_path: Path) -> None:
    tried = 0
    swapped = False
    for lives in count():
        recovered = False
        for lives_of_recovery in count():
            places = states.begin(tmp_path / "run")
            with pytest.MonkeyPatch.context() as monkeypatch:
                mortal = Mortal(monkeypatch, lives)
                swapped = lived_through(lambda places=places: states.swap(places))
                mortal.used, mortal.lives = 0, lives_of_recovery
                recovered = lived_through(lambda places=places: recover(places.store))
            recover(places.store)
            assert states.found(places) in {"old", "new"}
            tried += 1
            if recovered:
                break
        if swapped:
            break
    # Most steps of replacing leave several steps of recovery.
    assert tried > 20


def test_recovering_a_whole_store_changes_nothing(states: States, tmp_path: Path) -> None:
    places = states.begin(tmp_path / "run")
    states.swap(places)
    for _ in range(2):
        recover(places.store)
        assert states.found(places) == "new"
    recover(tmp_path / "nowhere.zarr")
    assert not (tmp_path / "nowhere.zarr").exists()


@pytest.mark.parametrize("rename", [1, 2])
def test_a_rename_that_fails_is_undone_at_once(
    states: States, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rename: int
) -> None:
    places = states.begin(tmp_path / "run")
    plan = small_plan()
    journal = example_journal(tmp_path / "p.cells", plan)
    calls = []

    def fail_once(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == rename:
            raise OSError(errno.EIO, "Input/output error")
        os.rename(source, target)

    monkeypatch.setattr(swap, "exchange", unable)
    monkeypatch.setattr(swap, "os", Overridden(os, {"rename": fail_once}))
    with pytest.raises(OSError, match="Input/output"):
        collect(plan, journal, places.store)
    assert states.found(places) == "old"


def test_an_exchange_that_fails_is_undone_at_once(
    states: States, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = states.begin(tmp_path / "run")
    plan = small_plan()

    def fail(*_: Path) -> bool:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(swap, "exchange", fail)
    with pytest.raises(OSError, match="Input/output"):
        collect(plan, example_journal(tmp_path / "p.cells", plan), places.store)
    assert states.found(places) == "old"


def test_the_store_is_there_at_every_moment(
    states: States, tmp_path: Path, exchanging: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = states.begin(tmp_path / "run")
    there = []

    def look(event: str, _: object) -> None:
        if watching and event.startswith(("os.", "shutil.")):
            there.append(places.store.exists())

    watching = True
    sys.addaudithook(look)
    try:
        states.swap(places)
    finally:
        watching = False
    assert len(there) > 5
    # Without an exchange it is away for a moment, and plain readers find nothing.
    assert all(there) == exchanging
    assert states.found(places) == "new"
    del monkeypatch


def test_a_system_that_cannot_exchange_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    monkeypatch.setattr("ntksim.store.exchange._function", lambda: None)
    assert not exchange(first, second)

    def refusing(number: int) -> Any:
        def call(*_: bytes) -> int:
            ctypes.set_errno(number)
            return -1

        return lambda: call

    for number in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        monkeypatch.setattr("ntksim.store.exchange._function", refusing(number))
        assert not exchange(first, second)
    monkeypatch.setattr("ntksim.store.exchange._function", refusing(errno.EACCES))
    with pytest.raises(PermissionError):
        exchange(first, second)
    assert first.exists()


def test_a_failure_while_building_leaves_the_old_store(
    states: States, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = states.begin(tmp_path / "run")
    plan: StorePlan = small_plan()

    def interrupted(*args: Any) -> None:
        folder = args[2]
        folder.mkdir()
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    monkeypatch.setattr("ntksim.store.collect.write_tree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        collect(plan, example_journal(tmp_path / "p.cells", plan), places.store)
    assert states.found(places) == "old"


KILLED_FOR_GOOD = """
import os, sys
from pathlib import Path
from store.store_examples import example_journal, small_plan
from ntksim.store import swap
from ntksim.store.collect import collect
from ntksim.store.verify import verify

swap.exchange = lambda *_: False
folder, last = Path(sys.argv[1]), int(sys.argv[2])
plan = small_plan()
journal = example_journal(folder / "p.cells", plan)
rename, calls = os.rename, []

def dying(source, target):
    calls.append(source)
    if len(calls) == last:
        os._exit(137)
    rename(source, target)

os.rename = dying
collect(plan, journal, folder / "p.zarr")
"""


def test_a_real_process_that_dies_between_the_renames(states: States, tmp_path: Path) -> None:
    places = states.begin(tmp_path / "run")
    tests = Path(__file__).parent.parent
    command = [sys.executable, "-c", KILLED_FOR_GOOD, str(tmp_path / "run"), "2"]
    died = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": str(tests)})
    assert died.returncode == 137
    assert belongs_to(places.store) is None
    assert places.previous.exists()
    recover(places.store)
    shutil.rmtree(tmp_path / "run" / "p.cells")
    assert states.found(places) == "old"
