"""``ntksim completion``: the script of each shell, and what it completes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from ntksim import load_study, run
from ntksim.cli import main
from ntksim.cli.completing import Bash


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


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    study = {"study": "tiny", "dataset": {"name": "three_points", "label": "my points"}}
    study |= {"architecture": "shallow_relu", "width": [8, 16, float("inf")], "solver": "eigh"}
    study |= {"kernel": "analytic", "time": [0, 1], "record": ["loss"]}
    place = tmp_path_factory.mktemp("completed") / "tiny.zarr"
    return str(run(load_study(study), store=place).store)


def offered(*words: str) -> list[str]:
    """Return what is offered for the last word, in this process."""
    shell = ShellComplete(main, {}, "ntksim", "_NTKSIM_COMPLETE")
    return [item.value for item in shell.get_completions([*words[:-1]], words[-1])]


def test_kinds_of_pictures_and_variables_of_the_store(store: str) -> None:
    assert offered("plot", store, "--kind", "lo") == [
        "loss",
        "loss_bounds",
        "loss_test",
        "loss_train",
    ]
    assert "spectrum" in offered("plot", "--kind", "sp")  # before any store is named
    assert offered("plot", "nothing.zarr", "--kind", "lo") == ["loss", "loss_bounds"]
    assert "width=8" in offered("plot", "--kind", "loss", store, "--select", "wi")


def test_axes_and_their_values(store: str) -> None:
    every = offered("plot", store, "--select", "")
    assert {"width=8", "width=inf", "kernel=analytic", "time=0", "dataset=my points"} <= set(every)
    assert offered("plot", store, "--select", "width=") == ["width=16", "width=8", "width=inf"]
    assert offered("plot", store, "--select", "width=8,i") == ["width=8,inf"]
    assert offered("plot", store, "--select", "width=8,") == ["width=8,16", "width=8,inf"]
    assert offered("plot", store, "--select", "breadth=") == []
    assert offered("plot", "--select", "width=") == []


def test_names_of_plugins() -> None:
    assert offered("plugins", "eig") == ["eigh"]
    assert offered("new", "study", "--solver", "eig") == ["eigh"]
    assert offered("new", "study", "--dataset", "eig") == []
    assert "mlp" in offered("new", "study", "--architecture", "m")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["--select", "width", "=", "1"], ["16"]),
        (["--select", "width", "="], ["16", "8", "inf"]),
        (["--select", "width", "=", "8", "--select", "kernel", "=", "ana"], ["analytic"]),
        (["--select", "dataset", "=", "my"], ["my\\ points"]),
        (["--kind", "=", "loss_tr"], ["loss_train"]),
        (["--select", "ker"], ["kernel=analytic"]),
    ],
)
def test_bash_divides_words_at_equals_signs(
    words: list[str], completed: list[str], store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ["ntksim", "plot", store, *words]
    monkeypatch.setenv("COMP_WORDS", "\n".join(line))
    monkeypatch.setenv("COMP_CWORD", str(len(line) - 1))
    shown = Bash(main, {}, "ntksim", "_NTKSIM_COMPLETE").complete()
    assert shown.splitlines() == [f"plain,{word}" for word in completed]
