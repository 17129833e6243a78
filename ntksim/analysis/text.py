"""The study and where its numbers came from, as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import xarray as xr

from ntksim.analysis.choice import AnalysisError


def study_text(root: xr.Dataset) -> str:
    """Return the study as it was written: YAML, comments included.

    Raises
    ------
    AnalysisError
        If the data are not the root of a store.
    """
    return str(_attribute(root, "study_as_written"))


def provenance_text(root: xr.Dataset) -> str:
    """Return versions, plugins, seeds and data that the numbers came from, line by line.

    Raises
    ------
    AnalysisError
        If the data are not the root of a store.
    """
    return "\n".join(_lines(root))


def _lines(root: xr.Dataset) -> Iterator[str]:
    description = root.attrs.get("description", "")
    yield f"study: {_attribute(root, 'study')}" + (f" ({description})" if description else "")
    yield f"ntksim: {_attribute(root, 'ntksim_version')}"
    yield f"numerics: {_attribute(root, 'numerics_version')}"
    yield f"root of random numbers: {_attribute(root, 'seed_root')}"
    for name, plugin in _mapping(root, "plugins").items():
        parts = [plugin.get(part, "") for part in ("distribution", "version", "file")]
        digest = f"sha256 {plugin['sha256']}" if plugin.get("sha256") else ""
        yield f"plugin {name}: {' '.join(part for part in (*parts, digest) if part)}"
    for name, version in _mapping(root, "library_versions").items():
        if version:
            yield f"{name}: {version}"
    for entry in json.loads(_attribute(root, "datasets")):
        came = ", ".join(f"{key}: {value}" for key, value in entry["provenance"].items())
        yield f"dataset {entry['label']}: {came}; sha256 {entry['sha256']}"


def _mapping(root: xr.Dataset, name: str) -> Mapping[str, Any]:
    return json.loads(_attribute(root, name))


def _attribute(root: xr.Dataset, name: str) -> Any:
    if name not in root.attrs:
        raise AnalysisError(
            f"the data have no attribute '{name}': take the tree of a store or its root"
        )
    return root.attrs[name]
