"""Canonical references to plugins: a name and every option, as one text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_json(value: Any) -> str:
    """Return the one text that equal plain values share; infinity is written ``Infinity``."""
    return _ENCODER.encode(value)


@dataclass(frozen=True)
class Reference(Mapping[str, Any]):
    """A mapping of ``name`` (qualified) and options, with its canonical JSON as its identity.

    ``Registry.create`` makes the plugin of it, in any process.
    """

    text: str

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> Reference:
        """Make it canonical."""
        return cls(canonical_json(dict(mapping)))

    @cached_property
    def _data(self) -> dict[str, Any]:
        return json.loads(self.text)

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __str__(self) -> str:
        return self.text


def names_in(value: Any) -> set[str]:
    """Return all names of plugins in a reference, those among its options included.

    A name that only looks like one may be among them.
    """
    if isinstance(value, list):
        return set().union(*(names_in(item) for item in value))
    if not isinstance(value, Mapping):
        return set()
    own = {name} if isinstance(name := value.get("name"), str) else set()
    return own.union(*(names_in(item) for item in value.values()))


EMPTY = Reference("{}")
"""The reference of what is no plugin."""
