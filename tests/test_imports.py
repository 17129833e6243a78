"""Imports go one way, and what is imported costs no more than it must."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = {
    "types": set(),
    "version": set(),
    "hookspecs": {"types"},
    "nn": {"types"},
    "linalg": {"types"},
    "laws": {"types", "linalg"},
    "registry": {"types", "hookspecs"},
    "study": {"types", "hookspecs", "registry", "version"},
    "store": {"types", "study", "version"},
    "engine": {"types", "study", "registry", "store", "linalg", "version"},
    "testing": {"types", "hookspecs", "registry", "study", "engine", "nn", "linalg"},
    "plot": {"types", "linalg", "store", "engine", "study", "version"},
    "report": {"types", "store", "engine", "study", "plot", "version"},
    "analysis": {"types", "store", "linalg"},
    "estimators": {"types", "registry", "linalg"},
    "scaffold": {"types", "hookspecs", "registry", "study", "version"},
    "cli": {
        "types",
        "hookspecs",
        "registry",
        "study",
        "store",
        "engine",
        "plot",
        "report",
        "scaffold",
        "version",
    },
}
"""What each part of the host may import of the others."""

PLUGINS = {"types", "nn", "linalg", "laws"}
"""What a plugin may import beside the names of ``ntksim`` itself."""


def imported(path: Path, package: str) -> Iterator[tuple[int, str]]:
    """Yield line and absolute name of every import in a file, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def part_of(name: str) -> str | None:
    """Return which part of the host a name belongs to: ``study`` of ``ntksim.study.model``."""
    top, _, rest = name.partition(".")
    part = rest.partition(".")[0]
    return part if top == "ntksim" and part in FLOORS else None


def sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def package_of(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).parts[:-1])


@pytest.mark.parametrize("part", FLOORS)
def test_imports_of_the_host_go_one_way(part: str) -> None:
    folder = ROOT / "ntksim" / part
    files = sources(folder) if folder.is_dir() else [folder.with_suffix(".py")]
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files
        if path.exists()
        for line, name in imported(path, package_of(path, ROOT))
        if (other := part_of(name)) is not None and other not in FLOORS[part] | {part}
    ]
    assert not wrong


def test_every_part_of_the_host_has_a_floor() -> None:
    names = {
        path.stem
        for path in (ROOT / "ntksim").iterdir()
        if (path.is_dir() and sources(path)) or path.suffix == ".py"
    }
    assert names - {"__init__", "__main__"} <= FLOORS.keys()


def test_the_host_knows_no_plugin() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(ROOT / "ntksim")
        for line, name in imported(path, package_of(path, ROOT))
        if name.partition(".")[0].startswith("ntksim_")
    ]
    assert not wrong


def test_plugins_import_only_what_is_public() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(ROOT / "plugins")
        if "tests" not in path.relative_to(ROOT / "plugins").parts
        for line, name in imported(path, package_of(path, ROOT / "plugins"))
        if (part := part_of(name)) is not None and part not in PLUGINS
    ]
    assert not wrong


def test_the_test_sees_imports_of_every_form(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        "import ntksim.study.model\nfrom ntksim import store\nfrom ntksim.engine.run import run\n"
        "from . import grid\nfrom ..nn.layers import Dense\n"
        "def f():\n    import ntksim.cli as other\n",
        encoding="utf-8",
    )
    found = [part_of(name) for _, name in imported(path, "ntksim.study")]
    assert sorted(map(str, found)) == ["cli", "engine", "nn", "store", "study", "study"]


HEAVY = ("dask", "distributed", "xarray", "zarr", "matplotlib", "sklearn", "numba", "pandas")


def modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    "code",
    [
        "import ntksim",
        "from ntksim import Architecture, hookimpl, load_study",
        "import ntksim.types, ntksim.nn, ntksim.linalg, ntksim.hookspecs",
        "import ntksim.registry, ntksim.study",
        "from ntksim.cli import main",
    ],
)
def test_importing_the_host_loads_no_plugin_and_nothing_heavy(code: str) -> None:
    loaded = modules_after(code)
    assert "ntksim" in loaded
    assert not loaded & set(HEAVY)
    assert not any(name.startswith("ntksim_") for name in loaded)


def test_checking_a_study_loads_nothing_heavy() -> None:
    study = ROOT / "studies" / "quickstart.yaml"
    loaded = modules_after(f"from ntksim.engine import check\ncheck({str(study)!r})")
    assert "ntksim_builtin" in loaded
    assert not loaded & set(HEAVY)


def test_the_command_line_s_help_needs_no_numbers() -> None:
    assert not modules_after("from ntksim.cli import main") & {"numpy", "scipy", "pydantic"}
