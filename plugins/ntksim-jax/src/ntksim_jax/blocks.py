"""Cutting points into blocks that fit a bound of memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from ntksim import Array


def blocks(count: int, most: int) -> Iterator[tuple[slice, int]]:
    """Cut ``count`` points into blocks of at most ``most``, at least one point each.

    Yields the slice of each block and the size to which it is to be padded, the same for all: a
    program is compiled for every size anew.
    """
    if count == 0:
        return
    number = -(-count // max(1, most))
    size = -(-count // number)
    for start in range(0, count, size):
        yield slice(start, min(start + size, count)), size


def padded(rows: Array, size: int) -> Array:
    """Repeat the last row until there are ``size`` of them."""
    missing = size - len(rows)
    return rows if missing == 0 else np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)])


def intermediate_bytes(jaxpr: Any) -> int:
    """Bytes of everything that a traced program computes: what a backward pass may have to keep."""
    total = 0
    for equation in jaxpr.eqns:
        total += sum(_bytes(variable.aval) for variable in equation.outvars)
        repeated = equation.params.get("length", 1) if equation.primitive.name == "scan" else 1
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    total += repeated * intermediate_bytes(inner)
    return total


def _bytes(aval: Any) -> int:
    size = getattr(aval, "size", 0)
    return int(size) * int(getattr(getattr(aval, "dtype", None), "itemsize", 0) or 0)
