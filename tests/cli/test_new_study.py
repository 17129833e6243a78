"""``ntksim new study``: what it writes is right as it is, and its comments tell the truth."""

import re
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result
from ntksim.cli import main
from ntksim.registry import Registry
from ntksim.scaffold import new_study
from ntksim.study import Source, json_schema, load_study


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def new(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["new", "study", *map(str, arguments)])


def choices(registry: Registry, kind: str) -> list[str]:
    return [offer.cls.name for offer in registry.of_kind(kind)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "choice" in metafunc.fixturenames:
        registry = Registry.load()
        metafunc.parametrize(
            "choice",
            [
                {kind: name}
                for kind in ("dataset", "architecture", "solver")
                for name in choices(registry, kind)
                if name != "file"  # needs a path: see below
            ],
            ids=lambda choice: "-".join(next(iter(choice.items()))),
        )


def test_it_is_right_and_its_comments_are_the_defaults(
    tmp_path: Path, registry: Registry, choice: dict[str, str]
) -> None:
    plain, spelled = tmp_path / "plain.yaml", tmp_path / "spelled.yaml"
    assert new_study(plain, registry, **choice) == []
    text = plain.read_text(encoding="utf-8")
    # An option's line is "  # option: value # what it is".
    options = re.sub(r"(?m)^  # (?=\w+: )", "  ", text)
    assert options.count("\n  ") >= text.count("\n  ")
    spelled.write_text(options, encoding="utf-8")
    kept = ("dataset", "architecture", "width", "seed", "time", "kernel", "solver", "record")
    resolved = [load_study(path).resolved() for path in (plain, spelled)]
    assert {key: resolved[0][key] for key in kept} == {key: resolved[1][key] for key in kept}
    (kind, name), *_ = choice.items()
    assert resolved[0][kind][0]["name"] == f"builtin:{name}"


def test_the_schema_agrees(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "mine.yaml"
    new_study(path, registry)
    jsonschema.validate(Source.read(path).data, json_schema(registry))


def test_it_names_everything_that_is_installed(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "mine.yaml"
    new_study(path, registry)
    text = path.read_text(encoding="utf-8")
    for kind in ("dataset", "architecture", "kernel", "solver", "diagnostic"):
        for name in choices(registry, kind):
            assert re.search(rf"\b{name}\b", text), f"the {kind} {name}"


def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = new("mine")
    assert shown.exit_code == 0, shown.output
    assert "ntksim run mine.yaml" in shown.output
    done = CliRunner().invoke(main, ["run", "mine.yaml"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "mine.zarr").is_dir()


def test_what_must_be_filled_in_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    shown = new(path, "--dataset", "file")
    assert shown.exit_code == 0
    assert "dataset file: path" in shown.output
    refused = CliRunner().invoke(main, ["check", str(path)])
    assert refused.exit_code == 2
    assert "CHANGE_ME" in refused.output


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine", encoding="utf-8")
    refused = new(path)
    assert refused.exit_code == 2
    assert "exists already" in refused.output
    assert path.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.yaml", "--dataset", "digit"], "did you mean 'digits'"),
        (["a.yaml", "--solver", "eig"], "did you mean 'eigh'"),
        (["-a b.yaml"], "No such option"),
        (["a b.yaml"], "cannot name a study"),
    ],
)
def test_what_is_wrong_is_refused(tmp_path: Path, arguments: list[str], message: str) -> None:
    first = arguments[0] if arguments[0].startswith("-") else str(tmp_path / arguments[0])
    refused = new(first, *arguments[1:])
    assert refused.exit_code == 2
    assert message in refused.output
    assert list(tmp_path.iterdir()) == []
