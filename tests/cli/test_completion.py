"""``ntksim completion``: the script of each shell, and what it completes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from ntksim.cli import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_ntksim(shell: str) -> None:
    shown = CliRunner().invoke(main, ["completion", shell])
    assert shown.exit_code == 0
    assert f"_NTKSIM_COMPLETE={shell}_complete" in shown.output


def completed(*words: str, cwd: Path) -> list[str]:
    asked = subprocess.run(
        [sys.executable, "-m", "ntksim"],
        env=os.environ
        | {
            "_NTKSIM_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["ntksim", *words]),
            "COMP_CWORD": str(len(words)),
        },
        capture_output=True,
        text=True,
        check=True,
        cwd=cwd,
    )
    return [line.partition(",")[2] for line in asked.stdout.splitlines()]


def test_commands_options_and_choices(tmp_path: Path) -> None:
    assert {"plot", "plugin", "plugins"} <= set(completed("pl", cwd=tmp_path))
    assert "--workers" in completed("run", "--w", cwd=tmp_path)
    assert "solver" in completed("plugin", "new", "--kind", "so", cwd=tmp_path)


def test_an_unknown_shell_is_refused() -> None:
    assert CliRunner().invoke(main, ["completion", "tcsh"]).exit_code == 2


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_reads_the_script(tmp_path: Path) -> None:
    script = tmp_path / "ntksim"
    script.write_text(CliRunner().invoke(main, ["completion", "bash"]).output, encoding="utf-8")
    subprocess.run(["bash", "-n", str(script)], check=True)
