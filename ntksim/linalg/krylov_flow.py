"""Gradient flow at many times in one Krylov space, with bounds of what the space misses.

With A = K + ρ, R = y − f₀ and a(t) = g(A, t) R the outputs of gradient flow are f₀ + k a(t). In a
Krylov space of A and R (``KrylovSpace``), a is approximated by Qᵀ g(T + ρ, t) Q R, whose defect in
the equation a′ + A a = R has the integral

    d(t) = Q′ᵀ C Eᵀ g(T + ρ, t) Q R,

a small matrix. From the defect follows the error e = ∫₀ᵗ e^{−A(t−s)} d(s) ds, exactly, and with
D(t) = max_{s≤t} ‖d(s)‖ and λ₁ the largest eigenvalue of A,

    ‖K e‖ ≤ D ∫₀ᵗ min(λ₁, 1/(e u)) du             at all training points together,
    |k(x, X) e| ≤ √k(x, x) D ∫₀ᵗ 1/√(2 e u) du                     at a point x,

since |k(x, X) e|² ≤ k(x, x) eᵀ K e for a positive semi-definite kernel. The integrals grow with
log t and √t until eigenvalues are at least μ > 0: then they stay below (3 + log(λ₁/μ))/e and
2/√(e μ). λ₁ is taken to be the largest Ritz value and ‖C‖, which a space of a few steps knows well
enough for a logarithm; μ is the larger of the ridge ρ and a quarter of the smallest Ritz value:
without a ridge an estimate, as it must be when only products with K are known (compare Botchev,
Grimm & Hochbruck 2013 on residuals of matrix exponentials).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ntksim.linalg.krylov import KrylovSpace
from ntksim.linalg.modes import ModeFactors, flow_factors
from ntksim.linalg.spectrum import EPSILON
from ntksim.linalg.time_basis import time_basis
from ntksim.linalg.trajectories import combine
from ntksim.types import Array, Spectrum

POINTS_A_DECADE = 16
"""Times of a decade at which the defect is looked at, besides those that are asked for."""

ROUNDING = 32 * EPSILON
"""What rounding adds to the defect, relative to λ₁ ‖a‖ + ‖R‖: for every product some units."""


@dataclass(frozen=True)
class KrylovFlow:
    """Gradient flow at ``times`` (T,) as it is in a Krylov space, with what it may be off by.

    ``factors`` belong to the Ritz values of ``ritz``, ``coefficients`` (k, c) are R in its vectors.
    ``defect`` (T,) is D, ``smallest`` μ, 0 where nothing is known of it. ``error_train`` (T,)
    bounds the Frobenius norm of the error at the training points, ``error_energy`` (T,) √(eᵀ K e),
    which times √k(x, x) bounds the error at any point x.
    """

    ritz: Spectrum
    factors: ModeFactors
    coefficients: Array
    defect: Array
    smallest: float
    error_train: Array
    error_energy: Array


def krylov_flow(space: KrylovSpace, times: Array, ridge: float = 0.0) -> KrylovFlow:
    """Solve gradient flow in a Krylov space of K and R = y − f₀, at ``times`` (T,), ∞ included.

    Eigenvalues at or below n ε λ₁ count as 0, as ``ntksim.linalg.modes`` says.
    """
    ritz = space.ritz()
    coefficients = ritz.eigenvectors.T @ space.start
    beyond = float(np.linalg.norm(space.coupling, 2)) if space.coupling.size else 0.0
    largest = float(ritz.eigenvalues[0]) + beyond + ridge
    resolved = ritz.eigenvalues[ritz.eigenvalues > ritz.null_tolerance]
    # An invariant space in which K is 0 says that no eigenvalue matters.
    unseen = math.inf if space.is_complete else 0.0
    smallest = max(ridge, 0.25 * float(resolved.min()) if len(resolved) else unseen)
    looked_at = np.union1d(times, _grid(largest, ritz.null_tolerance, times))
    everywhere = flow_factors(ritz, looked_at, ridge)
    defects = _norms(
        space.coupling @ ritz.eigenvectors[space.last], everywhere.growth, coefficients
    )
    moved = np.where(ritz.eigenvalues > ritz.null_tolerance, everywhere.growth, 0.0)
    sizes = np.sqrt(moved**2 @ np.vecdot(coefficients, coefficients))
    defects += ROUNDING * (largest * sizes + float(np.linalg.norm(coefficients)))
    defects[looked_at == 0] = 0.0
    at = np.searchsorted(looked_at, times)
    defect = np.maximum.accumulate(defects)[at]
    with np.errstate(invalid="ignore"):
        error_train = defect * (1.0 + _decay_integral(times, largest, smallest))
        error_energy = defect * _energy_integral(times, smallest)
        error_energy += ROUNDING * math.sqrt(largest) * sizes[at]
    return KrylovFlow(
        ritz=ritz,
        factors=flow_factors(ritz, times, ridge),
        coefficients=coefficients,
        defect=defect,
        smallest=smallest,
        error_train=np.where(times == 0, 0.0, error_train),
        error_energy=np.where(times == 0, 0.0, error_energy),
    )


def expanded(space: KrylovSpace, flow: KrylovFlow, factors: Array) -> tuple[Array, Array]:
    """Return A (T, s) and B (s, n, c), whose product is Qᵀ S diag(factors) Sᵀ Q R at all times.

    S are the Ritz vectors. B belongs to the few functions of which the ``factors`` (T, k) are made.
    """
    basis = time_basis(factors)
    mixing, functions = (
        (np.eye(len(factors)), factors) if basis is None else (basis.mixing, basis.functions)
    )
    small = combine(flow.ritz.eigenvectors, functions, flow.coefficients)
    count, size, columns = small.shape
    rows = small.transpose(0, 2, 1).reshape(count * columns, size) @ space.basis
    return mixing, rows.reshape(count, columns, -1).transpose(0, 2, 1)


def _grid(largest: float, smallest: float, times: Array) -> Array:
    """Times between the first that matters and the last finite one, evenly in the logarithm.

    Before infinity, that at which an eigenvalue ``smallest``, the least above 0, would be learned.
    """
    finite = times[np.isfinite(times) & (times > 0)]
    last = float(finite.max(initial=0.0))
    if np.isinf(times).any():
        last = max(last, 1.0 / smallest if smallest > 0 else 0.0)
    if largest == 0 or last * largest <= 1e-2:
        return finite
    first = 1e-2 / largest
    count = 2 + int(POINTS_A_DECADE * math.log10(last / first))
    return np.geomspace(first, last, count)


def _norms(rows: Array, factors: Array, coefficients: Array) -> Array:
    """‖rows diag(factors[t]) coefficients‖ for every t; (T,)."""
    if rows.size == 0:
        return np.zeros(len(factors))
    return np.linalg.norm(combine(rows, factors, coefficients), axis=(1, 2))


def _decay_integral(times: Array, largest: float, smallest: float) -> Array:
    """∫₀ᵗ sup λ e^{−λu} du over λ in [smallest, largest]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        late = (2.0 + np.log(largest * times)) / math.e
        found = np.where(math.e * largest * times > 1, late, largest * times)
    ceiling = (3.0 + math.log(max(largest / smallest, 1.0))) / math.e if smallest > 0 else np.inf
    return np.fmin(np.where(times == 0, 0.0, found), ceiling)


def _energy_integral(times: Array, smallest: float) -> Array:
    """∫₀ᵗ sup √λ e^{−λu} du over λ of at least ``smallest``."""
    ceiling = 2.0 / math.sqrt(math.e * smallest) if smallest > 0 else np.inf
    return np.fmin(np.sqrt(2.0 * times / math.e), ceiling)
