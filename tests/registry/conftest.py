"""Plugin files, and distributions that are not really installed."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ntksim.registry import LocalPlugin, Registry

from registry_sources import HEADER


@pytest.fixture
def local(tmp_path: Path) -> Callable[..., Registry]:
    """Load plugin files of given sources, and nothing that is installed."""

    def local(*sources: str, **named: str) -> Registry:
        plugins = []
        for name, source in {**{f"p{i}": s for i, s in enumerate(sources)}, **named}.items():
            path = tmp_path / f"{name}.py"
            path.write_text(HEADER + source, encoding="utf-8")
            plugins.append(LocalPlugin.read(path))
        return Registry.load(plugins, block=["builtin"])

    return local


class FakeDistribution(importlib.metadata.Distribution):
    """What a wheel leaves behind: metadata and entry points."""

    def __init__(self, name: str, version: str, entry_points: str) -> None:
        self._files = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            "entry_points.txt": f"[ntksim]\n{entry_points}\n",
        }

    def read_text(self, filename: str) -> str | None:
        return self._files.get(filename)

    def locate_file(self, path: object) -> Path:
        raise NotImplementedError(path)


class FakeFinder(importlib.metadata.DistributionFinder):
    """Finds the fake distributions, and no module."""

    def __init__(self) -> None:
        self.distributions: list[FakeDistribution] = []

    def find_spec(self, *args: object) -> None:
        del args

    def find_distributions(self, context: object = None) -> list[FakeDistribution]:
        del context
        return self.distributions


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make a distribution look installed: its name, its entry points, and its modules."""
    finder = FakeFinder()
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    monkeypatch.syspath_prepend(tmp_path)

    def install(name: str, entry_points: str, version: str = "1.0", **modules: str) -> None:
        finder.distributions.append(FakeDistribution(name, version, entry_points))
        for module, source in modules.items():
            (tmp_path / f"{module}.py").write_text(HEADER + source, encoding="utf-8")
            monkeypatch.delitem(sys.modules, module, raising=False)

    return install
