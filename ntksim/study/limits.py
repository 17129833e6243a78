"""Parsing YAML within limits: each is checked before the work that it bounds."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ntksim.study.problems import lines_of

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_ALIASES = 100

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # YAML's c-printable, the complement


class Unreadable(ValueError):  # noqa: N818 - it says what the text is
    """A text is not readable YAML; ``line`` and ``column`` count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message, line, column)
        self.message, self.line, self.column = message, line, column


def read_text(path: Path) -> str:
    """Read a file as UTF-8, never more of it than the limit.

    Raises
    ------
    OSError
        If it cannot be read.
    Unreadable
        If it is too large or not UTF-8.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Unreadable(f"the file is larger than {MAX_BYTES:,} bytes")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(data[: error.start].decode("utf-8"))
        raise Unreadable(f"the file is not UTF-8 text: {error.reason}", line, column) from None


def events(text: str) -> list[yaml.Event]:
    """Return the parse events of one YAML document.

    Nodes are counted as if every alias were written out, and the document's depth likewise.

    Raises
    ------
    Unreadable
        If it is not one well-formed document, or beyond a limit.
    """
    _check_characters(text)
    budget = _Budget()
    try:
        return list(_within(budget, yaml.parse(text, Loader=_Loader)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = ", ".join(part for part in (error.context, error.problem) if part)
        begun = error.context_mark
        if begun and mark and begun.line < mark.line and "flow" in (error.context or ""):
            bracket, line = "[" if "sequence" in str(error.context) else "{", begun.line + 1
            message += f"; is the {bracket} of line {line} closed?"
        if error.problem in _INDENTATION:
            message += "; is the line indented like its neighbours?"
        line, column = _within_text(text, mark.line, mark.column) if mark else (1, 1)
        raise Unreadable(f"this is not YAML: {message}", line, column) from None
    except yaml.YAMLError as error:
        raise Unreadable(f"this is not YAML: {error}") from None


_INDENTATION = (
    "did not find expected key",
    "did not find expected '-' indicator",
    "mapping values are not allowed in this context",
    "mapping values are not allowed here",
)
"""What parsers say of lines that are indented differently."""


def _check_characters(text: str) -> None:
    if len(text) > MAX_BYTES:
        raise Unreadable(f"the text is longer than {MAX_BYTES:,} bytes")
    if bad := _UNPRINTABLE.search(text):
        line, column = _place(text[: bad.start()])
        raise Unreadable(f"the character {bad[0]!a} cannot be part of YAML", line, column)
    if len(text.encode("utf-8")) > MAX_BYTES:
        raise Unreadable(f"the text is longer than {MAX_BYTES:,} bytes")


def _within_text(text: str, line: int, column: int) -> tuple[int, int]:
    """Return a mark, counted from 1; the end of a text may be marked on the line after the last."""
    lines = lines_of(text)
    if line < len(lines):
        return line + 1, min(column, len(lines[line])) + 1
    return len(lines), len(lines[-1]) + 1


def _place(before: str) -> tuple[int, int]:
    line = before.count("\n") + 1
    return line, len(before) - (before.rfind("\n") + 1) + 1


@dataclass
class _Extent:
    """How large a node is with its aliases written out."""

    nodes: int = 1
    height: int = 1


@dataclass
class _Budget:
    documents: int = 0
    aliases: int = 0
    nodes: int = 0
    open: list[tuple[str | None, _Extent]] = field(default_factory=list)
    anchored: dict[str, _Extent | None] = field(default_factory=dict)

    def add(self, extent: _Extent, event: yaml.Event) -> None:
        self.nodes += extent.nodes
        if self.nodes > MAX_NODES:
            raise _at(event, f"there are more than {MAX_NODES:,} values, aliases written out")
        if len(self.open) + extent.height > MAX_DEPTH:
            raise _at(event, f"values are nested more than {MAX_DEPTH} deep, aliases written out")

    def anchor(self, event: yaml.NodeEvent, extent: _Extent | None) -> None:
        """Note a new anchor; without an extent its node is still open."""
        if event.anchor is None:
            return
        if event.anchor in self.anchored:
            raise _at(event, f"the anchor &{event.anchor} is there twice")
        self.anchored[event.anchor] = extent

    def close(self, extent: _Extent) -> None:
        """Count a complete node in the one that holds it."""
        if self.open:
            _, parent = self.open[-1]
            parent.nodes += extent.nodes
            parent.height = max(parent.height, extent.height + 1)


def _within(budget: _Budget, stream: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    for event in stream:
        match event:
            case yaml.DocumentStartEvent():
                budget.documents += 1
                if budget.documents > 1:
                    raise _at(event, "a study is one YAML document; a second one begins here")
            case yaml.AliasEvent():
                budget.aliases += 1
                if budget.aliases > MAX_ALIASES:
                    raise _at(event, f"there are more than {MAX_ALIASES} aliases")
                extent = _aliased(budget, event)
                budget.add(extent, event)
                budget.close(extent)
            case yaml.ScalarEvent():
                extent = _Extent()
                budget.add(extent, event)
                budget.close(extent)
                budget.anchor(event, extent)
            case yaml.CollectionStartEvent():
                budget.add(_Extent(), event)
                budget.anchor(event, None)
                budget.open.append((event.anchor, _Extent()))
            case yaml.CollectionEndEvent():
                anchor, extent = budget.open.pop()
                budget.close(extent)
                if anchor is not None:
                    budget.anchored[anchor] = extent
        yield event


def _aliased(budget: _Budget, event: yaml.AliasEvent) -> _Extent:
    anchor = str(event.anchor)
    if anchor not in budget.anchored:
        raise _at(event, f"the alias *{anchor} has no anchor &{anchor} before it")
    extent = budget.anchored[anchor]
    if extent is None:
        raise _at(event, f"the alias *{anchor} stands inside what it refers to")
    return extent


def _at(event: yaml.Event, message: str) -> Unreadable:
    return Unreadable(message, event.start_mark.line + 1, event.start_mark.column + 1)
