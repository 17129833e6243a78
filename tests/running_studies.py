"""Small studies for the tests of the engine, and what can be compared of their stores."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ntksim.store import Journal, Places

MISBEHAVING = Path(__file__).parent / "misbehaving.py"

SMALL: dict[str, Any] = {
    "study": "small",
    "plugins": "misbehaving.py",
    "dataset": {"name": "three_points", "points": 4},
    "architecture": "shallow_relu",
    "width": [4, 8],
    "seed": [0, 1],
    "time": [0, 0.5, ".inf"],
    "kernel": "counted",
    "solver": "misbehaving",
    "record": ["predictions", "loss"],
}


def write_study(folder: Path, **changes: Any) -> Path:
    """Write a small study with some keys changed, ``None`` leaving one out, and its plugin."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(MISBEHAVING, folder)
    content = {key: value for key, value in (SMALL | changes).items() if value is not None}
    path = folder / f"{content['study']}.yaml"
    # JSON is YAML, but for infinity, which is written without quotes.
    path.write_text(json.dumps(content, indent=1).replace('".inf"', ".inf"), encoding="utf-8")
    return path


def lines(path: Path) -> list[str]:
    """Return the lines of a tally."""
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def recorded(store: Path) -> dict[str, dict[str, tuple[str, tuple[int, ...], bytes]]]:
    """Return the variables of every record beside a store, byte for byte."""
    journal = Journal(Places.of(store).journal)
    return {
        key: {
            name: (value.dtype.str, value.shape, value.tobytes())
            for name, value in journal.read(key).variables.items()
        }
        for key in sorted(journal.keys())
    }


def statuses(store: Path) -> dict[str, str]:
    """Return the status of every record beside a store."""
    journal = Journal(Places.of(store).journal)
    return {key: journal.status(key) for key in sorted(journal.keys())}


def environment() -> dict[str, str]:
    """Return this process's environment, in which nothing inherits its number of threads."""
    return {name: value for name, value in os.environ.items() if not name.endswith("_THREADS")}


def ntksim(*arguments: object, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder."""
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def without_rate(errors: str) -> str:
    """Leave out of what a run says what it only says when the machine is slow."""
    return re.sub(r"\d+ of \d+ cells, about \d+ s left\n", "", errors)


def command(*arguments: object) -> list[str]:
    """Return the command line as a list."""
    return [sys.executable, "-W", "error", "-m", "ntksim", *map(str, arguments)]
