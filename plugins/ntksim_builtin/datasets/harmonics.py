"""Functions on spheres: harmonics along an axis, random signs, noise."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from ntksim import Array

SphereTargets: TypeAlias = Literal["harmonic", "random_sign", "noise"]


def zonal_harmonic(cosine: Array, degree: int, dimension: int) -> Array:
    """Legendre polynomial P_k of degree k in dimension d ≥ 2, with P_k(1) = 1.

    P_k(w·x), for a unit vector w, is the spherical harmonic of degree k on S^(d−1) that is
    symmetric about w; its mean square is 1/N(d, k), with N the number of harmonics of degree k.
    P_k is the Gegenbauer polynomial of index (d − 2)/2 over its value at 1: cos(kθ) for d = 2, the
    usual Legendre polynomial for d = 3. By the recurrence

        (k + d − 2) P_{k+1}(t) = (2k + d − 2) t P_k(t) − k P_{k−1}(t)

    (Müller, Spherical Harmonics, 1966, lemma 3).
    """
    previous: Array = np.ones_like(cosine)
    current = cosine
    if degree == 0:
        return previous
    for k in range(1, degree):
        following = (2 * k + dimension - 2) * cosine * current - k * previous
        following /= k + dimension - 2
        previous, current = current, following
    return current


def draw_targets(
    targets: SphereTargets, harmonic: Array, noise: float, rng: np.random.Generator
) -> Array:
    """Return targets (n, 1) at points where the harmonic has the values ``harmonic`` (n,).

    ``noise`` is the standard deviation of what is added to a harmonic.
    """
    match targets:
        case "harmonic":
            y = harmonic + noise * rng.standard_normal(len(harmonic)) if noise else harmonic
        case "random_sign":
            y = rng.choice(np.array([-1.0, 1.0]), size=len(harmonic))
        case "noise":
            y = rng.standard_normal(len(harmonic))
    return y[:, None]


def check_harmonic_only(targets: SphereTargets, **options: bool) -> None:
    """Refuse options that shape a harmonic where the targets are none.

    Raises
    ------
    ValueError
        For the first option that is set (true).
    """
    given = [name for name, is_set in options.items() if is_set]
    if targets != "harmonic" and given:
        raise ValueError(f"'{given[0]}' belongs to targets: harmonic, not to targets: {targets}")
