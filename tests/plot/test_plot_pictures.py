"""The pictures of the documentation: the page, the files, and the script that makes them."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from ntksim import load_study, run
from ntksim.cli import main

from stored_studies import altered

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "figures.md").read_text(encoding="utf-8")


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pictures", DOCS / "make_pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_pictures"] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


MAKER = script()

REDUCED: dict[str, dict[str, Any]] = {
    "figure1": {"width": [50], "kernel": "empirical", "time": [0, 0.1, 1, 10]},
    "figure2": {"time": [0, 1, 100]},
    "figure3": {"width": [50, 60], "time": [0, 1, 10]},
    "figure4": {"width": [10, 50], "time": [0, 1, 25]},
    "figure5": {"width": [50], "time": [0, 1, 5]},
    "figure6": {"record": [{"name": "kernel_field", "points": 9, "angles": 13}]},
    "figure7": {},
    "convergence_proofs": {"width": [50], "time": [0, 1, 10]},
    "laziness": {"width": [16, 32, 64], "seed": {"count": 2}, "time": [0, 1]},
    "catapult": {"width": [50], "seed": 0, "time": [0, 1, 2]},
    "conditioning": {},
    "exact_spectra": {},
    "learning_curves": {},
    "ensemble": {"width": [16], "seed": {"count": 20}, "time": [0, 1]},
}
"""What is changed in a study so that it takes a moment."""


def few(name: str) -> dict[str, Any]:
    """Return a study with few points, networks and data."""
    study: Any = altered(name, **REDUCED[name])
    if name in ("figure2", "convergence_proofs", "conditioning"):
        data = study["dataset"] if isinstance(study["dataset"], list) else [study["dataset"]]
        study["dataset"] = [{**entry, "train": 8, "test": 4} for entry in data]
    if name in ("figure1", "figure3", "figure4", "figure5", "figure7"):
        label = "three_points"
        study["dataset"] = {"name": "three_points", "points": 5, "label": label}
    if name == "conditioning":
        study["architecture"] = [e for e in study["architecture"] if e["depth"] <= 4]
    if name == "learning_curves":
        study["dataset"] = [{**e, "test": 10} for e in study["dataset"] if e["train"] <= 100]
    if name == "exact_spectra":
        study["dataset"] = [e for e in study["dataset"] if e["train"] <= 10][:4]
    return study


@pytest.mark.parametrize(
    "name",
    [
        name if name == "figure4" else pytest.param(name, marks=pytest.mark.figures)
        for name in MAKER.PICTURES
    ],
)
def test_the_script_draws_the_picture_from_a_store(name: str, tmp_path: Path) -> None:
    study = MAKER.PICTURES[name].study
    assert run(load_study(few(study)), store=tmp_path / f"{study}.zarr").is_complete
    (path,) = MAKER.make([name], tmp_path, tmp_path / "out")
    assert path == tmp_path / "out" / f"{name}.png"
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    if name == "figure6":  # one of them twice
        (again,) = MAKER.make([name], tmp_path, tmp_path / "again")
        assert again.read_bytes() == content


def test_a_study_without_a_store_is_run_first(tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "studies"
    folder.mkdir()
    text = yaml.safe_dump(few("conditioning"))
    (folder / "conditioning.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(MAKER, "STUDIES", folder)
    MAKER.main(["conditioning", "--stores", str(tmp_path), "--output", str(tmp_path)])
    assert (tmp_path / "conditioning.zarr").is_dir()
    assert (tmp_path / "conditioning.png").is_file()


def test_an_unknown_picture_is_refused(capsys) -> None:
    with pytest.raises(SystemExit):
        MAKER.main(["figure8"])
    assert "there is no picture 'figure8'" in capsys.readouterr().err


def test_every_picture_is_shown_exists_and_is_made_by_the_script() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(pictures/(\w+)\.png\)", PAGE)
    assert sorted(shown) == sorted(MAKER.PICTURES)
    assert {path.stem for path in (DOCS / "pictures").iterdir()} == set(shown)
    sizes = [(DOCS / "pictures" / f"figure{i}.png").stat().st_size for i in range(1, 8)]
    assert sum(sizes) < 1_500_000


def test_commands_of_the_page_are_those_of_the_script() -> None:
    blocks = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    for name, block in zip(MAKER.PICTURES, blocks, strict=True):
        first, second = (shlex.split(line) for line in block.splitlines())
        picture = MAKER.PICTURES[name]
        assert first == ["ntksim", "run", f"studies/{picture.study}.yaml"]
        assert second == shlex.split(picture.command)
        assert (DOCS.parent / "studies" / f"{picture.study}.yaml").is_file()
    assert CliRunner().invoke(main, ["plot", "--help"]).exit_code == 0


def test_corrections_that_the_page_names_are_in_the_table() -> None:
    table = (DOCS / "corrections.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bC\d+\b", PAGE))
    assert len(named) > 15
    assert all(f"| {name} |" in table for name in named)
