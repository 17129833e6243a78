"""Samples of Gaussian vectors whose covariance may be singular."""

from __future__ import annotations

import numpy as np

from ntksim.linalg.spectrum import EPSILON
from ntksim.types import Array


def symmetric_root(covariance: Array) -> Array:
    """Return the symmetric positive semi-definite R (n, n) with R R = A for such an A.

    By an eigendecomposition, whose eigenvalues below n ε λ₁, rounding and negative ones among them,
    are taken for 0: it exists for every finite matrix, and where A is only nearly semi-definite R R
    is the nearest matrix that is, to rounding. Unlike a triangular factor it depends on A
    continuously. Cost about 10 n³. NaN where A is not finite.
    """
    n = len(covariance)
    if not np.isfinite(covariance).all():
        return np.full((n, n), np.nan)
    values, vectors = np.linalg.eigh(0.5 * covariance + 0.5 * covariance.T)
    floor = n * EPSILON * max(float(values.max(initial=0.0)), 0.0)
    roots = np.sqrt(np.where(values > floor, values, 0.0))
    return (vectors * roots) @ vectors.T


def gaussian_samples(mean: Array, covariance: Array, normals: Array) -> Array:
    """Return mean + R z, shape (S, n, K), for S draws z = ``normals`` (S, n, K).

    ``mean`` (n, K) has K independent columns of one ``covariance`` (n, n), of which R is the
    symmetric root: with standard normal z the draws are those of the Gaussian.
    """
    return mean + symmetric_root(covariance) @ normals
