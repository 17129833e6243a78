"""The JSON Schema of studies, from which editors complete and check them."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from ntksim.hookspecs import KINDS
from ntksim.registry import Offer, Registry
from ntksim.registry.options import adapter
from ntksim.study.numeric import MAX_SEED, MAX_TIMES, MAX_WIDTH
from ntksim.types import Plugin

_INFINITY = {"type": "number", "exclusiveMinimum": 1.7976931348623157e308}
_TIME = {"type": "number", "minimum": 0}
_SEED = {"type": "integer", "minimum": 0, "maximum": MAX_SEED}
_COUNT = {"type": "integer", "minimum": 2, "maximum": MAX_TIMES}


def json_schema(registry: Registry) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of studies with the plugins of a registry.

    What several plugins offer under one name is only there as ``plugin:name``.
    """
    definitions: dict[str, Any] = {}
    for kind in KINDS:
        definitions[kind] = _choice(registry, kind)
        for offer in registry.of_kind(kind):
            definitions |= _definitions(registry, offer)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ntksim study",
        "type": "object",
        "properties": _properties(registry),
        "required": ["study", "dataset", "architecture", "width", "time", "kernel", "solver"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _choice(registry: Registry, kind: str) -> dict[str, Any]:
    """Return the schema of a reference to any plugin of a kind: a name, or a mapping."""
    names = sorted(_callable_names(registry, kind))
    mappings = [{"$ref": f"#/$defs/{_definition_name(offer)}"} for offer in registry.of_kind(kind)]
    choices = [*([{"enum": names}] if names else []), *mappings]
    return {"anyOf": choices} if choices else {"not": {}}


def _properties(registry: Registry) -> dict[str, Any]:
    variables: set[str] = {
        name
        for offer in registry.of_kind("diagnostic")
        for name in offer.cls.variables  # type: ignore[attr-defined]
    }
    width = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MAX_WIDTH}, _INFINITY]}
    recorded: dict[str, Any] = {"anyOf": [{"$ref": "#/$defs/diagnostic"}]}
    if variables:
        recorded["anyOf"].append({"enum": sorted(variables)})
    return {
        "study": {
            "description": "Name of the study and, by default, of its store.",
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        },
        "description": {"description": "What the study is about.", "type": "string"},
        "dataset": _axis("Training and test data.", {"$ref": "#/$defs/dataset"}),
        "architecture": _axis("Families of networks.", {"$ref": "#/$defs/architecture"}),
        "width": _axis("Widths of the networks; .inf is the limit.", width),
        "seed": {
            "description": "Random initialisations: seeds, or how many and from which root.",
            "anyOf": [
                *_one_or_more(_SEED),
                _object({"count": {"type": "integer", "minimum": 1}, "root": _SEED}, ["count"]),
            ],
            "default": 0,
        },
        "time": _time(),
        "kernel": _axis("Ways to obtain kernels.", {"$ref": "#/$defs/kernel"}),
        "solver": _axis("Ways to solve for the training.", {"$ref": "#/$defs/solver"}),
        "record": _axis("What is stored: diagnostics, or single variables.", recorded),
        "store": {"description": "Path of the results.", "type": "string", "minLength": 1},
        "plugins": _axis("Local plugin files.", {"type": "string", "pattern": r"\.py$"}),
        "initial_output": {
            "description": "Train from the network's own outputs, or from zero.",
            "enum": ["network", "zero"],
            "default": "network",
        },
        "storage": {
            "description": "Type in which recorded numbers are stored; float32 rounds them.",
            "enum": ["float64", "float32"],
            "default": "float64",
        },
    }


def _time() -> dict[str, Any]:
    included = {"anyOf": _one_or_more(_TIME)}
    ends = {"type": "array", "items": _TIME, "minItems": 2, "maxItems": 2}
    grids = [
        _object({grid: ends, "count": _COUNT, "include": included}, [grid, "count"])
        for grid in ("logspace", "linspace")
    ]
    return {
        "description": "Training times of gradient flow on L = ½ Σ (f − y)²; 0 and .inf allowed.",
        "anyOf": [*_one_or_more(_TIME), *grids, _object({"values": included}, ["values"])],
    }


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _one_or_more(element: dict[str, Any]) -> list[dict[str, Any]]:
    listed = {"type": "array", "items": element, "minItems": 1, "uniqueItems": True}
    return [element, listed]


def _axis(description: str, element: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "anyOf": _one_or_more(element)}


def _names(registry: Registry, offer: Offer) -> list[str]:
    claims = Counter(other.cls.name for other in registry.of_kind(offer.kind))
    bare = [offer.cls.name] if claims[offer.cls.name] == 1 else []
    return [*bare, offer.qualified_name]


def _callable_names(registry: Registry, kind: str) -> list[str]:
    return [
        name
        for offer in registry.of_kind(kind)
        if not adapter(offer.cls).json_schema(schema_generator=_generator(registry)).get("required")
        for name in _names(registry, offer)
    ]


def _definition_name(offer: Offer) -> str:
    return f"{offer.kind}.{offer.qualified_name.replace(':', '.')}"


def _definitions(registry: Registry, offer: Offer) -> dict[str, Any]:
    own = _definition_name(offer)
    schema = adapter(offer.cls).json_schema(
        ref_template=f"#/$defs/{own}.{{model}}", schema_generator=_generator(registry)
    )
    nested = {f"{own}.{name}": part for name, part in schema.pop("$defs", {}).items()}
    label = {"type": "string", "minLength": 1, "description": "Coordinate in the results."}
    properties = {
        "name": {"enum": _names(registry, offer), "description": offer.cls.description()},
        **({} if offer.kind == "activation" else {"label": label}),
        **schema.get("properties", {}),
    }
    schema |= {"properties": properties, "required": ["name", *schema.get("required", [])]}
    return {name: _referring(part) for name, part in {own: schema, **nested}.items()}


def _referring(schema: Any) -> Any:
    """Replace what stands for a plugin of a kind by a reference to the kind's definition."""
    if isinstance(schema, list):
        return [_referring(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _referring(item) for key, item in schema.items()}
    if kind := changed.pop("x-ntksim-kind", None):
        changed["$ref"] = f"#/$defs/{kind}"
    return changed


def _generator(registry: Registry) -> type[GenerateJsonSchema]:
    class Generator(GenerateJsonSchema):
        def encode_default(self, dft: Any) -> Any:
            return super().encode_default(_plain_default(registry, dft))

        def default_schema(self, schema: Any) -> dict[str, Any]:
            made = super().default_schema(schema)
            if _is_endless(made.get("default")):
                del made["default"]  # JSON has no infinity
            return made

    return Generator


def _plain_default(registry: Registry, default: Any) -> Any:
    if isinstance(default, Plugin):
        return registry.reference(default)
    if isinstance(default, tuple | list):
        return [_plain_default(registry, item) for item in default]
    return default


def _is_endless(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
