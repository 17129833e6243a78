"""The code of an installed plugin has a digest: of what is loaded, wherever it lies."""

import hashlib
import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ntksim.registry import Registry
from ntksim.registry.code import code_digest

from registry_sources import SOLVER


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with a module in it, importable for the time of a test."""
    folder = tmp_path / "site" / "coded_package"
    (folder / "sub").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "sub" / "__init__.py").write_text("")
    (folder / "sub" / "part.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(folder.parent)
    yield folder
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name.startswith("coded_package")]:
        del sys.modules[name]
    importlib.invalidate_caches()


def digest() -> str:
    """Return the digest in a process that has only just imported the package."""
    forget()
    importlib.import_module("coded_package.sub.part")
    return code_digest("coded_package.sub.part")


def test_it_is_that_of_all_files_with_their_names(package: Path) -> None:
    files = {"__init__.py": b"", "sub/__init__.py": b"", "sub/part.py": b"value = 1\n"}
    lines = (f"{name} {hashlib.sha256(files[name]).hexdigest()}\n" for name in sorted(files))
    assert digest() == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert package.exists()


def test_a_change_anywhere_in_the_package_changes_it(package: Path) -> None:
    found = {digest()}
    for change in (
        lambda: (package / "sub" / "part.py").write_text("value = 2\n"),
        lambda: (package / "sub" / "other.py").write_text(""),
        lambda: (package / "sub" / "other.py").rename(package / "sub" / "another.py"),
        lambda: (package / "fast.cpython-311-x86_64-linux-gnu.so").write_bytes(b"code"),
    ):
        change()
        assert digest() not in found
        found.add(digest())
    before = digest()
    (package / "data.txt").write_text("no code")
    (package / "__pycache__").mkdir(exist_ok=True)
    (package / "__pycache__" / "left.py").write_text("no code either")
    assert digest() == before


def test_the_place_does_not_matter(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest()
    (tmp_path / "elsewhere").mkdir()
    shutil.move(package, tmp_path / "elsewhere")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    assert digest() == before


def test_it_is_that_of_what_is_loaded(package: Path) -> None:
    before = digest()
    (package / "sub" / "part.py").write_text("value = 22\n")
    # What computes is still the old code.
    assert code_digest("coded_package.sub.part") == before
    importlib.reload(sys.modules["coded_package.sub.part"])
    after = code_digest("coded_package.sub.part")
    assert after != before
    assert digest() == after


def test_a_part_of_a_namespace_counts_from_its_own_package_on(package: Path) -> None:
    before = digest()
    (package / "__init__.py").unlink()
    assert digest() != before
    inside = digest()
    (package / "stranger.py").write_text("value = 3\n")  # of another distribution, who knows
    assert digest() == inside


def test_what_has_no_file_has_no_digest() -> None:
    assert code_digest("sys") == ""
    assert code_digest("there.is.no.such.module") == ""


def test_an_installed_plugin_has_one_and_what_comes_with_ntksim_has_none(
    install: Callable[..., None],
) -> None:
    install("other-solvers", "other = coded_solver", coded_solver=SOLVER)
    registry = Registry.load()
    origin = registry.offer("solver", "steps").origin
    assert origin.code == code_digest("coded_solver")
    assert len(origin.code) == 64
    assert origin.identity == f"1.0 {origin.code}"
    (builtin,) = {o.origin for o in registry.offers if o.origin.plugin == "builtin"}
    assert (builtin.code, builtin.identity) == ("", "")
    assert builtin.comes_with_ntksim
