"""The options of a plugin: how they are validated, and what its author may have got wrong."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import ArgsKwargs

from ntksim.registry.errors import problems_of, shown
from ntksim.types import Plugin

_CANNOT_BE_MADE = (PydanticUserError, NameError, TypeError)
"""What making a validator raises for types that it does not know."""


def option_names(cls: Any) -> tuple[str, ...]:
    """Return the names of a plugin's options: the fields of its dataclass."""
    return tuple(field.name for field in dataclasses.fields(cls))


@cache
def adapter(cls: type[Plugin]) -> TypeAdapter[Any]:
    """Return the validator of a plugin's options."""
    return TypeAdapter(cls)


def place_of(cls: type, name: str) -> str:
    """Return `` (line 12 of my_plugin.py)`` where a class gives a name, or nothing."""
    for base in cls.__mro__:
        if name not in vars(base) and name not in vars(base).get("__annotations__", {}):
            continue
        try:
            lines, first = inspect.getsourcelines(base)
            file = inspect.getsourcefile(base)
        except (OSError, TypeError):
            return ""
        for number, line in enumerate(lines, first):
            if re.match(rf"\s+(def\s+)?{re.escape(name)}\b", line):
                return f" (line {number} of {file})"
        return ""
    return ""


def fault_of_options(cls: type[Plugin]) -> str | None:
    """Say why the options of a class, or their defaults, are wrong, or return ``None``."""
    try:
        adapter(cls).rebuild(raise_errors=True)
    except _CANNOT_BE_MADE as error:
        return f"the options of {cls.__name__} cannot be validated: {_unknown_type(cls, error)}"
    faults = "; ".join(_wrong_defaults(cls))
    return faults or None


def unannotated(cls: type[Plugin], name: str) -> str:
    """Say that what looks like an option has no type, or return nothing."""
    value = inspect.getattr_static(cls, name, None)
    if value is None or callable(value) or hasattr(value, "__get__"):
        return ""
    if any(name in vars(base).get("__annotations__", {}) for base in cls.__mro__):
        return ""  # such as a ClassVar
    example = f"{name}: {type(value).__name__} = {shown(value)}"
    return f"; {name} has no type annotation{place_of(cls, name)}: write {example}"


def _unknown_type(cls: type[Plugin], error: Exception) -> str:
    """Return which option has a type that cannot be validated, or else what was raised."""
    try:
        hints = get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001 - evaluates a stranger's annotations
        return str(error)
    for name in option_names(cls):
        try:
            TypeAdapter(hints[name])
        except _CANNOT_BE_MADE:
            kind = getattr(hints[name], "__name__", hints[name])
            return (
                f"the option '{name}'{place_of(cls, name)} is of type {kind}, which no study can "
                "write; options are numbers, bool, str, Literal[…], tuples and lists of them, and "
                "kinds of plugins such as Activation"
            )
    return str(error)


def _wrong_defaults(cls: type[Plugin]) -> Iterator[str]:
    """Yield what is wrong with defaults: cells are made of what a study can write, in full."""
    defaults: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type] - every plugin is one
        if field.default is not dataclasses.MISSING:
            defaults[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            try:
                defaults[field.name] = field.default_factory()
            except Exception as error:  # noqa: BLE001 - a stranger's code
                place = place_of(cls, field.name)
                yield f"the default of {cls.__name__}.{field.name}{place} cannot be made: {error}"
    try:
        adapter(cls).validator.validate_python(
            ArgsKwargs((), defaults),
            strict=True,
            context={"resolve": _as_it_is},
            self_instance=object.__new__(cls),
        )
    except ValidationError as error:
        for problem in problems_of(error, defaults, cls.__name__, option_names(cls)):
            name = problem.path[0] if problem.path else None
            if name in defaults:
                place = place_of(cls, str(name))
                yield f"the default of {cls.__name__}.{name}{place} is wrong: {problem.message}"
    except Exception:  # noqa: BLE001, S110 - what its __post_init__ refuses is not of one option
        pass


def _as_it_is(kind: str, value: Any) -> Any:
    if isinstance(value, Plugin) and type(value).kind == kind:
        return value
    raise ValueError(f"{shown(value)} is not a plugin of the kind {kind}")
