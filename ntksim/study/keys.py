"""Content keys: equal keys mean equal numbers, whatever else is in the study."""

from __future__ import annotations

import hashlib
from typing import Any

from ntksim.registry import Registry
from ntksim.study.reference import Reference, canonical_json, names_in
from ntksim.version import NUMERICS_VERSION


def content_key(purpose: str, **parts: Any) -> str:
    """Return the SHA-256 over what a result depends on, and the version of the numerics."""
    text = canonical_json({"purpose": purpose, "numerics": NUMERICS_VERSION, **parts})
    return hashlib.sha256(text.encode()).hexdigest()


class Identities:
    """What identifies a plugin's numbers: its options, and the versions of all code in them.

    A plugin from a distribution has the version and the code of that, one from a local file its
    source; for what comes with ntksim the version of ntksim's numerics stands, which is part of
    every key. Plugins among the options count as well.
    """

    def __init__(self, registry: Registry) -> None:
        self._versions = {offer.qualified_name: offer.origin.identity for offer in registry.offers}
        self._known: dict[Reference, str] = {}

    def of(self, reference: Reference) -> str:
        """Return the identity, a SHA-256."""
        if reference not in self._known:
            names = names_in(reference) & self._versions.keys()
            versions = {name: self._versions[name] for name in names}
            self._known[reference] = content_key("plugin", name=reference.text, versions=versions)
        return self._known[reference]
