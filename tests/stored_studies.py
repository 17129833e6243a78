"""Runs the studies in ``studies/``, whole or reduced, and reads what they stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import xarray as xr
import yaml
from ntksim import load_study, run

STUDIES = Path(__file__).parents[1] / "studies"


def altered(name: str, **changes: Any) -> dict[str, Any]:
    """Return a study of the repository with some keys changed, and its files by absolute paths."""
    content = yaml.safe_load((STUDIES / f"{name}.yaml").read_text(encoding="utf-8")) | changes
    if "plugins" in content:
        content["plugins"] = [str(STUDIES / plugin) for plugin in content["plugins"]]
    dataset = content["dataset"]
    if isinstance(dataset, dict) and "path" in dataset:
        content["dataset"] = dataset | {"path": str(STUDIES / dataset["path"])}
    return content


class Stored:
    """What a study stored: ``root`` and the group of each dataset, axes of one value dropped."""

    def __init__(self, path: Path) -> None:
        tree = xr.open_datatree(path, engine="zarr")
        self.root = tree.to_dataset().load().squeeze()
        self.groups = {
            name: node.to_dataset().load().squeeze() for name, node in tree.children.items()
        }

    def __getitem__(self, name: str) -> xr.Dataset:
        return self.groups[name]


def run_altered(path: Path, name: str, **changes: Any) -> Stored:
    """Run a study with some keys changed, and open its store."""
    summary = run(load_study(altered(name, **changes)), store=path)
    assert summary.is_complete, summary.counts
    return Stored(path)


Run: TypeAlias = Callable[..., Stored]
"""Runs a study of a given name with changes given by key, or takes its store if it has one."""
