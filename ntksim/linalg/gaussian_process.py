"""The Gaussian process of infinitely wide networks in training.

The outputs of an infinitely wide network are an affine map of its outputs at initialisation, which
are Gaussian with the NNGP kernel Σ as covariance. With Z(t) = k(X*, X) G(t) they stay Gaussian:

    mean  f₀(X*) + Z (y − f₀(X)),
    Cov   Σ** − Z Σ_X* − (Z Σ_X*)ᵀ + Z Σ_XX Zᵀ = B Σ Bᵀ,        B = [I, −Z],

with Σ the joint covariance on test and training points (Lee et al. 2019, equations 14 to 16, for
any t). Through a factor Σ = F Fᵀ the covariance is (B F)(B F)ᵀ: positive semi-definite by
construction, where the four terms cancel to anything. The mean is that of ``predicted_outputs``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ntksim.linalg.semidefinite import semidefinite_factor
from ntksim.types import Array, Spectrum


@dataclass(frozen=True)
class PriorFactor:
    """Rows of F, Σ = F Fᵀ: ``train`` (N, r) at the training and ``test`` (M, r) at the test points.

    r ≤ N + M is the numerical rank of the joint prior.
    """

    train: Array
    test: Array


def prior_factor(train: Array, test_train: Array, test: Array) -> PriorFactor:
    """Factor the joint prior covariance once: blocks (N, N), (M, N) and (M, M).

    Cost (N + M) r² operations.

    Raises
    ------
    ValueError
        If the blocks do not form a symmetric positive semi-definite matrix.
    """
    n = len(train)
    factor = semidefinite_factor(np.block([[train, test_train.T], [test_train, test]]))
    return PriorFactor(factor[:n], factor[n:])


def predictive_variance(
    spectrum: Spectrum, projection: Array, growth: Array, prior: PriorFactor, noise: float = 0.0
) -> Array:
    """Variance of one output at the test points, diag(B Σ Bᵀ) + noise; (T, M).

    ``projection`` (m, n) is P from ``project`` and ``growth`` (T, n) from ``ModeFactors``;
    ``noise`` is a variance of observation added to the outputs. For a full kernel (m = M·K,
    n = N·K) the outputs are coupled, and the mean over outputs of their variances is returned.
    Cost: n N r operations once and m n r at each time.
    """
    deviations = _deviations(spectrum, projection, growth, prior)
    variances = [np.einsum("mi,mi->m", deviation, deviation) for deviation in deviations]
    return np.reshape(variances, (len(growth), len(prior.test))) + noise


def predictive_covariance(
    spectrum: Spectrum, projection: Array, growth: Array, prior: PriorFactor, noise: float = 0.0
) -> Array:
    """Covariance of one output between test points, B Σ Bᵀ + noise·I; (T, M, M).

    Arguments are those of ``predictive_variance``; ``noise`` appears on the diagonal. Exactly
    symmetric. Cost: n N r operations once, m n r and M² r at each time.
    """
    covariance = np.empty((len(growth), len(prior.test), len(prior.test)))
    for index, deviation in enumerate(_deviations(spectrum, projection, growth, prior)):
        covariance[index] = deviation @ deviation.T
    covariance += noise * np.eye(len(prior.test))
    return covariance


def _deviations(
    spectrum: Spectrum, projection: Array, growth: Array, prior: PriorFactor
) -> Iterator[Array]:
    """Yield D(t) = B(t) F, for which D Dᵀ is the covariance of one output.

    A full kernel with K outputs has the prior Σ ⊗ I_K. Its D holds the K outputs of a point side by
    side, divided by √K, so that D Dᵀ is the mean of their covariances.
    """
    test_points, rank = prior.test.shape
    outputs = len(spectrum.eigenvectors) // len(prior.train)
    vectors = spectrum.eigenvectors.reshape(len(prior.train), outputs, -1)
    # W = Vᵀ (F ⊗ I): (n, K r), so that Z F = (P ∘ g) W at every time.
    weights = np.tensordot(vectors, prior.train, axes=(0, 0)).transpose(1, 0, 2)
    weights = np.ascontiguousarray(weights).reshape(-1, outputs * rank)
    every = np.arange(outputs)
    for factors in growth:
        deviation = (projection * -factors) @ weights
        coupled = deviation.reshape(test_points, outputs, outputs, rank)
        coupled[:, every, every] += prior.test[:, None, :]
        deviation = coupled.reshape(test_points, outputs * outputs * rank)
        yield deviation if outputs == 1 else deviation / np.sqrt(outputs)
