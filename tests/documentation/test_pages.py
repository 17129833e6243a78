"""The pages that teach: their files, commands and Python work as they stand, in their order."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from ntksim.cli import main

import documented

PAGES = ["tutorial", "study_files", "running", "neural_tangents"]
SHOWN_ONLY = {"text", "toctree", "include"}


@pytest.mark.documentation
@pytest.mark.parametrize("page", PAGES)
def test_everything_works_in_its_order(
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    worked = 0
    for language, content in documented.blocks(page):
        name = documented.file_name(content)
        if language in SHOWN_ONLY:
            continue
        worked += 1
        if name is not None:
            (tmp_path / name).write_text(content, encoding="utf-8")
        elif language == "console":
            for line in content.splitlines():
                program, *arguments = shlex.split(line)
                assert program == "ntksim"
                done = CliRunner().invoke(main, arguments)
                assert done.exit_code == 0, f"{line}\n{done.output}"
        else:
            assert language == "python", f"{page}: a study needs its file's name in the first line"
            exec(compile(content, f"{page}.md", "exec"), {"__name__": "__main__"})
            assert "False" not in capsys.readouterr().out
    assert worked


@pytest.mark.documentation
def test_tests_in_the_tutorial_pass(tmp_path: Path) -> None:
    names = documented.files("tutorial")
    for name, content in names.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    tests = [name for name in names if name.startswith("test_")]
    assert tests
    shown = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", *tests],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr


def test_commands_that_are_shown_exist() -> None:
    fence = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
    code: list[str] = []
    for page in documented.DOCS.rglob("*.md"):
        text = page.read_text("utf-8")
        code += [line for block in fence.findall(text) for line in block.splitlines()]
        code += re.findall(r"`([^`]+)`", fence.sub("", text))
    shown = {found[1] for part in code if (found := re.match(r"ntksim ([a-z]+)", part))}
    assert len(shown) > 5
    assert shown <= set(main.list_commands(click.Context(main)))
