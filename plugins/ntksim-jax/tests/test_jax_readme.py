"""What the README shows works as it stands, and so does the shipped study."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray
import yaml

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
FILES = {
    name[1]: content
    for _, content in BLOCKS
    if (name := re.match(r"# ([\w.]+\.(?:py|yaml))\n", content))
}
PLUGINS = [name for name in FILES if name.endswith(".py") and not name.startswith("test_")]


def run(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(cwd), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all files of the README, in which all of its studies were run."""
    folder = tmp_path_factory.mktemp("readme")
    for name, content in FILES.items():
        (folder / name).write_text(content, encoding="utf-8")
    script = (
        "import sys; from ntksim.cli import main\n"
        "for study in sys.argv[1:]:\n"
        "    try: main(['run', study])\n"
        "    except SystemExit as end: assert end.code == 0, (study, end.code)\n"
    )
    studies = [name for name in FILES if name.endswith(".yaml")]
    run("-W", "error", "-c", script, *studies, cwd=folder)
    return folder


def test_every_plugin_has_a_study_and_is_tested() -> None:
    assert len(PLUGINS) == 3
    for plugin in PLUGINS:
        assert plugin.replace(".py", ".yaml") in FILES
        assert f"from {plugin.removesuffix('.py')} import" in FILES["test_networks.py"]


def test_the_plugins_obey_the_laws(folder: Path) -> None:
    shown = run(
        *("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--rootdir", "."),
        cwd=folder,
    )
    assert int(re.findall(r"(\d+) passed", shown)[0]) >= 4 * 12


@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_results_are_whole(plugin: str, folder: Path) -> None:
    store = folder / plugin.replace(".py", ".zarr")
    with xarray.open_zarr(store) as results:
        status = set(results.status.values.ravel())
        assert "done" in status
        assert "failed" not in status
        loss = results.loss_train.transpose(..., "time").values.reshape(-1, len(results.time))
        assert (loss[:, -1] < loss[:, 0]).all()


def test_the_file_is_recorded_and_can_be_forbidden(folder: Path) -> None:
    with xarray.open_zarr(folder / "two_functions.zarr") as results:
        assert re.search(r"[0-9a-f]{64}", str(results.attrs["plugins"]))
    done = subprocess.run(
        [sys.executable, "-m", "ntksim", "run", "--no-local-plugins", "two_functions.yaml"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 2
    assert "not allowed here" in done.stderr


def test_the_notebook_s_lines_run(folder: Path) -> None:
    code = [content for language, content in BLOCKS if language == "python"]
    (loose,) = [content for content in code if content not in FILES.values()]
    shown = run("-W", "error", "-c", loose, cwd=folder)
    # Width 256: the kernel fluctuates by some 1/√width.
    assert 0.005 < float(shown.split()[0]) < 0.5


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped study, run in one process."""
    folder = tmp_path_factory.mktemp("shipped")
    run("-m", "ntksim", "run", str(ROOT / "studies" / "libraries.yaml"), cwd=folder)
    return folder / "libraries.zarr"


def test_training_in_every_library_approaches_its_linearisation(store: Path) -> None:
    with xarray.open_zarr(store) as results:
        assert set(results.status.values.ravel()) == {"done"}
        gap = results.linearisation_gap_test.sel(solver="training").squeeze(["dataset", "kernel"])
        largest = gap.max("time").mean("seed").compute()
        # Theory says at most 1/√16 = 0.25 in NTK parameterisation; eight seeds scatter it.
        ratio = largest.sel(width=512) / largest.sel(width=32)
        assert (ratio < 0.5).all(), ratio.values
        assert largest.min() > 0


def test_workers_make_the_same_numbers(store: Path, tmp_path: Path) -> None:
    study = yaml.safe_load((ROOT / "studies" / "libraries.yaml").read_text("utf-8"))
    study |= {"width": [32], "architecture": study["architecture"][1:3], "seed": {"count": 2}}
    (tmp_path / "libraries.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    run("-m", "ntksim", "run", "libraries.yaml", "--workers", "2", cwd=tmp_path)
    with xarray.open_zarr(store) as one, xarray.open_zarr(tmp_path / "libraries.zarr") as two:
        assert set(two.status.values.ravel()) == {"done"}
        part = one.sel({axis: two[axis] for axis in ("architecture", "width", "seed")})
        for name in ("loss_train", "loss_test", "linearisation_gap_test"):
            np.testing.assert_array_equal(
                part[name].transpose(*two[name].dims).values, two[name].values
            )


def test_library_versions_are_recorded(store: Path) -> None:
    with xarray.open_zarr(store) as results:
        assert '"jaxlib"' in str(results.attrs["library_versions"])
