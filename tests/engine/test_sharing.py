"""What several cells and diagnostics use, no plugin changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ntksim.engine import run
from ntksim.engine.sharing import read_only
from ntksim.store import Journal, Places
from ntksim.types import KernelBlocks, Kernels

VANDAL = '''
from dataclasses import dataclass
from typing import ClassVar

from ntksim import Diagnostic, VariableSpec, hookimpl


@dataclass(frozen=True)
class Vandal(Diagnostic):
    """Write into what is given."""

    name: ClassVar[str] = "vandal"
    variables: ClassVar[dict] = {"vandal": VariableSpec((), "nothing")}

    what: str = "evolution.train"
    """What to write into."""

    def measure(self, cell):
        """Spoil it."""
        target = cell
        for name in self.what.split("."):
            target = getattr(target, name)
        target *= 0
        return {"vandal": 1.0}


@hookimpl
def ntksim_diagnostics():
    return [Vandal]
'''

SHARED = (
    "evolution.train",
    "evolution.reached",
    "problem.kernels.train.ntk",
    "problem.kernels.test_train.ntk",
    "problem.spectrum.eigenvectors",
    "problem.f0_train",
    "dataset.x_train",
)


@pytest.mark.parametrize(
    ("what", "kernel"),
    [
        *((what, "empirical") for what in SHARED),
        ("problem.kernels.train.ntk", "{name: monte_carlo, samples: 2}"),
    ],
)
def test_a_plugin_that_writes_into_what_it_was_given_fails(
    tmp_path: Path, what: str, kernel: str
) -> None:
    (tmp_path / "vandal.py").write_text(VANDAL, encoding="utf-8")
    (tmp_path / "small.yaml").write_text(
        "study: small\nplugins: vandal.py\n"
        "dataset: {name: three_points, points: 4}\narchitecture: shallow_relu\n"
        f"width: 4\ntime: [0, 1]\nkernel: {kernel}\nsolver: eigh\n"
        f"record: [predictions, {{name: vandal, what: {what}}}]\n",
        encoding="utf-8",
    )
    summary = run(tmp_path / "small.yaml", store=tmp_path / "small.zarr")
    assert summary.counts == {"failed": 1}
    journal = Journal(Places.of(tmp_path / "small.zarr").journal)
    (key,) = journal.keys()
    error = journal.read(key).info["error"]
    assert "read-only" in error
    assert "raised by diagnostic 'vandal'" in error


def test_all_arrays_are_read_only_however_deep() -> None:
    blocks = KernelBlocks(Kernels(ntk=np.eye(2)), Kernels(nngp=np.eye(2)), None)
    assert read_only(blocks) is blocks
    for array in (blocks.train.ntk, blocks.test_train.nngp):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array += 1
    assert read_only(None) is None
