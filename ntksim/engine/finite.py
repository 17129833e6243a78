"""Numbers that leave the range of float64: an error in words, whoever computes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import numpy as np

from ntksim.registry.answers import KERNELS, require_answer
from ntksim.types import Array, Kernels

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


class Underflow:
    """Whether a number was smaller than the numbers with all digits, perhaps so small that it is 0.

    Where nothing is smaller than it should be, a kernel that is 0 is one: that of inputs that are
    0, or of a narrow network whose units are all off.
    """

    def __init__(self) -> None:
        self.seen = False

    def __call__(self, *_: object) -> None:
        self.seen = True


@contextmanager
def watched_underflow() -> Iterator[Underflow]:
    """Watch NumPy's operations for results that are too small."""
    underflow = Underflow()
    with np.errstate(under="call", call=underflow):
        yield underflow


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


def require_kernels(kernels: Kernels) -> Kernels:
    """Return kernels whose entries are all finite.

    Raises
    ------
    FloatingPointError
        If one is not.
    TypeError
        If they are something else.
    """
    require_answer("kernels", kernels, Kernels, KERNELS)
    for name, values in _matrices(kernels):
        require_finite(name, values)
    return kernels


def require_training_kernels(kernels: Kernels, underflow: Underflow) -> Kernels:
    """Return kernels of training points whose entries are all finite, the largest of normal size.

    Small entries beside large ones are like 0, but where all are small, so small that they have
    lost digits or are 0 by underflow, modes that would be learnt in the end would stand still.

    Raises
    ------
    FloatingPointError
        If it is not so.
    """
    require_kernels(kernels)
    for name, values in _matrices(kernels):
        largest = max(float(values.max()), -float(values.min()))
        if largest >= SMALLEST or name.endswith("error"):
            continue
        if largest > 0:
            size = f"at most {largest:.3g}, below the numbers that have all their digits"
        elif underflow.seen and not name.startswith("NNGP"):
            size = "0 because numbers in it are smaller than the smallest float"
        else:
            continue
        raise FloatingPointError(f"the {name} is {size}; {_ADVICE}")
    return kernels


def _matrices(kernels: Kernels) -> Iterator[tuple[str, Array]]:
    """Yield what there is of kernels, by what it is called."""
    for field in fields(kernels):
        values = getattr(kernels, field.name)
        if isinstance(values, np.ndarray) and values.size:
            name = field.name.replace("_", " ")
            yield name.replace("ntk", "tangent kernel").replace("nngp", "NNGP"), values
