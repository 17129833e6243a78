"""Many times from few functions: the low rank of saturating and decaying exponentials.

As functions of the eigenvalue, e^{−λt} and (1 − e^{−λt})/λ are so smooth that T of them span, to
rounding, a space of a dimension that grows with log(T) and log(λ₁/λ_n) only: 40 for 200 times of a
typical kernel. Within a band of neighbouring eigenvalues it is about 8. What is linear in them, as
all outputs and the deviations of a Gaussian process are, is computed for the few and combined.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy

from ntksim.linalg.spectrum import EPSILON
from ntksim.types import Array

ACCURACY = 1e-13
"""Largest error of a factor F[t, a] that is combined from others, relative to c_a max_b F[t, b]/c_b
with c² the largest factor of a mode at any time: 1/λ where the last time is late. A mode with a
small eigenvalue λ has a projection k(x, X) v ≤ √(k(x, x) λ): relative to all that moves at its time
no output is off by more, however singular the kernel. It is checked; where it would be missed the
factors are left as they are."""

SMALLEST_BAND, LARGEST_BAND = 64, 512
"""Modes below which a band is not divided, as products of narrower matrices are no faster, and
above which it always is."""


@dataclass(frozen=True)
class TimeBasis:
    """Factors F (T, n) as ``mixing`` (T, s) times ``functions`` (s, n), to ``ACCURACY``."""

    mixing: Array
    functions: Array


@dataclass(frozen=True)
class Band:
    """Neighbouring modes, whose ``functions`` are ``mixing`` (s, r) times ``own`` (r, modes)."""

    modes: slice
    mixing: Array
    own: Array


def time_basis(factors: Array) -> TimeBasis | None:
    """Write factors (T, n) as combinations of fewer functions of the mode, or return ``None``.

    Columns and then rows are scaled as ``ACCURACY`` says, so that early and late times count alike,
    and the leading left singular vectors of some modes, which must do for all of them, span the
    times. There is no basis where factors are not finite, or take as many functions as there
    are times. Cost about 30 T³ + 4 T n s operations.
    """
    times, modes = factors.shape
    if factors.size == 0 or not np.isfinite(factors).all():
        return None
    columns = np.sqrt(_largest(np.abs(factors).max(axis=0)))
    scaled = factors / columns
    rows = np.abs(scaled).max(axis=1)
    scaled /= _largest(rows)[:, None]
    # The leading eigenvalues lie far apart, the others close together; and late times tell apart
    # what nothing else does, the smallest ones.
    ends = min(times, modes)
    between = np.linspace(0, modes - 1, times, dtype=int)
    some = np.unique(np.r_[:ends, between, modes - ends : modes])
    for sample in (scaled[:, some], scaled):
        left = _leading(sample)
        if left.shape[1] in (0, times):
            return None
        # Projecting the factors themselves keeps digits that the singular vectors have lost.
        functions = left.T @ scaled
        if np.abs(scaled - left @ functions).max() <= ACCURACY:
            return TimeBasis(left * rows[:, None], functions * columns)
    return None


def bands(functions: Array) -> Iterator[Band]:
    """Divide modes, in the order of their eigenvalues, into bands that need fewer functions.

    A band is halved as long as that saves operations: r products with its modes and the mixing of r
    into s functions.
    """
    scale = _largest(np.abs(functions).max(axis=0, initial=0.0))
    yield from _divided(functions / scale, scale, 0, functions.shape[1])[1]


def _divided(scaled: Array, scale: Array, first: int, last: int) -> tuple[float, list[Band]]:
    """Return the cost of the modes from ``first`` to ``last``, and their bands."""
    count, size = len(scaled), last - first
    whole: tuple[float, list[Band]] = np.inf, []
    if size <= LARGEST_BAND:
        part = scaled[:, first:last]
        left = _leading(part)
        own = (left.T @ part) * scale[first:last]
        whole = left.shape[1] * (size + count), [Band(slice(first, last), left, own)]
    if size < 2 * SMALLEST_BAND:
        return whole
    middle = (first + last) // 2
    parts = [_divided(scaled, scale, *ends) for ends in ((first, middle), (middle, last))]
    cost = sum(part[0] for part in parts)
    return (cost, [*parts[0][1], *parts[1][1]]) if cost < whole[0] else whole


def _leading(matrix: Array) -> Array:
    """Return the left singular vectors whose values are above rounding of the largest."""
    left, values, _ = scipy.linalg.svd(matrix, full_matrices=False, check_finite=False)
    return left[:, values > EPSILON * values.max(initial=0.0)]


def _largest(values: Array) -> Array:
    return np.where(values > 0, values, 1.0)
