"""What the README shows works as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def run(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.documentation
def test_study_and_analysis(tmp_path: Path) -> None:
    (tmp_path / "finite_width.yaml").write_text(blocks("yaml")[0])
    run("-m", "ntksim", "run", "finite_width.yaml", cwd=tmp_path)
    analysis = "import matplotlib\nmatplotlib.use('Agg')\n" + blocks("python")[0]
    (tmp_path / "analysis.py").write_text(analysis)
    assert "eigenvalue" in run("analysis.py", cwd=tmp_path)


def test_plugin(tmp_path: Path) -> None:
    (tmp_path / "swish.py").write_text(blocks("python")[1])
    (tmp_path / "swish.yaml").write_text(
        "study: swish\n"
        "plugins: [swish.py]\n"
        "dataset: three_points\n"
        "architecture: {name: mlp, depth: 1, activation: {name: swish, beta: 2.0}}\n"
        "width: [4096, .inf]\n"
        "kernel: [analytic, empirical]\n"
        "solver: eigh\n"
        "time: [0, 1]\n"
        "record: [kernel]\n"
    )
    run("-m", "ntksim", "run", "swish.yaml", cwd=tmp_path)
    script = (
        "import xarray, numpy\n"
        "ntk = xarray.open_zarr('swish.zarr', group='three_points').ntk_train.squeeze()\n"
        "finite = ntk.sel(width=4096, kernel='empirical').values\n"
        "limit = ntk.sel(width=numpy.inf, kernel='analytic').values\n"
        # An entry fluctuates by about 4/sqrt(width) of itself: 6 % at this width.
        "numpy.testing.assert_allclose(finite, limit, rtol=0.25)\n"
        "assert abs(finite - limit).max() > 0\n"
    )
    run("-c", script, cwd=tmp_path)


def test_the_commands_are_those_that_are_checked() -> None:
    commands = [line.strip() for line in README.splitlines() if line.startswith("    pip")]
    assert commands == [
        "pip install . && ntksim run studies/quickstart.yaml",
        "pip install '.[test]' && pytest",
    ]
