"""Outputs at all times, from the factors of the modes: matrix products only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ntksim.linalg.modes import ModeFactors
from ntksim.linalg.time_basis import time_basis
from ntksim.types import Array, Spectrum

BLOCK = 4_000_000
"""Most numbers in a temporary array (32 MB): times are treated in blocks of this size."""

FAR = 250
"""Exponents of two of eigenvalues beyond which products with their inverses get scaled."""

FEW_MODES = 512
"""Modes up to which every time is computed by itself: it costs next to nothing."""


def training_outputs(
    spectrum: Spectrum, factors: ModeFactors, targets: Array, start: Array
) -> Array:
    """f(X, t) = y + V diag(residual factor) Vᵀ (f₀ − y) at the training points.

    ``targets`` and ``start`` are (n, c): n = N rows and c = K outputs that share the kernel, or
    n = N·K rows in one column for a full kernel. Returns (T, n, c). The residual itself is what is
    computed, so late times are as accurate as early ones; where no mode has moved the result is
    f₀ to the last bit. Cost: 2 n² c operations for each of s functions of time, of which there are
    a few tens (``time_basis``), or for each of T times where the modes are few.
    """
    coefficients = spectrum.eigenvectors.T @ (start - targets)
    outputs = combine(spectrum.eigenvectors, factors.residual, coefficients)
    outputs += targets
    outputs[(factors.residual == 1).all(axis=1)] = start
    return outputs


def predicted_outputs(
    spectrum: Spectrum,
    projection: Array,
    factors: ModeFactors,
    targets: Array,
    start: Array,
    test_start: Array,
) -> Array:
    """f(x*, t) = f₀(x*) + P diag(g) Vᵀ (y − f₀(X)) at the test points.

    ``projection`` P (m, n) comes from ``project``; ``test_start`` is (m, c). Returns (T, m, c).
    Cost: 2 m n c operations for each of s functions of time; nothing is inverted or factorised.
    """
    coefficients = spectrum.eigenvectors.T @ (targets - start)
    growth, exponent = factors.growth, int(np.frexp(spectrum.eigenvalues[0])[1])
    if abs(exponent) > FAR:
        # P has the size of the kernel and g of its inverse: g times small targets may be 0 where
        # the prediction is not. A power of two on both changes no digit.
        projection, growth = np.ldexp(projection, -exponent), np.ldexp(growth, exponent)
    outputs = combine(projection, growth, coefficients)
    outputs += test_start
    return outputs


def combine(rows: Array, factors: Array, coefficients: Array) -> Array:
    """Σ_n rows[m, n] factors[t, n] coefficients[n, c], shape (T, m, c).

    Beyond ``FEW_MODES`` modes, through the few functions of time that the factors are made of; to
    1e-13 of what the largest factors would give.
    """
    basis = time_basis(factors) if len(coefficients) > FEW_MODES else None
    if basis is None:
        return _combined(rows, factors, coefficients)
    few = _combined(rows, basis.functions, coefficients)
    result = np.empty((len(factors), *few.shape[1:]))
    np.matmul(basis.mixing, few.reshape(len(few), -1), out=result.reshape(len(factors), -1))
    return result


def _combined(rows: Array, factors: Array, coefficients: Array) -> Array:
    size, columns = coefficients.shape
    result = np.empty((len(factors), len(rows), columns))
    with np.errstate(invalid="ignore", over="ignore"):  # divergent modes: the caller looks
        for block in blocks(len(factors), max(size, len(rows)) * columns):
            weighted = factors[block].T[:, :, None] * coefficients[:, None, :]
            count = weighted.shape[1]
            product = rows @ weighted.reshape(size, count * columns)
            result[block] = product.reshape(len(rows), count, columns).transpose(1, 0, 2)
    return result


def blocks(count: int, size: int) -> Iterator[slice]:
    """Cut ``count`` items of ``size`` numbers into slices of at most BLOCK numbers."""
    step = max(1, BLOCK // max(1, size))
    for first in range(0, count, step):
        yield slice(first, first + step)
