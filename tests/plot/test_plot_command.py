"""``ntksim plot`` from outside."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ntksim import run
from ntksim.cli import main
from ntksim.plot import KINDS

FAILING = """
from dataclasses import dataclass

from ntksim import KernelProvider, hookimpl

@dataclass(frozen=True)
class Failing(KernelProvider):
    \"\"\"Fails.\"\"\"

    name = "failing"

    def kernels(self, model, x1, x2=None):
        raise RuntimeError("no kernel today")

@hookimpl
def ntksim_kernels():
    return [Failing]
"""

HALF = """
study: half
plugins: failing.py
dataset: three_points
architecture: shallow_relu
width: 8
kernel: [empirical, failing]
solver: eigh
time: [0, 1, 2]
"""

Stores = Callable[[str], Path]


@pytest.fixture
def draw(tmp_path, monkeypatch) -> Callable[..., Result]:
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(main, ["plot", *map(str, arguments)], catch_exceptions=False)

    return invoke


def test_the_picture_is_named_after_the_study(draw, stores: Stores, tmp_path):
    result = draw(stores("velocity"))
    assert result.exit_code == 0
    assert result.output == "initial_velocity: velocity.png\n"
    assert (tmp_path / "velocity.png").read_bytes().startswith(b"\x89PNG")


def test_kind_selection_and_output(draw, stores: Stores, tmp_path):
    result = draw(
        stores("line"), "--kind", "function_fit", "--select", "width=32", "--select",
        "kernel=empirical", "-o", "fit.svg",
    )  # fmt: skip
    assert result.exit_code == 0
    text = (tmp_path / "fit.svg").read_text(encoding="utf-8")
    assert "output f(x)" in text
    assert "analytic" not in text


def test_the_kinds_of_a_store_are_listed(draw, stores: Stores, tmp_path):
    result = draw(stores("process"), "--list")
    possible, impossible = result.output.split("\nNot of this store:\n")
    assert "gaussian_process  Mean and one standard deviation" in possible
    assert "spectrum          it needs eigenvalue" in impossible
    assert all(kind.name in result.output for kind in KINDS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kind", "spektrum"], "did you mean 'spectrum'?"),
        (["--kind", "accuracy"], "`record: [accuracy]`"),
        (["--select", "width=100"], "nearest is 32"),
        (["--select", "breadth=100"], "there is no axis 'breadth'"),
        (["--select", "width"], "is not a selection"),
        (["-o", "fit.jpeg"], "png, pdf, svg"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(arguments, said, draw, stores: Stores, tmp_path):
    result = draw(stores("line"), *arguments)
    assert result.exit_code == 2
    assert result.output.startswith("error: ")
    assert said in result.output
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_store_has_its_own_exit_code(draw):
    result = draw("nothing.zarr")
    assert result.exit_code == 3
    assert "nothing.zarr" in result.output


def test_a_folder_that_is_not_there_is_a_sentence(draw, stores: Stores):
    result = draw(stores("velocity"), "-o", "missing/velocity.png")
    assert result.exit_code == 2
    assert "missing/velocity.png" in result.output
    assert "Traceback" not in result.output


def test_what_there_is_no_room_for_is_said(draw, stores: Stores, monkeypatch):
    monkeypatch.setattr("ntksim.plot.arrange.MOST_MULTIPLES", 3)
    result = draw(stores("curves"), "--kind", "loss")
    assert result.exit_code == 0
    assert "note: 3 of 6 values of dataset are drawn: 5 points 0, 10 points 0" in result.output
    assert "such as --select 'dataset=5 points 1'" in result.output


def test_cells_that_failed_are_counted(draw, tmp_path):
    (tmp_path / "failing.py").write_text(FAILING, encoding="utf-8")
    (tmp_path / "half.yaml").write_text(HALF, encoding="utf-8")
    assert run(tmp_path / "half.yaml", store=tmp_path / "half.zarr").counts["failed"] == 1
    result = draw(tmp_path / "half.zarr")
    assert result.exit_code == 0
    assert "not drawn: 1 cells that failed or are missing" in result.output


def test_without_matplotlib_the_command_says_how_to_get_it(stores: Stores):
    script = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from ntksim.cli import main\n"
        f"main(['plot', {str(stores('field'))!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "error: pictures need matplotlib: pip install matplotlib\n"


def test_matplotlib_is_imported_by_nothing_but_plot():
    script = (
        "import sys, ntksim, ntksim.cli.plot, ntksim.engine, ntksim.store.collect\n"
        "assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
