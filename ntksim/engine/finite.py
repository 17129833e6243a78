"""Numbers that leave the range of float64: an error in words, whoever computes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import numpy as np

from ntksim.types import Kernels

SMALLEST = float(np.finfo(np.float64).tiny)
"""The smallest number with all its digits; a kernel below has lost some."""

_ADVICE = "use inputs and standard deviations of ordinary size, or fewer layers"


@contextmanager
def within_range(doing: str) -> Iterator[None]:
    """Turn overflow of Python's numbers into words, and leave NumPy's to ``require_finite``.

    Raises
    ------
    FloatingPointError
        If a number is beyond the largest float.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except OverflowError:
        raise FloatingPointError(
            f"a number beyond the largest float appeared while {doing}; {_ADVICE}"
        ) from None


def require_finite(what: str, values: Any) -> None:
    """Refuse values that are not all finite.

    Raises
    ------
    FloatingPointError
        If one is not; the message says which and where.
    """
    array = np.asarray(values)
    if array.size == 0 or (np.isfinite(array.min()) and np.isfinite(array.max())):
        return
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    raise FloatingPointError(f"the {what} is {array[index]} at {index}, not a number; {_ADVICE}")


def require_kernels(kernels: Kernels, *, of_training: bool = False) -> Kernels:
    """Return kernels whose entries are all finite, those ``of_training`` points of normal size.

    Raises
    ------
    FloatingPointError
        If an entry is not finite, or the largest one is below the numbers with all digits.
    """
    for field in fields(kernels):
        values = getattr(kernels, field.name)
        if not isinstance(values, np.ndarray) or values.size == 0:
            continue
        name = field.name.replace("_", " ").replace("ntk", "tangent kernel").replace("nngp", "NNGP")
        require_finite(name, values)
        largest = max(float(values.max()), -float(values.min()))
        if of_training and 0 < largest < SMALLEST and not field.name.endswith("error"):
            raise FloatingPointError(
                f"the {name} is at most {largest:.3g}, below the numbers that have all their "
                f"digits; {_ADVICE}"
            )
    return kernels
