"""Values computed independently of ntksim, where they are at hand."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ntksim.types import Array

REPOSITORY = Path(__file__).parents[1]


def shared_folder() -> Path:
    """Folder of reference values and data sets that are not part of the repository."""
    return Path(os.environ.get("NTKSIM_SHARED", REPOSITORY.parent / "shared"))


@cache
def reference(name: str) -> tuple[dict[str, Array], dict[str, Any]]:
    """Arrays and manifest of ``name``; skips the test where they are absent."""
    folder = shared_folder() / "reference"
    if not (folder / f"{name}.npz").is_file():
        pytest.skip(f"there are no reference values at {folder}; set NTKSIM_SHARED")
    with np.load(folder / f"{name}.npz") as archive:
        arrays = {key: archive[key] for key in archive.files}
    return arrays, json.loads((folder / f"{name}.json").read_text())


def keys(name: str, prefix: str = "") -> list[str]:
    """Keys of a manifest for parametrising tests; one that skips where it is absent."""
    path = shared_folder() / "reference" / f"{name}.json"
    if not path.is_file():
        return ["absent"]
    return [key for key in json.loads(path.read_text()) if key.startswith(prefix)]
