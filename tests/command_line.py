"""The command line called in this process: what a start of Python costs is saved."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

from ntksim.cli import main


@dataclass(frozen=True)
class Finished:
    """What a command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def ntksim(*arguments: object, cwd: Path) -> Finished:
    """Run the command line in a folder; what it does not catch itself is raised."""
    out, errors = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
    ):
        try:
            main.main([str(argument) for argument in arguments], prog_name="ntksim")
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int), code
    return Finished(code, out.getvalue(), errors.getvalue())
