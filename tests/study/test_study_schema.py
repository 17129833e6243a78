"""The JSON Schema says what the reader says, in so far as a schema can."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ntksim.registry import LocalPlugin, Registry
from ntksim.study import Source, Study, StudyError, json_schema

TINY = Path(__file__).parent / "plugins" / "tiny.py"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema(Registry.load([LocalPlugin.read(TINY)], block=["builtin"]))


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_it_is_strict_json(schema: dict[str, Any]) -> None:
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema
    assert "x-ntksim-kind" not in json.dumps(schema)


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    text = json.dumps(schema)
    targets = {part.split('"')[0] for part in text.split('"$ref": "#/$defs/')[1:]}
    assert targets <= schema["$defs"].keys()


def test_options_have_descriptions_defaults_and_bounds(schema: dict[str, Any]) -> None:
    line = schema["$defs"]["architecture.tiny.line"]
    assert line["properties"]["name"]["enum"] == ["line", "tiny:line"]
    assert line["properties"]["name"]["description"] == "A linear model."
    assert line["properties"]["depth"]["exclusiveMinimum"] == 0
    assert line["properties"]["depth"]["default"] == 1
    assert line["properties"]["activation"]["$ref"] == "#/$defs/activation"
    assert line["properties"]["activation"]["default"] == {"name": "tiny:relu", "slope": 0.0}
    relu = schema["$defs"]["activation.tiny.relu"]
    assert relu["properties"]["slope"]["description"] == "Slope on the negative side."
    assert "label" not in relu["properties"]


RIGHT_CHANGES = [
    {},
    {"width": "[1, 1e3, .inf]"},
    {"seed": "{count: 3, root: 2}"},
    {"time": "{logspace: [1e-2, 10], count: 5, include: [0, .inf]}"},
    {"time": "{values: [1, 2]}"},
    {"time": ".inf"},
    {"solver": "[euler, {name: tiny:exact, tolerance: 0.5, label: mine}]"},
    {"architecture": "{name: line, activation: {name: relu, slope: 2}}"},
    {"architecture": "{name: line, activation: relu}"},
    {"record": "[loss_train, predictions, {name: distance, reference: limit}]"},
    {"store": "a/b.zarr", "description": "d", "initial_output": "zero"},
]

WRONG_CHANGES = [
    {"colour": "red"},
    {"solver": None},
    {"study": "a/b"},
    {"width": "-1"},
    {"width": "1.5"},
    {"width": "true"},
    {"width": "[]"},
    {"width": "[1, 1]"},
    {"width": "1000000001"},
    {"seed": "-1"},
    {"seed": "{root: 1}"},
    {"time": "-1"},
    {"time": "{logspace: [1, 2]}"},
    {"time": "{linspace: [1, 2, 3], count: 3}"},
    {"solver": "exat"},
    {"solver": "{name: exact, tolerance: 2}"},
    {"solver": "{name: exact, tolerence: 0.5}"},
    {"solver": "{name: euler, steps: 1.5}"},
    {"architecture": "{name: line, activation: {name: relu, slop: 2}}"},
    {"architecture": "{name: line, activation: limit}"},
    {"record": "[loss_tran]"},
    {"initial_output": "one"},
]


@pytest.mark.parametrize("changes", RIGHT_CHANGES, ids=str)
def test_what_is_right_for_the_reader_is_right_for_the_schema(
    load: Callable[..., Study], validator: Any, changes: dict[str, str]
) -> None:
    study = load(**changes)
    assert [error.message for error in validator.iter_errors(study.source.data)] == []


@pytest.mark.parametrize("changes", WRONG_CHANGES, ids=str)
def test_what_is_wrong_for_the_schema_is_wrong_for_the_reader(
    load: Callable[..., Study], folder: Path, validator: Any, changes: dict[str, str]
) -> None:
    with pytest.raises(StudyError):
        load(**changes)
    data = Source.read(folder / "tiny.yaml").data
    assert not validator.is_valid(data)


def test_an_ambiguous_name_must_be_qualified(tmp_path: Path) -> None:
    twin = tmp_path / "twin.py"
    twin.write_text(TINY.read_text(encoding="utf-8"), encoding="utf-8")
    plugins = [LocalPlugin.read(TINY), LocalPlugin.read(twin)]
    schema = json_schema(Registry.load(plugins, block=["builtin"]))
    assert schema["$defs"]["activation"]["anyOf"][0] == {"enum": ["tiny:relu", "twin:relu"]}


OPTIONS = """
from dataclasses import dataclass
from math import inf
from typing import Annotated, ClassVar
from pydantic import AllowInfNan, BaseModel
from ntksim import Activation, Solver, hookimpl

class Stage(BaseModel, frozen=True):
    steps: int

class Other(BaseModel, frozen=True):
    first: Stage

@dataclass(frozen=True)
class Mine(Solver):
    "Needs an option."
    name: ClassVar[str] = "mine"
    stages: tuple[Stage, ...]
    activations: tuple[Activation, ...] = ()
    longest: Annotated[float, AllowInfNan()] = inf
    def evolve(self, problem, times): ...

@dataclass(frozen=True)
class Again(Solver):
    "Has a nested model of the same name."
    name: ClassVar[str] = "again"
    stage: Other = Other(first=Stage(steps=1))
    def evolve(self, problem, times): ...

@hookimpl
def ntksim_solvers():
    return [Mine, Again]
"""


def test_nested_models_required_options_and_infinite_defaults(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(OPTIONS, encoding="utf-8")
    schema = json_schema(Registry.load([LocalPlugin.read(path)], block=["builtin"]))
    json.dumps(schema, allow_nan=False)
    jsonschema.Draft202012Validator.check_schema(schema)
    # "mine" alone is no choice: it needs an option.
    assert schema["$defs"]["solver"]["anyOf"][0] == {"enum": ["again", "mine:again"]}
    solver = jsonschema.Draft202012Validator({"$ref": "#/$defs/solver", "$defs": schema["$defs"]})
    assert solver.is_valid({"name": "mine", "stages": [{"steps": 1}], "longest": 3})
    assert not solver.is_valid({"name": "mine"})
    assert not solver.is_valid({"name": "mine", "stages": [{"steps": "x"}]})
    assert solver.is_valid({"name": "again", "stage": {"first": {"steps": 2}}})


def test_without_plugins_nothing_can_be_chosen() -> None:
    schema = json_schema(Registry((), ()))
    jsonschema.Draft202012Validator.check_schema(schema)
    solver = jsonschema.Draft202012Validator({"$ref": "#/$defs/solver", "$defs": schema["$defs"]})
    assert not solver.is_valid("exact")


def test_what_is_installed_has_a_schema() -> None:
    registry = Registry.load()
    schema = json_schema(registry)
    jsonschema.Draft202012Validator.check_schema(schema)
    json.dumps(schema, allow_nan=False)
    for offer in registry.offers:
        definition = schema["$defs"][f"{offer.kind}.{offer.origin.plugin}.{offer.cls.name}"]
        for option in offer.options:
            assert definition["properties"][option].get("description"), f"{offer.cls}.{option}"
