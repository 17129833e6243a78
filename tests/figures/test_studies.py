"""Every study that ships: well formed, complete, and able to run as it stands."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml
from ntksim import load_study
from ntksim.study import json_schema, plan_cells

from stored_studies import STUDIES

ALL = sorted(STUDIES.glob("*.yaml"))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_study_is_right_as_it_stands(path: Path) -> None:
    """It loads, its schema accepts it, its name is that of its file, and cells are possible."""
    study = load_study(path)
    assert study.name == path.stem
    assert study.description
    schema = json_schema(study.registry)
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(path.read_text()))
    assert len(plan_cells(study).tasks)


@pytest.mark.parametrize("number", range(1, 8))
def test_every_figure_has_a_study(number: int) -> None:
    assert STUDIES / f"figure{number}.yaml" in ALL
