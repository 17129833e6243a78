"""A commented study to start from, with the options of the plugins that it names."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ntksim.registry import Offer, Registry
from ntksim.study import json_schema

_WIDTH = 98
_STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

_HEAD = """\
# yaml-language-server: $schema=ntksim.schema.json
#
# The line above lets an editor complete and check this file, once there is a schema:
#   ntksim schema -o ntksim.schema.json
# What would run, and is everything right?   ntksim check {file}
# Run it, or what is still missing of it:    ntksim run {file}
# Draw what was recorded:                    ntksim plot {name}.zarr
study: {name}
description: What this study is to find out.

# Each axis of the grid is one value or a list of values. A plugin is a name, or a mapping with its
# options; `label: ...` gives it another name in the results. Options that are not given have the
# values shown behind the #.
"""

_TAIL = """\

# Widths of the hidden layers; .inf is the infinite-width limit itself.
width: [64, 256, .inf]

# Independent initialisations: how many, or a list of seeds.
seed: {count: 3}

# Times of gradient flow on L = ½ Σ (f − y)²; .inf is the end of training.
time: {logspace: [1.0e-2, 1.0e+4], count: 50, include: [0, .inf]}
"""

_RECORD = """\

# What is stored: any of the following, or single variables of theirs.
"""


class StudyNameError(ValueError):
    """A name that a study cannot have; the message says what is allowed."""


def new_study(
    path: Path,
    registry: Registry,
    *,
    dataset: str = "three_points",
    architecture: str = "shallow_relu",
    solver: str = "eigh",
) -> list[str]:
    """Write a commented study; return the options that must be filled in before it is right.

    The study has an axis for each kind of plugin with the given choice, all of its options with
    their defaults as comments, and the names of the other plugins that are installed.

    Raises
    ------
    StudyNameError
        If the file's name cannot be that of a study.
    RegistryError
        If there is no such plugin.
    FileExistsError
        If the file is there already; it is not touched.
    """
    name = path.stem
    if not _STUDY_NAME.fullmatch(name):
        raise StudyNameError(
            f"'{name}' cannot name a study: letters, digits, '.', '_' and '-', not first, at most "
            "100 in all"
        )
    schemas = json_schema(registry)["$defs"]
    chosen = {"dataset": dataset, "architecture": architecture, "solver": solver}
    offers = {kind: registry.offer(kind, given) for kind, given in chosen.items()}
    parts = [
        _HEAD.format(file=path.name, name=name),
        *_axis(registry, offers["dataset"], schemas, "Training and test data."),
        *_axis(registry, offers["architecture"], schemas, "The network."),
        _TAIL,
        *_kernels(registry),
        *_axis(registry, offers["solver"], schemas, "How training is solved."),
        _RECORD,
        *_comment(_names(registry, "diagnostic")),
        "record: [predictions, loss, spectrum]\n",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write("".join(parts))
    return [
        f"{kind} {offer.cls.name}: {option}"
        for kind, offer in offers.items()
        for option in _required(schemas[_definition(offer)])
    ]


def _axis(registry: Registry, offer: Offer, schemas: Mapping[str, Any], what: str) -> Iterator[str]:
    kind, schema = offer.kind, schemas[_definition(offer)]
    yield "\n"
    yield from _comment(f"{what} Others: {_names(registry, kind, without=offer)}.")
    yield f"{kind}:\n  name: {offer.cls.name} # {offer.cls.description()}\n"
    for option in _required(schema):
        yield f"  {option}: CHANGE_ME # {_sentence(schema['properties'][option])}\n"
    for option, described in schema["properties"].items():
        if option not in ("name", "label", *_required(schema)):
            default = json.dumps(_plain(described.get("default")), ensure_ascii=False)
            yield from _comment(f"{option}: {default} # {_sentence(described)}", indent="  ")


def _kernels(registry: Registry) -> Iterator[str]:
    yield "\n"
    names = [offer.cls.name for offer in registry.of_kind("kernel")]
    usual = [name for name in ("analytic", "empirical") if name in names] or names[:1]
    others = ", ".join(sorted(set(names) - set(usual)))
    more = f" Others: {others}." if others else ""
    yield from _comment(f"Where the kernels come from: the limit, or the finite network.{more}")
    yield f"kernel: [{', '.join(usual)}]\n"


def _comment(text: str, indent: str = "") -> Iterator[str]:
    first, later = f"{indent}# ", f"{indent}#   "
    for line in textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=later):
        yield f"{line}\n"


def _names(registry: Registry, kind: str, without: Offer | None = None) -> str:
    names = {offer.cls.name for offer in registry.of_kind(kind) if offer is not without}
    return ", ".join(sorted(names)) or "none"


def _definition(offer: Offer) -> str:
    return f"{offer.kind}.{offer.qualified_name.replace(':', '.')}"


def _required(schema: Mapping[str, Any]) -> list[str]:
    return [option for option in schema["required"] if option != "name"]


def _plain(default: Any) -> Any:
    """Return a default as one would write it: a plugin without options by its name."""
    if isinstance(default, Mapping) and default.keys() == {"name"}:
        return str(default["name"]).partition(":")[2]
    return default


def _sentence(described: Mapping[str, Any]) -> str:
    text = " ".join(str(described.get("description", "")).replace("``", "").split())
    return re.split(r"(?<=[.])\s", text)[0]
