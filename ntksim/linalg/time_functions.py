"""What gradient flow and gradient descent do to one eigenmode, as functions of time.

A mode with eigenvalue λ ≥ 0 that starts with residual 1 obeys ṙ = −λ r under gradient flow and
r ← (1 − ηλ) r under a step of gradient descent with learning rate η. Each function broadcasts its
arguments and is accurate to a few units in the last place, corner cases included: the textbook
forms (1 − e^{−λt})/λ and (1 − (1 − ηλ)^k)/λ lose all digits for small λ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ntksim.types import Array


def decay(eigenvalue: ArrayLike, time: ArrayLike) -> Array:
    """e^{−λt}: the share of a residual that is left after time t.

    At λ = 0 it is 1 for every t, infinity included; at t = ∞ it is 0 for every λ > 0.
    """
    rate, t = _broadcast(eigenvalue, time)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where((rate == 0) | (t == 0), 1.0, np.exp(-rate * t))


def growth(eigenvalue: ArrayLike, time: ArrayLike) -> Array:
    """g(λ, t) = ∫₀ᵗ e^{−λs} ds = (1 − e^{−λt})/λ, through expm1.

    It is t at λ = 0 and 1/λ at t = ∞; infinite only where both hold (or 1/λ overflows).
    """
    rate, t = _broadcast(eigenvalue, time)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        exponent = rate * t
        share = -np.expm1(-exponent)
        # Each form where it is exact: t·(share/z) does not need λ to be a normal number, share/λ
        # does not need t to be finite.
        early = t * (share / exponent)
        late = share / rate
    return np.where((rate == 0) | (exponent == 0), t, np.where(exponent > 1, late, early))


def discrete_decay(eigenvalue: ArrayLike, learning_rate: float, steps: ArrayLike) -> Array:
    """(1 − ηλ)^k: the share of a residual that is left after k steps of gradient descent.

    It alternates in sign for ηλ > 1, grows without bound for ηλ > 2 (infinite where it exceeds
    the largest float), and has no limit for k = ∞ when ηλ ≥ 2: NaN. ``steps`` are whole numbers,
    as floats, or infinity.
    """
    exponent, negative, no_limit, _, _ = _discrete(eigenvalue, learning_rate, steps)
    with np.errstate(over="ignore"):
        magnitude = np.exp(exponent)
    return np.where(no_limit, np.nan, np.where(negative, -magnitude, magnitude))


def discrete_growth(eigenvalue: ArrayLike, learning_rate: float, steps: ArrayLike) -> Array:
    """η Σ_{j<k} (1 − ηλ)^j = (1 − (1 − ηλ)^k)/λ, through expm1 and log1p.

    It is ηk at λ = 0, and 1/λ for k = ∞ when 0 < ηλ < 2; NaN for k = ∞ when ηλ ≥ 2.
    """
    exponent, negative, no_limit, product, k = _discrete(eigenvalue, learning_rate, steps)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        moved = np.where(negative, 1.0 + np.exp(exponent), -np.expm1(exponent))
        total = learning_rate * np.where(product == 0, k, moved / product)
    return np.where(no_limit, np.nan, total)


def _broadcast(eigenvalue: ArrayLike, time: ArrayLike) -> tuple[Array, Array]:
    rate, t = np.broadcast_arrays(
        np.asarray(eigenvalue, dtype=np.float64), np.asarray(time, dtype=np.float64)
    )
    return rate, t


def _discrete(
    eigenvalue: ArrayLike, learning_rate: float, steps: ArrayLike
) -> tuple[Array, NDArray[np.bool_], NDArray[np.bool_], Array, Array]:
    """Return k log|1 − ηλ|, where (1 − ηλ)^k < 0, where it has no limit, ηλ, and k."""
    rate, k = _broadcast(eigenvalue, steps)
    product = learning_rate * rate
    with np.errstate(divide="ignore", invalid="ignore"):
        # log|1 − x|: in both branches the argument of log1p is exact (Sterbenz).
        logarithm = np.where(product <= 1, np.log1p(-product), np.log1p(product - 2.0))
        exponent = np.where((k == 0) | (logarithm == 0), 0.0, k * logarithm)
        negative = (product > 1) & (np.fmod(k, 2.0) == 1.0)
    no_limit = np.isinf(k) & (product >= 2)
    return exponent, negative, no_limit, product, k
