"""What plugins answer, checked before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ntksim.registry.answers import EVOLUTION, MEASURED, require_answer
from ntksim.types import Array, Diagnostic, Evolution, Problem, Variable


def require_evolution(evolution: Evolution, problem: Problem, times: Array) -> None:
    """Refuse what a solver returned if it is not outputs at all times, or not finite unexplained.

    Raises
    ------
    TypeError, ValueError
        If it is something else, or an array of it has another shape.
    FloatingPointError
        If it holds NaN where the solver reports neither divergence nor a time not reached.
    """
    require_answer("evolve", evolution, Evolution, EVOLUTION)
    expected = {
        "reached": times.shape,
        "train": (len(times), *problem.y_train.shape),
        "test": (len(times), *problem.f0_test.shape),
    }
    for name, shape in expected.items():
        value: Any = getattr(evolution, name)
        if not isinstance(value, np.ndarray):
            kind = type(value).__name__
            raise TypeError(f"the solver returned {name} as {kind}, not an array of shape {shape}")
        if value.shape != shape:
            raise ValueError(f"the solver returned {name} of shape {value.shape}, not {shape}")
    for name in ("train", "test"):
        value = getattr(evolution, name)
        bad = ~np.isfinite(value).all(axis=(1, 2))
        explained = evolution.diverged | np.isnan(evolution.reached)
        if np.any(bad & ~explained):
            at = times[np.argmax(bad & ~explained)]
            raise FloatingPointError(
                f"{name} outputs at time {at:g} are not finite, and the solver reports neither "
                "divergence nor a time that it did not reach"
            )


def selected(
    diagnostic: Diagnostic, measured: Mapping[str, Variable], wanted: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return what is wanted of what a diagnostic measured, as arrays of the declared types.

    Raises
    ------
    TypeError, ValueError
        If it is no mapping, or has a variable that is not declared, or of other dimensions.
    """
    require_answer("measure", measured, Mapping, MEASURED)
    chosen = {}
    for name, value in measured.items():
        if name not in diagnostic.variables:
            raise ValueError(f"the diagnostic returned '{name}', which its variables do not list")
        if name not in wanted:
            continue
        spec = diagnostic.variables[name]
        array = np.asarray(value, dtype=spec.dtype)
        if array.ndim != len(spec.dims):
            raise ValueError(f"'{name}' has shape {array.shape}; its dimensions are {spec.dims}")
        chosen[name] = array
    return chosen
