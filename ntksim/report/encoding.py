"""Arrays as text that a page carries and its script reads: two bytes a number."""

from __future__ import annotations

import base64
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike

STEPS = 65534
"""Steps between the smallest and the largest value; one number more stands for "not there"."""


class Encoded(TypedDict):
    """Values lo + (hi − lo) q/``STEPS``, or ten to that power, with q as little-endian uint16."""

    lo: float
    hi: float
    log: bool
    data: str


def encoded(values: ArrayLike, *, log: bool = False) -> Encoded:
    """Quantise values to 1/65534 of their range, or of the range of their logarithms.

    What is not finite, or not positive where logarithms are wanted, is marked as not there.
    """
    array = np.asarray(values, dtype=np.float64).ravel()
    there = np.isfinite(array) & ((array > 0) | (not log))
    shown = np.log10(array, where=there, out=np.zeros_like(array)) if log else array
    lo = float(shown[there].min(initial=np.inf)) if there.any() else 0.0
    hi = float(shown[there].max(initial=-np.inf)) if there.any() else 0.0
    numbers = np.full(array.shape, STEPS + 1, dtype="<u2")
    # Halves, because the difference of the largest numbers overflows.
    span = hi / 2 - lo / 2
    share = (shown[there] / 2 - lo / 2) / span if span > 0 else np.zeros(int(there.sum()))
    numbers[there] = np.rint(STEPS * share).astype("<u2")
    return {"lo": lo, "hi": hi, "log": log, "data": base64.b64encode(numbers.tobytes()).decode()}


def decoded(code: Encoded) -> np.ndarray:
    """Return the values of a code as the page's script does, NaN where there is none."""
    numbers = np.frombuffer(base64.b64decode(code["data"]), dtype="<u2").astype(np.float64)
    numbers[numbers > STEPS] = np.nan
    share = numbers / STEPS
    values = code["lo"] * (1 - share) + code["hi"] * share
    return 10.0**values if code["log"] else values
