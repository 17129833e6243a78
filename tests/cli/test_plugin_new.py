"""``ntksim plugin new``: what it writes can be installed, passes its tests and runs."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ntksim.cli import main
from ntksim.hookspecs import KINDS
from ntksim.scaffold import PluginNameError, new_plugin


def new(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plugin", "new", *arguments])


def run(*arguments: str, cwd: Path, path: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A package of every kind."""
    folder = tmp_path_factory.mktemp("packages")
    for kind in KINDS:
        done = new(f"example_{kind}", "--kind", kind, "--into", str(folder))
        assert done.exit_code == 0, done.output
    return {kind: folder / f"example_{kind}" for kind in KINDS}


@pytest.fixture(scope="module")
def path(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PYTHONPATH on which every package is installed: what pip would make of pyproject.toml."""
    folders = []
    for package in packages.values():
        project = tomllib.loads((package / "pyproject.toml").read_text("utf-8"))
        info = tmp_path_factory.mktemp("site")
        metadata = info / f"{package.name}-0.1.0.dist-info"
        metadata.mkdir()
        name, version = project["project"]["name"], project["project"]["version"]
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        entries = project["project"]["entry-points"]["ntksim"]
        lines = [f"{key} = {value}" for key, value in entries.items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[ntksim]", *lines, ""]))
        (module,) = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
        folders += [str(info), str((package / module).parent)]
    return os.pathsep.join(folders)


def test_every_example_is_short_and_clean(packages: dict[str, Path]) -> None:
    for kind, package in packages.items():
        (source,) = (package / "src").rglob("*.py")
        text = source.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 40, kind
        assert max(map(len, text.splitlines())) <= 100, kind
        for file in package.rglob("*.*"):
            if file.is_file():
                assert not re.search("my.plugin|MyPlugin|KIND|VERSION", file.read_text("utf-8")), (
                    file
                )


@pytest.mark.documentation
def test_every_example_passes_its_tests(packages: dict[str, Path], path: str) -> None:
    folders = [str(package / "tests") for package in packages.values()]
    shown = run(
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        ".",
        "-W",
        "error",
        *folders,
        cwd=packages["solver"].parent,
        path=path,
    )
    assert int(re.findall(r"(\d+) passed", shown)[0]) > 80


@pytest.mark.documentation
def test_every_study_runs(packages: dict[str, Path], path: str) -> None:
    script = (
        "import sys; from ntksim.cli import main\n"
        "for folder in sys.argv[1:]:\n"
        "    study, store = f'{folder}/study.yaml', f'{folder}/study.zarr'\n"
        "    try: main(['run', study, '--store', store])\n"
        "    except SystemExit as end: assert end.code == 0, (folder, end.code)\n"
    )
    run("-c", script, *map(str, packages.values()), cwd=packages["solver"].parent, path=path)
    assert all((package / "study.zarr" / "zarr.json").exists() for package in packages.values())


@pytest.mark.slow
@pytest.mark.skipif(
    not (importlib.util.find_spec("pip") and importlib.util.find_spec("hatchling")),
    reason="building without the network needs pip and hatchling here",
)
@pytest.mark.parametrize("kind", KINDS)
def test_pip_installs_it(kind: str, packages: dict[str, Path], tmp_path: Path) -> None:
    run(
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--disable-pip-version-check",
        "--target",
        str(tmp_path / "site"),
        str(packages[kind]),
        cwd=tmp_path,
    )
    listed = run("-m", "ntksim", "plugins", "--json", cwd=tmp_path, path=str(tmp_path / "site"))
    assert f'"example_{kind}"' in listed
    assert f'"distribution": "ntksim-example-{kind}"' in listed


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("MyNet", "architecture", "for example 'my_net'"),
        ("my-net", "solver", "for example 'my_net'"),
        ("2fast", "solver", "for example 'fast'"),
        ("a__b", "solver", "for example 'a_b'"),
        ("../escape", "kernel", "for example 'escape'"),
        ("x" * 41, "kernel", "at most 40 long"),
        ("ntksim_jax", "kernel", "write 'jax'"),
        ("none", "dataset", "choose another, such as 'my_none'"),
        ("dense", "architecture", "choose another, such as 'my_dense'"),
        ("mlp", "architecture", "'mlp' is the name of the architecture of plugin 'builtin'"),
        ("eigh", "solver", "choose another, or studies"),
    ],
)
def test_bad_names_are_refused_in_a_sentence(
    name: str, kind: str, said: str, tmp_path: Path
) -> None:
    done = new(name, "--kind", kind, "--into", str(tmp_path))
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output
    assert not list(tmp_path.iterdir())


def test_a_name_of_another_kind_is_allowed(tmp_path: Path) -> None:
    assert new("mlp", "--kind", "dataset", "--into", str(tmp_path)).exit_code == 0


def test_existing_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    done = new("mine", "--into", str(tmp_path))
    assert done.exit_code == 2
    assert "exists already" in done.output
    assert not list((tmp_path / "mine").iterdir())


def test_an_unknown_kind_names_those_that_there_are(tmp_path: Path) -> None:
    done = new("mine", "--kind", "layer", "--into", str(tmp_path))
    assert done.exit_code == 2
    assert all(kind in done.output for kind in KINDS)


def test_the_functions_raise_what_the_command_shows(tmp_path: Path) -> None:
    with pytest.raises(PluginNameError, match="cannot name a plugin"):
        new_plugin("No", "solver", tmp_path)
    new_plugin("yes", "solver", tmp_path)
    with pytest.raises(FileExistsError):
        new_plugin("yes", "solver", tmp_path)
