"""Studies made by programs: their values as plain data, and as text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

_UNQUOTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def plain(value: Any, depth: int) -> Any:
    """Return dictionaries, lists and Python scalars for the values that stand for them.

    What is no data, such as a plugin, stays as it is.

    Raises
    ------
    ValueError
        If it is nested more than ``depth`` deep, as what contains itself is.
    """
    if depth <= 0:
        raise ValueError("the study's values are nested too deep")
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, Sequence | Set) and not isinstance(value, str | bytes):
        return [plain(item, depth - 1) for item in value]
    return value


def as_text(value: Any) -> str:
    """Write plain data as YAML in the manner of JSON; what is no data as its ``repr``."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(k)}: {as_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_text, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return _quoted(value if isinstance(value, str) else repr(value))


def _quoted(text: str) -> str:
    # JSON's pairs of surrogates are no YAML, and YAML folds lines at more characters than JSON.
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNQUOTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
