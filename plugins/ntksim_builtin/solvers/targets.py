"""Targets and initial outputs of extreme size, on a scale where products with kernels are numbers.

Linearised training is linear in targets and initial outputs together: a factor on both is one on
all outputs. A power of two changes no digit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from ntksim.types import Array, Evolution, Problem

FAR = 100
"""Exponents of two up to which nothing is scaled: squares times kernels of any size, that are
numbers themselves, are numbers."""


def ordinary_targets(problem: Problem) -> tuple[int, Problem]:
    """Return (e, the problem with targets and initial outputs times 2^−e), e = 0 where ordinary."""
    sizes = (np.abs(part).max(initial=0.0) for part in (problem.y_train, problem.f0_train))
    exponent = int(np.frexp(max(sizes))[1])
    if abs(exponent) <= FAR:
        return 0, problem
    scaled = {
        name: np.ldexp(getattr(problem, name), -exponent)
        for name in ("y_train", "f0_train", "f0_test")
    }
    return exponent, replace(problem, **scaled)


def at_own_size(evolution: Evolution, exponent: int) -> Evolution:
    """Return the outputs and their errors times 2^e."""
    if exponent == 0:
        return evolution

    def scaled(values: Array | None) -> Array | None:
        return None if values is None else np.ldexp(values, exponent)

    return replace(
        evolution,
        train=np.ldexp(evolution.train, exponent),
        test=np.ldexp(evolution.test, exponent),
        error_train=scaled(evolution.error_train),
        error_test=scaled(evolution.error_test),
    )
