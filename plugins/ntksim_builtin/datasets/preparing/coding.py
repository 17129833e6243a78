"""Classes as targets."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Literal, TypeAlias

import numpy as np
from ntksim import Array, DataError
from numpy.typing import NDArray

ClassIndices: TypeAlias = NDArray[np.intp]

Coding: TypeAlias = Literal["auto", "sign", "one_hot", "centred_one_hot"]
"""How a class becomes a target, for C classes:

- ``sign``: one output, −1 for the first class and +1 for the second; two classes only;
- ``one_hot``: C outputs, 1 for the class and 0 elsewhere;
- ``centred_one_hot``: the same minus 1/C, so that every target sums to 0;
- ``auto``: ``sign`` for two classes and ``centred_one_hot`` for more.
"""


def check_coding(coding: Coding, classes: int) -> None:
    """Refuse a coding for a number of classes.

    Raises
    ------
    ValueError
        If one output of sign ±1 is to tell more than two classes apart.
    """
    if coding == "sign" and classes != 2:
        raise ValueError(
            f"'sign' targets tell 2 classes apart, and there are {classes}; "
            "use one_hot, centred_one_hot or auto"
        )


def check_classes(wanted: Sequence[int | str]) -> None:
    """Refuse a choice of classes that is no choice: one class alone, or one named twice.

    Raises
    ------
    ValueError
        The message says which.
    """
    if len(wanted) == 1:
        raise ValueError(f"classes names only {wanted[0]!r}; at least two are needed")
    twice = [value for value in wanted if list(wanted).count(value) > 1]
    if twice:
        raise ValueError(f"classes names {twice[0]!r} more than once")


def find_class(wanted: int | str, there: Sequence[int | str]) -> int:
    """Return the position of a class among those that there are.

    Raises
    ------
    DataError
        If there is no such class; the message lists them.
    """
    if wanted in there:
        return there.index(wanted)
    near = get_close_matches(str(wanted), [str(name) for name in there], n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise DataError(f"there is no class {wanted!r}; there are {', '.join(map(str, there))}{hint}")


def encode(indices: ClassIndices, classes: int, coding: Coding) -> Array:
    """Return targets (N, K) for class indices (N,) from 0 to ``classes`` − 1."""
    check_coding(coding, classes)
    if coding == "sign" or (coding == "auto" and classes == 2):
        return np.where(indices == 1, 1.0, -1.0)[:, None]
    targets: Array = np.eye(classes)[indices]
    if coding != "one_hot":
        targets -= 1.0 / classes
    return targets


def positions(
    numbers: NDArray[np.integer], kept: Sequence[int]
) -> tuple[ClassIndices, ClassIndices]:
    """Find the points whose class is kept.

    Returns the indices of those points and, for each, the position of its class in ``kept``.
    """
    position = np.full(int(max(numbers.max(initial=0), *kept)) + 1, -1, dtype=np.intp)
    position[list(kept)] = np.arange(len(kept))
    found = position[numbers]
    where = np.flatnonzero(found >= 0)
    return where, found[where]
