"""Numbers of bytes on the command line."""

from __future__ import annotations

import re
from typing import Any

import click

_UNITS = {
    "": 1,
    "b": 1,
    **{f"{letter}b": 1000**i for i, letter in enumerate("kmgt", 1)},
    **{letter: 1000**i for i, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**i for i, letter in enumerate("kmgt", 1)},
}
_SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)", re.IGNORECASE)


class Size(click.ParamType):
    """A number of bytes, such as ``4GB`` (10^9 bytes each) or ``512MiB`` (2^20 bytes each)."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes that a text stands for."""
        if isinstance(value, int):
            return value
        match = _SIZE.fullmatch(str(value).strip())
        unit = _UNITS.get(match[2].lower()) if match else None
        if match is None or unit is None:
            self.fail(f"'{value}' is not a size such as 4GB, 512MiB or 100000000", param, ctx)
        return int(float(match[1]) * unit)


SIZE = Size()
