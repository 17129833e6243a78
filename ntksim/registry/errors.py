"""What can be wrong with a reference to a plugin, in sentences."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

_NUMBER = re.compile(r"[-+]?((\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?|\.(inf|Inf|INF))")

_NUMERIC = {"int_type", "float_type"}


class RegistryError(ValueError):
    """A plugin cannot be had by the name that was used."""


@dataclass(frozen=True)
class OptionProblem:
    """One thing that is wrong: where (keys and indices from the reference down), and a sentence.

    ``at_key`` says that the last key itself is wrong, and not the value under it.
    """

    path: tuple[str | int, ...]
    message: str
    at_key: bool = False


class OptionError(RegistryError):
    """A reference to a plugin has options that it does not take."""

    def __init__(self, plugin: str, problems: Sequence[OptionProblem]) -> None:
        self.plugin = plugin
        self.problems = tuple(problems)
        lines = (f"{'.'.join(map(str, p.path)) or plugin}: {p.message}" for p in self.problems)
        super().__init__("; ".join(lines))


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest allowed name, or nothing."""
    close = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def listing(names: Iterable[str]) -> str:
    """Return names in one readable list."""
    return ", ".join(sorted(names)) or "none"


def shown(value: Any) -> str:
    """Return a value as a study would write it, cut where it is long."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def unquoted(value: Any) -> str:
    """Return a hint for a text that is a number but for its quotes, or nothing."""
    is_number = isinstance(value, str) and _NUMBER.fullmatch(value.strip())
    return f"; without the quotes it is the number {value.strip()}" if is_number else ""


def problems_of(
    error: ValidationError,
    data: Any,
    plugin: str,
    options: Iterable[str],
    hint: Callable[[str], str] = lambda name: "",  # noqa: ARG005
) -> list[OptionProblem]:
    """Translate pydantic's errors about ``data`` into ours, one for each place.

    ``hint`` may add to what is said of a name that is no option.

    The branches of a union appear in pydantic's locations as if they were keys, one error each:
    a location is cut where the data ends, and what was found at one place is said in one sentence.
    """
    found: dict[tuple[tuple[str | int, ...], bool], list[str]] = {}
    for item in error.errors():
        path = _path_in(data, item["loc"])
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, OptionError):
            for inner in cause.problems:
                place = (path + inner.path, inner.at_key)
                found.setdefault(place, []).append(inner.message)
            continue
        at_key = item["type"] == "unexpected_keyword_argument"
        sentence = _sentence(item, plugin, options)
        found.setdefault((path, at_key), []).append(
            sentence + (hint(str(path[-1])) if at_key else "")
        )
    return [
        OptionProblem(path, ", and ".join(dict.fromkeys(messages)), at_key)
        for (path, at_key), messages in found.items()
    ]


def _path_in(data: Any, location: Sequence[str | int]) -> tuple[str | int, ...]:
    path: list[str | int] = []
    for part in location:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            break
        path.append(part)
    return tuple(path)


def _sentence(item: Any, plugin: str, options: Iterable[str]) -> str:
    context = item.get("ctx", {})
    value = shown(item["input"])
    match item["type"]:
        case "unexpected_keyword_argument":
            name = str(item["loc"][-1])
            return (
                f"'{name}' is not an option of {plugin}; its options are {listing(options)}"
                f"{nearest(name, options)}"
            )
        case "missing" | "missing_argument":
            return f"{plugin} needs the option '{item['loc'][-1]}'"
        case "literal_error":
            choices = re.findall(r"'([^']*)'", context["expected"])
            close = nearest(str(item["input"]), choices)
            return f"{value} is not one of {context['expected']}{close}"
        case "value_error" | "assertion_error":
            return str(context.get("error", item["msg"]))
        case "greater_than":
            return f"{value} is not greater than {context['gt']}"
        case "greater_than_equal":
            return f"{value} is not at least {context['ge']}"
        case "less_than":
            return f"{value} is not less than {context['lt']}"
        case "less_than_equal":
            return f"{value} is not at most {context['le']}"
        case "finite_number":
            return f"{value} is not a finite number"
        case _:
            wanted = item["msg"].removeprefix("Input should be ")
            quoted = unquoted(item["input"]) if item["type"] in _NUMERIC else ""
            return f"{value} is not {wanted}{quoted}"
