"""What is wrong with a study: where, and a sentence; shown with the line that it is about."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the top of a study down to a value."""

_SHOWN_WIDTH = 100


@dataclass(frozen=True)
class StudyProblem:
    """One thing that is wrong.

    ``line`` and ``column`` count from 1 in characters; a study that was never a text has neither.
    """

    path: KeyPath
    line: int | None
    column: int | None
    message: str
    file: str = ""

    def __str__(self) -> str:
        if self.line is not None:
            where = f"{self.file or 'study'}:{self.line}:{self.column}"
        else:
            where = ": ".join(filter(None, (self.file, dotted(self.path))))
        return f"{where}: {self.message}" if where else self.message


class StudyError(ValueError):
    """A study that cannot be run; it prints every problem with its line and a caret.

    ``problems`` are sorted by their place in ``text``.
    """

    def __init__(self, problems: Iterable[StudyProblem], text: str = "") -> None:
        unique = dict.fromkeys(problems)
        self.problems = tuple(sorted(unique, key=_place))
        self.text = text
        super().__init__(self.problems, text)

    def __str__(self) -> str:
        lines = lines_of(self.text)
        return "\n".join(_with_line(problem, lines) for problem in self.problems)


def dotted(path: KeyPath) -> str:
    """Return a path as ``solver[1].learning_rate``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def lines_of(text: str) -> list[str]:
    """Split a text where YAML 1.1 readers count lines."""
    return re.split("\r\n|[\n\r\x85\u2028\u2029]", text)


def _place(problem: StudyProblem) -> tuple[float, float]:
    line = math.inf if problem.line is None else problem.line
    return line, problem.column or 0


def _with_line(problem: StudyProblem, lines: Sequence[str]) -> str:
    if problem.line is None or problem.column is None or problem.line > len(lines):
        return str(problem)
    if not lines[problem.line - 1].strip():
        return str(problem)  # such as an empty file: there is nothing to point at
    # Every character becomes one printable character, so that the caret stays below its own.
    line = "".join(c if c.isprintable() else " " for c in lines[problem.line - 1])
    start = max(0, problem.column - 1 - _SHOWN_WIDTH // 2)
    shown = line[start : start + _SHOWN_WIDTH].rstrip()
    caret = " " * (problem.column - 1 - start) + "^"
    return f"{problem}\n    {shown}\n    {caret}"
