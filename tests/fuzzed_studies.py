"""Studies drawn at random from the JSON Schema of everything that is installed, and mutations."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import yaml
from hypothesis import strategies as st
from ntksim.registry import Registry
from ntksim.study import json_schema

Strategy = st.SearchStrategy[Any]

SMALL = {
    "train": (1, 6),
    "test": (0, 3),
    "points": (2, 4),
    "angles": (2, 9),
    "samples": (2, 3),
    "max_steps": (1, 12),
    "dimension": (2, 4),
    "outputs": (1, 2),
    "depth": (1, 3),
    "blocks": (1, 2),
    "degrees": (2, 8),
    "count": (2, 4),
}
"""Options that decide how long a cell takes: always given, and small."""

UNTOUCHED = {"samples", "max_steps"}
"""Options whose size is only a matter of patience: mutations do not make them large."""

FILES = ("data.npz", "data.csv", "nothing.npz", "../data.npz", "broken.npz", "data.zarr")
"""Files of data that a study may name; the first two are good ones."""

NAMES = ("a", "b", "x", "y", "x_train", "y_train", "x_test", "y_test", "0.weight", "1.bias", "2*")
NUMBERS = (0.0, 1e-3, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 10.0)
EXTREMES = (1e-150, 1e-9, 1e9, 1e150, 1e300)

NASTY: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 10**9, 2**63, 10**200),
    *(1e9, 1e300, 1e-300, -0.0, 0.1, math.nan, math.inf, -math.inf),
    *("", " ", "no", "relu", "a/b", "../x", "\u00e9", "auto", "builtin:mlp", "x" * 200),
    *([], {}, [[1]], [None], {"name": "x"}, {"name": "mlp"}, {"count": 3}, {"name": ["mlp"]}),
)

_DROPPED = {"description", "store", "plugins", "label"}


@cache
def _schema() -> dict[str, Any]:
    return json_schema(Registry.load())


def _integers(node: dict[str, Any]) -> Strategy:
    least = node.get("minimum", node.get("exclusiveMinimum", -3) + 1)
    return st.integers(least, min(node.get("maximum", least + 4), least + 4))


def _numbers(node: dict[str, Any]) -> Strategy:
    if node.get("exclusiveMinimum", 0.0) > 1e300:
        return st.just(math.inf)
    above, least = node.get("exclusiveMinimum", -math.inf), node.get("minimum", -math.inf)
    below, most = node.get("exclusiveMaximum", math.inf), node.get("maximum", math.inf)

    def allowed(values: tuple[float, ...]) -> list[float]:
        return [v for v in values if above < v < below and least <= v <= most]

    usual, extreme = allowed(NUMBERS), allowed(EXTREMES)
    return st.one_of(*(st.sampled_from(part) for part in (usual, usual, extreme) if part))


@cache
def _definition(reference: str) -> Strategy:
    name = reference.removeprefix("#/$defs/")
    return st.deferred(lambda: _values(_schema()["$defs"][name], name))


def _object(node: dict[str, Any]) -> Strategy:
    required, optional = {}, {}
    for name, part in node.get("properties", {}).items():
        if name in _DROPPED:
            continue
        small = SMALL.get(name) if name != "test" or "enum" not in part else None
        value = st.integers(*small) if small and "enum" not in part else _values(part, name)
        is_needed = name in node.get("required", ()) or small is not None
        (required if is_needed else optional)[name] = value
    return st.fixed_dictionaries(required, optional=optional)


def _values(node: dict[str, Any], name: str = "") -> Strategy:
    """Draw what a schema allows."""
    if "$ref" in node:
        return _definition(node["$ref"])
    if "anyOf" in node:
        return st.one_of(*(_values(part, name) for part in node["anyOf"]))
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if "const" in node:
        return st.just(node["const"])
    match node.get("type"):
        case "object":
            return _object(node)
        case "array" if "prefixItems" in node:
            return st.tuples(*(_values(part) for part in node["prefixItems"])).map(list)
        case "array":
            items = _values(node["items"])
            return st.lists(items, min_size=node.get("minItems", 0), max_size=2)
        case "integer":
            return _integers(node)
        case "number":
            return _numbers(node)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "string":
            return st.sampled_from(FILES[:2] * 3 + FILES if name == "path" else NAMES)
    raise NotImplementedError(node)


def _one_or_two(element: Strategy) -> Strategy:
    return st.one_of(element, element, st.lists(element, min_size=1, max_size=2))


@cache
def plugins(kind: str) -> Strategy:
    """Draw a reference to any installed plugin of a kind, with options or by its name alone."""
    return _definition(f"#/$defs/{kind}")


@cache
def studies() -> Strategy:
    """Draw studies that the JSON Schema allows, small enough to run in some milliseconds."""
    properties = _schema()["properties"]
    axes = {kind: _one_or_two(plugins(kind)) for kind in ("architecture", "kernel", "solver")}
    # By name alone a data set has its full size, which a mapping of options keeps small.
    definitions = _schema()["$defs"]
    sets = st.one_of(*(_values(part) for part in definitions["dataset"]["anyOf"][1:]))
    times = st.one_of(
        st.just([0, 1, math.inf]),
        st.lists(st.sampled_from(NUMBERS + EXTREMES + (math.inf,)), min_size=1, max_size=3),
        _values(properties["time"]),
    )
    recorded = st.lists(
        st.one_of(st.sampled_from(["predictions", "loss"]), _values(properties["record"])),
        min_size=1,
        max_size=3,
    )
    return st.fixed_dictionaries(
        {
            "study": st.just("fuzzed"),
            "dataset": _one_or_two(sets),
            **axes,
            "width": _one_or_two(st.sampled_from([1, 2, 3, 8, 17, math.inf])),
            "time": times,
        },
        optional={
            "seed": st.sampled_from([0, [0, 2], {"count": 2, "root": 3}]),
            "record": recorded,
            "initial_output": st.sampled_from(["network", "zero"]),
            "description": st.text(max_size=8),
        },
    )


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += _places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += _places(item, (*path, index))
    return found


def _is_safe(path: tuple[Any, ...], value: Any) -> bool:
    """Whether a value does not merely ask for a very long computation."""
    large = isinstance(value, int | float) and not isinstance(value, bool) and value > 100
    return not (large and UNTOUCHED & set(path))


@st.composite
def mutated_data(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a study in which one to three values or keys are other ones, missing or too many."""
    study = draw(studies().map(_copied))
    for _ in range(draw(st.integers(1, 3))):
        places = _places(study)
        if not places:
            break
        path = draw(st.sampled_from(places))
        holder: Any = study
        for part in path[:-1]:
            holder = holder[part]
        change = draw(st.sampled_from(["value", "value", "value", "delete", "rename", "repeat"]))
        if change == "value":
            value = draw(st.sampled_from(NASTY))
            if _is_safe(path, value):
                holder[path[-1]] = _copied(value)
        elif change == "delete":
            del holder[path[-1]]
        elif isinstance(holder, list):
            holder.append(_copied(holder[path[-1]]))
        else:
            name = draw(st.sampled_from([f"{path[-1]}s", str(path[-1])[1:], "seed", "name"]))
            value = holder.pop(path[-1]) if change == "rename" else _copied(holder[path[-1]])
            if _is_safe((name,), value):
                holder[name] = value
    return study


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def text_of(data: dict[str, Any]) -> str:
    """Write a study in YAML, in blocks, so that every value has a line of its own."""
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


_PIECES = [
    *"\n\t:-[]{},#&*!|>'\"%@`? \0\ufeff\u2028",
    *("<<: ", "---\n", "&a ", "*a", "- ", "? ", ": ", "!!str ", "''"),
]


@st.composite
def mutated_text(draw: st.DrawFn) -> str:
    """Draw the text of a study with characters deleted, inserted and lines repeated."""
    text = text_of(draw(studies()))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        match draw(st.sampled_from(["insert", "delete", "line"])):
            case "insert":
                text = text[:start] + draw(st.sampled_from(_PIECES)) + text[start:]
            case "delete":
                text = text[:start] + text[start + draw(st.integers(1, 5)) :]
            case _:
                lines = text.splitlines(keepends=True)
                line = draw(st.sampled_from(lines or ["\n"]))
                text = text + line
    return text
