"""Plain scalars of YAML 1.2's core schema: ``1e-3`` is a number and ``no`` is a word."""

from __future__ import annotations

import math
import re

_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NONZERO = re.compile(r"[^eE]*[1-9]")
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)")
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_LONGEST_NUMBER = 250


def scalar(text: str) -> str | int | float | bool | None:
    """Return the value that a plain scalar has in YAML 1.2's core schema (section 10.3).

    Raises
    ------
    ValueError
        If it is a number that no float can hold.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INFINITY.fullmatch(text):
        return -math.inf if text.startswith("-") else math.inf
    for pattern, base in ((_INTEGER, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        if pattern.fullmatch(text):
            _refuse_long(text)
            return int(text, base)
    if not _FLOAT.fullmatch(text):
        return text
    _refuse_long(text)
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is beyond the largest number; infinity is written .inf")
    if value == 0 and _NONZERO.match(text):
        raise ValueError(f"{text} is below the smallest number that is not 0")
    return value


def _refuse_long(text: str) -> None:
    # Also keeps integers convertible: below 1e302, and far from Python's limit of 4,300 digits.
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} characters; at most {_LONGEST_NUMBER} are read")
