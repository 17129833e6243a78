"""Results that several cells or diagnostics use, which none of them may change."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def read_only(result: T) -> T:
    """Return a dataclass whose arrays, and those of dataclasses in it, cannot be written any more.

    A plugin that writes into what it was given raises, and does not change what others measure.
    """
    if is_dataclass(result):
        for field in fields(result):
            value: Any = getattr(result, field.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            else:
                read_only(value)
    return result
