"""A study as it was written: plain values, each with its line and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from ntksim.registry.errors import shown
from ntksim.study.limits import MAX_DEPTH, Unreadable, events, read_text
from ntksim.study.plain import as_text, plain
from ntksim.study.problems import KeyPath, StudyError, StudyProblem
from ntksim.study.scalars import scalar

Position = tuple[int, int]
"""Line and column, from 1, in characters."""


@dataclass(frozen=True)
class _Node:
    """A value with its position; under a mapping or list, what it holds and where keys stand."""

    value: Any
    position: Position
    children: Mapping[Any, _Node] = field(default_factory=dict)
    keys: Mapping[str, Position] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """The text of a study and the values in it.

    ``path`` is the file, or empty where there is none. ``data`` consists of dictionaries with text
    keys, lists, and the scalars of YAML 1.2's core schema; what an alias repeats is shared.
    """

    text: str
    path: str
    data: Any
    root: _Node | None = field(default=None, repr=False, compare=False)

    @classmethod
    def read(cls, path: Path) -> Source:
        """Read a study's file.

        Raises
        ------
        StudyError
            If it cannot be read, is not YAML, or is beyond a limit.
        """
        try:
            text = read_text(path)
        except OSError as error:
            message = f"the study cannot be read: {error.strerror or error}"
            raise StudyError([StudyProblem((), None, None, message, str(path))]) from None
        except Unreadable as error:
            problem = StudyProblem((), error.line, error.column, error.message, str(path))
            raise StudyError([problem]) from None
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, path: str = "") -> Source:
        """Parse a study's text.

        Tags and duplicate keys are refused; ``<<`` merges mappings.

        Raises
        ------
        StudyError
            If it is not YAML, or is beyond a limit.
        """
        try:
            stream = events(text)
        except Unreadable as error:
            problem = StudyProblem((), error.line, error.column, error.message, path)
            raise StudyError([problem], text) from None
        composer = _Composer(iter(stream), path)
        root = composer.document()
        if composer.problems:
            raise StudyError(composer.problems, text)
        return cls(text, path, root.value, root)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Source:
        """Take a study from a program, where places are named by their keys.

        Tuples, ranges and NumPy values become plain ones. ``text`` is the study as YAML.

        Raises
        ------
        StudyError
            If the data is nested too deep.
        """
        try:
            values = plain(data, MAX_DEPTH)
        except ValueError as error:
            raise StudyError([StudyProblem((), None, None, str(error))]) from None
        return cls(as_text(values) + "\n", "", values)

    @property
    def folder(self) -> Path:
        """What relative paths in the study are relative to."""
        return Path(self.path).parent if self.path else Path()

    def position(self, path: KeyPath, *, key: bool = False) -> Position | None:
        """Return where a value stands, or with ``key`` its key; ``None`` without a text.

        Where the path leads to nothing, it is the position of the last value on it that exists.
        """
        node, position = self.root, None
        if node is None:
            return None
        for depth, part in enumerate(path):
            if part not in node.children:
                break
            if key and depth == len(path) - 1 and isinstance(part, str):
                position = node.keys[part]
            node = node.children[part]
        return position or node.position

    def problem(self, path: KeyPath, message: str, *, key: bool = False) -> StudyProblem:
        """Return a problem with the value, or the key, at a path."""
        line, column = self.position(path, key=key) or (None, None)
        return StudyProblem(path, line, column, message, self.path)


class _Composer:
    """Nodes from parse events, which are already known to be within the limits."""

    def __init__(self, stream: Iterator[yaml.Event], path: str) -> None:
        self._stream = stream
        self._path = path
        self._anchors: dict[str, _Node] = {}
        self.problems: list[StudyProblem] = []

    def document(self) -> _Node:
        for event in self._stream:
            if isinstance(event, yaml.NodeEvent):
                return self._node(event)
        return _Node(None, (1, 1))

    def _next(self) -> yaml.Event:
        return next(self._stream)

    def _node(self, event: yaml.Event) -> _Node:
        position = _position(event)
        if isinstance(event, yaml.AliasEvent):
            return replace(self._anchors[str(event.anchor)], position=position)
        if (tag := getattr(event, "tag", None)) is not None:
            self._refuse(position, f"tags such as {tag!a} are not part of a study")
        if isinstance(event, yaml.ScalarEvent):
            node = _Node(self._scalar(event), position)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(position)
        else:
            node = self._mapping(position)
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        if not event.implicit[0]:  # quoted, or a block of text
            return event.value
        try:
            return scalar(event.value)
        except ValueError as error:
            self._refuse(_position(event), str(error))
            return None

    def _sequence(self, position: Position) -> _Node:
        items: list[_Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event))
        return _Node([item.value for item in items], position, dict(enumerate(items)))

    def _mapping(self, position: Position) -> _Node:
        children: dict[str, _Node] = {}
        keys: dict[str, Position] = {}
        merged: list[_Node] | None = None
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key, at = self._key(event), _position(event)
            value = self._node(self._next())
            if key == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
                if merged is not None:
                    self._refuse(at, "the key '<<' is there twice; write one with a list")
                merged = self._merged(value)
            elif key in keys:
                first = keys[key][0]
                self._refuse(at, f"the key {shown(key)} is there twice, first on line {first}")
            elif key is not None:
                keys[key] = at
                children[key] = value
        for other in merged or ():  # what comes first wins
            for key, value in other.children.items():
                if key not in children:
                    children[key], keys[key] = value, other.keys[key]
        return _Node({k: child.value for k, child in children.items()}, position, children, keys)

    def _key(self, event: yaml.Event) -> str | None:
        node = self._node(event)
        if isinstance(event, yaml.ScalarEvent):
            return event.value  # a key is a word, whatever it would be as a value
        if isinstance(node.value, str):
            return node.value
        self._refuse(_position(event), "a key must be a word")
        return None

    def _merged(self, value: _Node) -> list[_Node]:
        others = list(value.children.values()) if isinstance(value.value, list) else [value]
        for other in others:
            if not isinstance(other.value, dict):
                self._refuse(other.position, "'<<' merges a mapping, or a list of mappings")
                return []
        return others

    def _refuse(self, position: Position, message: str) -> None:
        self.problems.append(StudyProblem((), *position, message, self._path))


def _position(event: yaml.Event) -> Position:
    return event.start_mark.line + 1, event.start_mark.column + 1
