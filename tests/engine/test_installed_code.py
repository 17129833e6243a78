"""Code of an installed plugin that changes without a new version is noticed, ntksim's own not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ntksim.engine import check, run
from ntksim.store import StoreUnusable
from ntksim.version import NUMERICS_VERSION

from running_studies import MISBEHAVING, environment, recorded, write_study


class Editable:
    """A plugin as ``pip install -e`` leaves it: metadata in one folder, the code in another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.source = folder / "src" / "editable_plugin"
        self.source.mkdir(parents=True)
        shutil.copy(MISBEHAVING, self.source / "solvers.py")
        (self.source / "__init__.py").write_text("from editable_plugin.solvers import *\n")
        (self.site / "editable_plugin-0.1.0.dist-info").mkdir(parents=True)
        self.version("0.1.0")

    def version(self, version: str) -> None:
        info = self.site / "editable_plugin-0.1.0.dist-info"
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: editable-plugin\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text("[ntksim]\neditable = editable_plugin\n")

    def edit(self, text: str) -> None:
        path = self.source / "solvers.py"
        path.write_text(path.read_text() + text)

    def ntksim(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(self.site), str(self.source.parent)])
        return subprocess.run(
            [sys.executable, "-m", "ntksim", *map(str, arguments)],
            cwd=self.folder,
            env=environment() | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.mark.faults
def test_an_edit_is_refused_until_it_is_said_that_it_counts(tmp_path: Path) -> None:
    plugin = Editable(tmp_path)
    study = write_study(tmp_path, plugins=None, kernel=["counted", "analytic"], solver="eigh")
    assert plugin.ntksim("run", study).returncode == 0
    before = recorded(tmp_path / "small.zarr")
    assert len(before) == 8
    plugin.edit("\n# A remark.\n")
    refused = plugin.ntksim("run", study)
    assert refused.returncode == 3
    assert (
        "was computed with other code: plugin 'editable' still is editable-plugin 0.1.0, but its "
        "code has changed: SHA-256 "
    ) in refused.stderr
    assert "give --recompute to compute it again" in refused.stderr
    assert recorded(tmp_path / "small.zarr") == before
    planned = json.loads(plugin.ntksim("check", study, "--json").stdout)
    assert sorted(planned["reasons"].values()) == [4, 4]
    assert planned["reasons"]["stored"] == 4
    # Only the cells that the plugin has a part in are computed again, and nothing is deleted.
    again = plugin.ntksim("run", study, "--recompute")
    assert again.returncode == 0
    assert "8 done (4 computed in" in again.stdout
    assert before.items() <= recorded(tmp_path / "small.zarr").items()
    assert "(0 computed in" in plugin.ntksim("run", study).stdout
    # A new version is named as such.
    plugin.version("0.2.0")
    refused = plugin.ntksim("run", study)
    assert refused.returncode == 3
    assert "plugin 'editable' was editable-plugin 0.1.0 and is editable-plugin 0.2.0" in (
        refused.stderr
    )


def test_a_new_version_of_ntksim_with_the_same_numerics_keeps_every_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_study(tmp_path, plugins=None, kernel="analytic", solver="eigh")
    run(study, store=tmp_path / "small.zarr")
    monkeypatch.setattr("importlib.metadata.Distribution.version", "7.0")
    monkeypatch.setattr("ntksim.study.model.__version__", "7.0")
    found = check(study, store=tmp_path / "small.zarr")
    assert found.reasons == {"stored": 4}
    assert run(study, store=tmp_path / "small.zarr").computed == 0
    # The numerics are what counts.
    for module in ("ntksim.study.model", "ntksim.study.keys"):
        monkeypatch.setattr(f"{module}.NUMERICS_VERSION", 0)
    with pytest.raises(StoreUnusable, match=f"numerics were version {NUMERICS_VERSION} and are 0"):
        run(study, store=tmp_path / "small.zarr")
