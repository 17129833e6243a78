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
import scipy.linalg

from ntksim.linalg.semidefinite import semidefinite_factor
from ntksim.linalg.spectrum import EPSILON
from ntksim.linalg.trajectories import blocks, combine
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

    Cost: n N r operations once, and m n r for each of at most T functions of time, from which those
    of all modes are combined: a few tens, however many times.
    """
    variance = np.zeros((len(growth), len(prior.test)))
    for columns in _deviations(spectrum, projection, growth, prior):
        variance += np.einsum("tmi,tmi->tm", columns, columns)
    return variance + noise


def predictive_covariance(
    spectrum: Spectrum, projection: Array, growth: Array, prior: PriorFactor, noise: float = 0.0
) -> Array:
    """Covariance of one output between test points, B Σ Bᵀ + noise·I; (T, M, M).

    Arguments and cost are those of ``predictive_variance``, and M² r more operations at each time.
    ``noise`` appears on the diagonal. Exactly symmetric.
    """
    points = len(prior.test)
    covariance = np.zeros((len(growth), points, points))
    for columns in _deviations(spectrum, projection, growth, prior):
        for index, deviation in enumerate(columns):
            covariance[index] += deviation @ deviation.T
    covariance += noise * np.eye(points)
    return covariance


def _deviations(
    spectrum: Spectrum, projection: Array, growth: Array, prior: PriorFactor
) -> Iterator[Array]:
    """Yield columns of D(t) = B(t) F, for which D Dᵀ is the covariance of one output.

    Each item is (T, M, some columns). A full kernel with K outputs has the prior Σ ⊗ I_K; its D
    holds the K outputs of a point side by side, over √K, so that D Dᵀ is the mean of their
    covariances.
    """
    points, rank = prior.test.shape
    outputs = len(spectrum.eigenvectors) // len(prior.train)
    vectors = spectrum.eigenvectors.reshape(len(prior.train), outputs, -1)
    # W = Vᵀ (F ⊗ I), so that Z F = (P ∘ g) W at every time.
    weights = np.tensordot(vectors, prior.train, axes=(0, 0)).transpose(1, 0, 2)
    weights = weights.reshape(len(spectrum.eigenvectors), outputs * rank)
    start = np.kron(prior.test, np.eye(outputs)).reshape(points * outputs, rank, outputs)
    start = start.transpose(0, 2, 1).reshape(points * outputs, outputs * rank)
    mixing, functions = _functions_of_time(growth)
    for block in blocks(outputs * rank, 2 * len(growth) * len(start)):
        moved = combine(projection, functions, weights[:, block])
        columns = start[:, block] - np.tensordot(mixing, moved, axes=1)
        width = outputs * columns.shape[-1]
        yield columns.reshape(len(growth), points, width) / np.sqrt(outputs)


def _functions_of_time(growth: Array) -> tuple[Array, Array]:
    """Write ``growth`` (T, n) as A (T, s) times B (s, n), with s the rank that rounding leaves.

    The columns are saturating exponentials at rates from λ_n to λ₁: with each scaled to a maximum
    of 1 their singular values fall exponentially.
    """
    times = len(growth)
    largest = growth.max(axis=0, initial=0.0)
    scale = np.where(largest > 0, largest, 1.0)
    left, values, right = scipy.linalg.svd(growth / scale, full_matrices=False)
    rank = int(np.count_nonzero(values > EPSILON * values.max(initial=0.0)))
    if rank == times:
        return np.eye(times), growth
    return left[:, :rank] * values[:rank], right[:rank] * scale
