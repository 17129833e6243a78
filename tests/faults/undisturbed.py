"""What a store must hold in the end, whatever was done to the runs that made it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ntksim.store import open_results
from ntksim.store.verify import verify

from running_studies import environment, recorded

NURSERY = Path(__file__).parent / "nursery.py"

PROVENANCE = {"wall_time", "cell_record"}
"""Variables that say when and where a cell was computed."""


class Nursery:
    """A process that runs studies in children."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", str(NURSERY)],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, study: Path, store: Path, **job: Any) -> int:
        """Begin a run and return its process."""
        content = {"study": str(study), "store": str(store), "folder": str(store.parent), **job}
        self._write(json.dumps(content))
        return self._number()

    def end(self) -> int:
        """Return how the last run ended: its exit code, or the negative number of a signal."""
        code = self._number()
        self._write("")
        return code

    def run(self, study: Path, store: Path, **job: Any) -> int:
        """Run, and return how it ended."""
        self.begin(study, store, **job)
        return self.end()

    def close(self) -> None:
        self._process.communicate(timeout=60)

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _number(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


def contents(store: Path) -> dict[str, Any]:
    """Return every variable of a store but its provenance, byte for byte."""
    found: dict[str, Any] = {}
    with open_results(store) as tree:
        for node in tree.subtree:
            for name, variable in node.to_dataset(inherit=False).variables.items():
                if name in PROVENANCE:
                    continue
                values = np.asarray(variable.values)
                data = values.tolist() if values.dtype.kind in "OT" else values.tobytes()
                found[f"{node.path}/{name}"] = (variable.dims, values.shape, data)
    return found


def files(store: Path) -> dict[str, bytes]:
    """Return every file of a store, of its journal and beside them, but for the lock, with content.

    Runs in a nursery take no time, so that equal runs are equal files.
    """
    return {
        path.relative_to(store.parent).as_posix(): path.read_bytes()
        for path in store.parent.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def check(store: Path, expected: dict[str, Any], records: dict[str, Any]) -> None:
    """Compare a store and its journal with those of an undisturbed run, and look for leftovers."""
    assert contents(store) == expected
    assert recorded(store) == records
    assert verify(store).is_whole
    names = {path.name for path in store.parent.iterdir() if path.name.startswith(store.stem)}
    hidden = [path.name for path in store.parent.iterdir() if path.name.startswith(".")]
    assert names <= {"small.zarr", "small.cells", "small.sha256", "small.lock", "small.yaml"}
    assert hidden == []
    assert all(path.suffix == ".npz" for path in store.with_suffix(".cells").iterdir())
