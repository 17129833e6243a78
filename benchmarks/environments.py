"""Environments of the peers: built once, by ``venv`` and ``pip``, with pinned versions."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(
    os.environ.get("NTKSIM_BENCHMARK_ENVIRONMENTS", Path(__file__).parent / ".environments")
)


@dataclass(frozen=True)
class Environment:
    """A Python version and what is installed in it."""

    python: str
    packages: tuple[str, ...]


ENVIRONMENTS: dict[str, Environment | None] = {
    "ntksim": None,  # the one in which the suite runs
    # The newest versions with which all of neural-tangents works.
    "neural_tangents": Environment(
        "3.11",
        (
            "neural-tangents==0.6.5",
            "jax==0.4.25",
            "jaxlib==0.4.25",
            "numpy==1.26.4",
            "scipy==1.13.1",
            "setuptools<81",  # tf2jax, which neural-tangents imports, needs pkg_resources
        ),
    ),
    # The newest, for loops of training.
    "jax": Environment("3.11", ("jax==0.10.2", "jaxlib==0.10.2", "numpy==2.4.6", "scipy==1.17.1")),
}


def python_of(name: str) -> Path:
    """Return the interpreter of an environment, which is built where it is not there yet.

    Raises
    ------
    RuntimeError
        If it cannot be built: without the Python version, or without the network.
    """
    environment = ENVIRONMENTS[name]
    if environment is None:
        return Path(sys.executable)
    pins = "\n".join(environment.packages)
    stamp = hashlib.sha256(pins.encode()).hexdigest()[:8]
    place = FOLDER / f"{name}-{stamp}"
    python = place / "bin" / "python"
    if (place / "complete").exists():
        return python
    shutil.rmtree(place, ignore_errors=True)
    for command in (
        [_interpreter(environment.python), "-m", "venv", str(place)],
        [str(python), "-m", "pip", "install", "--quiet", *environment.packages],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr.strip()[-2000:]}")
    (place / "complete").touch()
    return python


def _interpreter(version: str) -> str:
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        raise RuntimeError(f"python{version} is not on the path; its environment needs it")
    return found
