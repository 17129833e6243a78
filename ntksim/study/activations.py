"""A first look at the activations of a study: whether φ′ is the derivative of φ."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from ntksim.registry.options import place_of
from ntksim.types import Activation, Array

_STEP = 1e-4
_TOLERANCE = 1e-4
"""Relative to the largest derivative: mistakes are of order 1, and differences good to 1e-7."""
_POINTS: Array = 3 * (2 * np.fmod(np.arange(1.0, 33.0) * 0.6180339887498949, 1.0) - 1)
"""Generic points of (-3, 3): the golden ratio keeps them off numbers that someone would choose."""


def activations_in(*values: Any) -> tuple[Activation, ...]:
    """Return every activation in plugins and networks: in fields of dataclasses, and in tuples."""
    found: dict[int, Activation] = {}
    seen: set[int] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Activation):
            found[id(value)] = value
        waiting.extend(_parts(value))
    return tuple(found.values())


def doubt_about(activation: Activation) -> str:
    """Say what a few points show to be wrong with an activation, or return nothing.

    Central differences of two steps tell how far they are from their limit, so that a kink that is
    not listed, or a fast oscillation, is no reason to doubt.
    """
    try:
        with np.errstate(all="ignore"):
            x, given, expected, error = _compared(activation)
    except Exception as problem:  # noqa: BLE001 - a stranger's code
        return f"{_described(activation)} raised {type(problem).__name__}: {problem}"
    apart = np.where(np.isfinite(given + expected + error), np.abs(given - expected) - error, -1.0)
    if apart.size == 0 or apart.max() <= 0:
        return ""
    worst = int(apart.argmax())
    return (
        f"the derivative of {_described(activation)} is not that of its value: at x = "
        f"{x[worst]:.4g} it gives {given[worst]:.6g}, finite differences {expected[worst]:.6g}; "
        "ntksim.testing.activation_laws tests all of it"
    )


def _described(activation: Activation) -> str:
    cls = type(activation)
    return f"activation '{cls.name}'{place_of(cls, 'derivative')}"


def _compared(activation: Activation) -> tuple[Array, Array, Array, Array]:
    """Return points, φ′ there, finite differences of φ, and how far apart they may be."""
    kinks = np.array([*activation.kinks, np.inf])
    x = _POINTS[np.abs(_POINTS[:, None] - kinks).min(axis=1) > 10 * _STEP]
    given = np.asarray(activation.derivative(x), dtype=np.float64) + np.zeros_like(x)
    near, far = (_difference(activation, x, step) for step in (_STEP, 2 * _STEP))
    size = np.abs(np.asarray(activation.value(x), dtype=np.float64)) * np.finfo(np.float64).eps
    slopes = near[np.isfinite(near)]
    scale = float(np.abs(slopes).max(initial=0.0))
    return x, given, near, _TOLERANCE * scale + 10 * np.abs(near - far) + 10 * size / _STEP


def _difference(activation: Activation, x: Array, step: float) -> Array:
    ends = (np.asarray(activation.value(x + s), dtype=np.float64) for s in (step, -step))
    upper, lower = ends
    return (upper - lower) / (2 * step)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        yield from value
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield getattr(value, field.name, None)
