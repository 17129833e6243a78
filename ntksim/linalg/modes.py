"""The modes of training: factors at every time, and the directions that rounding hides.

Linearised training with ridge ρ, gradient flow on ½‖f − y‖² + ½ρ‖θ − θ₀‖², moves the outputs as

    f(x, t) = f₀(x) + k(x, X) a(t),      a(t) = G(t) (y − f₀(X)),      G = Σ g(λ + ρ, t) v vᵀ,

on training and test points alike, with K = k(X, X) = Σ λ v vᵀ; t = ∞ is kernel ridge regression.

**Null modes.** An eigenvalue at or below n ε λ₁ cannot be told from 0. In exact arithmetic
|k(x, X) v| ≤ √(k(x, x) λ), so a true null mode (two equal inputs with different targets, more
points than parameters) moves no output anywhere, while one with a tiny λ may move the outputs
elsewhere a lot. Hence:

1. On training points a null mode keeps its residual at every time.
2. On a test point x its projection k(x, X) v is set to 0 where it is not larger than the error
   that rounding may leave there (``project``).
3. What is larger grows with g(λ + ρ, t) as long as min(t, 1/ρ) n ε λ₁ ≤ 1. Beyond, neither time nor
   ridge bounds g and its size would be decided by rounding: the mode is dropped. For ρ = 0 and
   t = ∞ this is the pseudo-inverse with the cut-off n ε λ₁, the least-squares solution closest to
   θ₀.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ntksim.linalg.spectrum import EPSILON
from ntksim.linalg.time_functions import decay, discrete_decay, discrete_growth, growth
from ntksim.types import Array, Spectrum


@dataclass(frozen=True)
class ModeFactors:
    """What training does to the n modes at T times.

    ``residual`` (T, n): the factor on each mode's initial residual f₀ − y at the training points.
    ``growth`` (T, n): the eigenvalues of G(t), with undetermined null modes dropped.
    """

    residual: Array
    growth: Array


def flow_factors(spectrum: Spectrum, times: Array, ridge: float = 0.0) -> ModeFactors:
    """Return the factors of gradient flow at ``times`` (T,), 0 and infinity included.

    The residual factor is (ρ + λ e^{−(λ+ρ)t})/(λ + ρ), a sum of non-negative terms: it keeps its
    relative accuracy however late the time.
    """
    total = spectrum.eigenvalues + ridge
    t = times[:, None]
    return _factors(spectrum, ridge, t, decay(total, t), growth(total, t))


def descent_factors(
    spectrum: Spectrum, steps: Array, learning_rate: float, ridge: float = 0.0
) -> ModeFactors:
    """Return the factors of full-batch gradient descent after ``steps`` (T,) steps.

    As in ``flow_factors`` with (1 − η(λ+ρ))^k for e^{−(λ+ρ)t} and its sum for g, at t = ηk. Modes
    with η(λ+ρ) > 2 grow without bound; factors beyond the largest float are infinite, and NaN after
    infinitely many steps.
    """
    total = spectrum.eigenvalues + ridge
    k = steps[:, None]
    return _factors(
        spectrum,
        ridge,
        learning_rate * k,
        discrete_decay(total, learning_rate, k),
        discrete_growth(total, learning_rate, k),
    )


def project(spectrum: Spectrum, test_train: Array) -> Array:
    """Return P = k(X*, X) V, shape (M, n), with what rounding left in null modes set to 0.

    With rounding errors E of size n ε λ₁ in K, the computed null vector is off by
    Σ_j v_j (v_jᵀ E v)/λ_j over the resolved modes j, to first order. Its projection on a row k* is
    then off by at most

        n ε ‖k*‖ + n ε λ₁ ‖k* K⁺‖,

    where k* K⁺ are the weights of kernel regression at that point. Anything not larger is set to 0.
    """
    projection = test_train @ spectrum.eigenvectors
    null = _null(spectrum)
    if not null.any() or projection.size == 0:
        return projection
    resolved = spectrum.eigenvalues[~null]
    weights = projection[:, ~null] / resolved
    noise = len(null) * EPSILON * _row_norms(test_train)
    noise += spectrum.null_tolerance * _row_norms(weights)
    in_null = projection[:, null]
    projection[:, null] = np.where(np.abs(in_null) > noise[:, None], in_null, 0.0)
    return projection


def _null(spectrum: Spectrum) -> NDArray[np.bool_]:
    return spectrum.eigenvalues <= spectrum.null_tolerance


def _factors(
    spectrum: Spectrum, ridge: float, time: Array, left: Array, grown: Array
) -> ModeFactors:
    null = _null(spectrum)
    eigenvalues = spectrum.eigenvalues
    bound = np.minimum(time, 1.0 / ridge) if ridge > 0 else time
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        residual = (ridge + eigenvalues * left) / (eigenvalues + ridge)
        undetermined = np.isinf(bound) | (spectrum.null_tolerance * bound > 1)
    return ModeFactors(
        residual=np.where(null, 1.0, residual),
        growth=np.where(null & undetermined, 0.0, grown),
    )


def _row_norms(matrix: Array) -> Array:
    """Euclidean norms of rows, without overflow or underflow of the squares."""
    if matrix.shape[1] == 0:
        return np.zeros(len(matrix))
    largest = np.abs(matrix).max(axis=1)
    scale = np.where(largest > 0, largest, 1.0)
    return scale * np.linalg.norm(matrix / scale[:, None], axis=1)
