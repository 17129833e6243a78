"""Whether a store already is what collecting would make of it; known without writing anything."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict

import numpy as np

from ntksim.store.cells import Journal
from ntksim.store.declared import DONE, FAILED, NOT_APPLICABLE
from ntksim.store.errors import DamagedCell
from ntksim.store.identity import belongs_to
from ntksim.store.layout import StorePlan
from ntksim.store.manifest import digest_tree, read_manifest
from ntksim.store.places import Places

CONTENT = "content_sha256"
"""Root attribute with the digest of all that the tree was made from."""


def content_digest(plan: StorePlan, texts: Iterable[str]) -> str:
    """Return the SHA-256 over a plan and the headers of its records, in the order of their keys.

    A header has the digest of every value, so that equal digests mean equal trees.
    """
    digest = hashlib.sha256()
    parts = {
        "root": plan.root_attributes(),
        "groups": [plan.group_attributes(label) for label in plan.dataset],
        "time": plan.time,
        "specs": {name: asdict(spec) for name, spec in plan.variables.items()},
        "descriptions": {axis: dict(texts) for axis, texts in plan.descriptions.items()},
        "axes": [plan.architecture, plan.width, plan.seed, plan.kernel, plan.solver],
    }
    digest.update(json.dumps(parts, sort_keys=True).encode())
    for position in np.ndindex(plan.shape):  # in the order of the positions, without a list of them
        if (value := plan.cells.get(position)) is None:
            continue
        text = value if isinstance(value, str) else f"no: {value.reason}"
        digest.update(f"\n{position} {text!r}".encode())
    for text in texts:
        digest.update(f"\n{text}".encode())
    return digest.hexdigest()


def counts_if_current(
    plan: StorePlan, journal: Journal, store: str | os.PathLike[str]
) -> Mapping[str, int] | None:
    """Return how many positions have each status if collecting would change nothing, else ``None``.

    That needs a record of every cell. Each record and each file of the store is compared with its
    digest: a store that is damaged is not current, and collecting it repairs it.
    """
    places = Places.of(store)
    identity = belongs_to(places.store)
    if identity is None or CONTENT not in identity.attributes:
        return None
    keys = sorted({value for value in plan.cells.values() if isinstance(value, str)})
    if not journal.keys().issuperset(keys):
        return None
    statuses: dict[str, str] = {}

    def texts() -> Iterable[str]:
        for key in keys:
            header = journal.header(key, check=True)
            statuses[key] = FAILED if header.status == "failed" else DONE
            yield header.text

    try:
        if content_digest(plan, texts()) != identity.attributes[CONTENT]:
            return None
    except (KeyError, DamagedCell):
        return None
    manifest = read_manifest(places.manifest)
    if manifest is None or digest_tree(places.store) != manifest:
        return None
    return Counter(
        statuses[value] if isinstance(value, str) else NOT_APPLICABLE
        for value in plan.cells.values()
    )
