"""Numbers of any size on a scale where their squares are numbers too."""

from __future__ import annotations

from typing import Any

import numpy as np
from ntksim import Array

LARGEST = 1e30
"""Values up to here, and down to its inverse, are left as they are: fourth powers of them, and sums
and quotients of those, are far from both ends of the floats."""


def ordinary(*values: Array, even: bool = False) -> tuple[int, *tuple[Array, ...]]:
    """Return (e, values·2^−e …): the largest of moderate size, e = 0 where it is already.

    Multiplying by a power of two changes no digit. NaN and infinite entries stay, and say nothing
    about the size. ``even`` asks for an even e, of which there is a square root.
    """
    largest = max(map(_largest, values))
    if largest == 0 or 1 / LARGEST <= largest <= LARGEST:
        return 0, *values
    exponent = int(np.frexp(largest)[1])
    exponent += exponent % 2 if even else 0
    return exponent, *(np.ldexp(value, -exponent) for value in values)


def scaled_back(values: Array | np.floating[Any], exponent: int) -> Any:
    """values·2^e; infinite beyond the largest float."""
    if exponent == 0:
        return values
    with np.errstate(over="ignore"):
        return np.ldexp(values, exponent)


def norm(values: Array) -> float:
    """Root of the sum of squares of all entries, whatever their size."""
    with np.errstate(over="ignore"):
        plain = float(np.linalg.norm(values))
    if 1 / LARGEST <= plain <= LARGEST:  # what is lost of small entries is nothing beside it
        return plain
    exponent, scaled = ordinary(values)
    return float(scaled_back(np.linalg.norm(scaled), exponent))


def _largest(values: Array) -> float:
    """Return the largest of the absolute values that are finite, 0 if there is none."""
    if values.size == 0:
        return 0.0
    largest = max(float(values.max()), -float(values.min()))
    if np.isfinite(largest):
        return largest
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
