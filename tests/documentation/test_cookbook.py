"""Every block of code in the cookbook is executed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import documented

pytestmark = pytest.mark.documentation


def run(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(cwd)},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all files of the cookbook, in which all of its studies were run."""
    folder = tmp_path_factory.mktemp("cookbook")
    for name, content in documented.files("cookbook").items():
        (folder / name).write_text(content, encoding="utf-8")
    studies = [name for name in documented.files("cookbook") if name.endswith(".yaml")]
    script = (
        "import sys; from ntksim.cli import main\n"
        "for study in sys.argv[1:]:\n"
        "    try: main(['run', study])\n"
        "    except SystemExit as end: assert end.code == 0, (study, end.code)\n"
    )
    run("-W", "error", "-c", script, *studies, cwd=folder)
    assert all((folder / study).with_suffix(".zarr").exists() for study in studies)
    return folder


def test_every_recipe_has_a_plugin_a_test_and_a_study() -> None:
    files = documented.files("cookbook")
    plugins = {name for name in files if name.endswith(".py") and not name.startswith("test_")}
    assert len(plugins) == 5
    for plugin in plugins:
        assert f"test_{plugin}" in files
        assert plugin.replace(".py", ".yaml") in files


def test_every_plugin_obeys_its_laws(folder: Path) -> None:
    shown = run(
        *("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--rootdir", "."),
        cwd=folder,
    )
    assert "failed" not in shown


def test_the_other_blocks_run_and_print_what_is_shown(folder: Path) -> None:
    text = (documented.DOCS / "cookbook.md").read_text("utf-8")
    for language, content in documented.blocks("cookbook"):
        if documented.file_name(content) is not None:
            continue
        if language == "console":
            for line in content.splitlines():
                program, *arguments = line.split()
                assert program == "ntksim"
                run("-m", "ntksim", *arguments, cwd=folder)
        else:
            assert language == "python"
            printed = run("-W", "error", "-c", content, cwd=folder)
            assert printed
            if "breaks the law" in printed:
                first = printed.splitlines()[:2]
                assert "\n".join(f"    {line}" for line in first) in text
            else:
                assert "number of learned modes" in printed


def test_every_option_is_described_in_the_schema(folder: Path) -> None:
    script = (
        "from pydantic import TypeAdapter; from two_stage import TwoStage\n"
        "options = TypeAdapter(TwoStage).json_schema()['properties']\n"
        "assert len(options) == 4\n"
        "assert all(option.get('description') for option in options.values()), options\n"
    )
    run("-c", script, cwd=folder)
