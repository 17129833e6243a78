"""One place of a study while it is checked: what is wrong there is collected, not raised."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ntksim.registry.errors import listing, nearest, shown
from ntksim.study.problems import KeyPath, StudyError, StudyProblem
from ntksim.study.source import Source

MAX_PROBLEMS = 100
"""A study with so many is not looked at any further."""


@dataclass(frozen=True)
class Place:
    """The place ``path`` of a study; problems found there go to the list that all places share."""

    source: Source
    problems: list[StudyProblem]
    path: KeyPath = ()

    def at(self, *keys: str | int) -> Place:
        """Return a place further down."""
        return Place(self.source, self.problems, self.path + keys)

    def refuse(self, message: str, *, key: bool = False) -> None:
        """Note that the value here, or its key, is wrong.

        Raises
        ------
        StudyError
            If that is one problem too many to go on.
        """
        self.problems.append(self.source.problem(self.path, message, key=key))
        if len(self.problems) >= MAX_PROBLEMS:
            raise StudyError(self.problems, self.source.text)

    def refuse_unknown(
        self, mapping: Mapping[str, Any], allowed: Collection[str], what: str
    ) -> bool:
        """Note every key of a mapping that is not one of those allowed; say whether there are."""
        unknown = [key for key in mapping if key not in allowed]
        for key in unknown:
            self.at(key).refuse(
                f"{shown(key)} is not a key of {what}; there are {listing(allowed)}"
                f"{nearest(key, allowed) or _owner(key, mapping)}",
                key=True,
            )
        return bool(unknown)

    def elements(self, value: Any, what: str) -> list[tuple[Place, Any]]:
        """Return the elements of a list with their places; what is no list is its only element."""
        if not isinstance(value, list):
            return [(self, value)]
        if not value:
            self.refuse(f"{what} is an empty list; give at least one value")
        return [(self.at(index), item) for index, item in enumerate(value)]

    def text(self, value: Any, what: str) -> str | None:
        """Return a text, or note that it is none."""
        if isinstance(value, str):
            return value
        hint = "" if isinstance(value, dict | list) else f'; did you mean "{shown(value)}"?'
        self.refuse(f"{shown(value)} is not text, as {what} must be{hint}")
        return None


def _owner(key: str, mapping: Mapping[str, Any]) -> str:
    """Return a hint where a key stands below one that has no value, as if it belonged to that."""
    keys = list(mapping)
    at = keys.index(key)
    before = keys[at - 1] if at else None
    if before is None or mapping[before] is not None:
        return ""
    return f"; does it belong to '{before}' above it? Then indent it more than that"
