"""Labels of datasets: the name, and every option that is not at its default."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from typing import Any

from ntksim import DatasetSource


def label_of(
    source: DatasetSource,
    *,
    name: str = "",
    first: tuple[str, ...] = (),
    always: Collection[str] = (),
    bare: Collection[str] = (),
    without: Collection[str] = (),
) -> str:
    """Return ``name-option-option``, different for sources that differ in a shown option.

    Options in ``first`` come first, the others in the order of the fields; those in ``always``
    are shown at their default too, those in ``bare`` without their own name, those in ``without``
    not at all.
    """
    fields: dict[str, Any] = {f.name: f.default for f in _fields(source)}
    parts = [_safe(name or source.name)]
    for option in sorted(fields, key=lambda f: first.index(f) if f in first else len(first)):
        value = getattr(source, option)
        if option not in without and (option in always or value != fields[option]):
            parts.append(_part(option, value, bare=option in bare))
    return "-".join(parts)


def _fields(source: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(source)


def _part(option: str, value: Any, *, bare: bool) -> str:
    match value:
        case bool():
            return option if value else f"no_{option}"
        case None:
            return f"no_{option}"
        case str():
            return _safe(value)
        case tuple():
            text = "-".join(_safe(str(item)) for item in value)
        case _:
            text = _safe(str(value))
    return text if bare else f"{option}{text}"


def _safe(text: str) -> str:
    # Labels become names of groups: no slash, no white space.
    return re.sub(r"[^\w.+-]+", "_", text)
