"""What differs between a study and what a store was computed with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ntksim.study import Study

_DIGITS = 12
"""Characters of a SHA-256 that are shown."""


def code_changes(attributes: Mapping[str, Any], study: Study) -> list[str]:
    """Say which plugins of a study have other code than those that computed a store.

    ``attributes`` are those of the store's root. Plugins that only one of both uses do not count,
    and neither does what a store does not say.
    """
    now = study.resolved()
    return list(_code_changes(attributes, now))


def _code_changes(attributes: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    before, after = _plugins(attributes), now["plugins"]
    for name in sorted(before.keys() & after.keys()):
        old, new = _version(before[name]), _version(after[name])
        if old != new:
            yield f"plugin '{name}' was {old} and is {new}"
    numerics = attributes.get("numerics_version", now["numerics"])
    if numerics != now["numerics"]:
        yield f"ntksim's numerics were version {numerics} and are version {now['numerics']}"


def _plugins(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        found = json.loads(attributes["plugins"])
    except (KeyError, TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _version(plugin: Any) -> str:
    if not isinstance(plugin, Mapping):
        return "unknown"
    if digest := plugin.get("sha256"):
        return f"a file with SHA-256 {str(digest)[:_DIGITS]}…"
    return f"{plugin.get('distribution', '')} {plugin.get('version', '')}".strip()
