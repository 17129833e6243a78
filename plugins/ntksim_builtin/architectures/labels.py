"""Short names of architectures for the coordinate of the results."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import MISSING, fields
from typing import Any

from ntksim.types import Plugin


def label(plugin: Any, *parts: str, shown: Collection[str] = ()) -> str:
    """Join ``parts`` and every option that is not the default, such as ``mlp-relu-3-bias_std-0.1``.

    Options in ``shown`` are in ``parts`` already. Different options give different labels.
    """
    words = list(parts)
    for field in fields(plugin):
        value = getattr(plugin, field.name)
        default = field.default_factory() if field.default is MISSING else field.default  # pyright: ignore[reportCallIssue]
        if field.name not in shown and value != default:
            words += [field.name, _word(value)]
    return "-".join(words)


def _word(value: Any) -> str:
    if isinstance(value, Plugin):
        return label(value, value.name)
    if isinstance(value, tuple):
        return "+".join(_word(part) for part in value)
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)
