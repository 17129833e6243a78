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
from ntksim.linalg.time_basis import Band, bands, time_basis
from ntksim.types import Array, Spectrum

COLUMNS = 64
"""Columns of the prior's factor that are treated at once."""

CACHED = 100_000
"""Most numbers in a part of the deviations: with 0.8 MB it stays in a processor's cache."""


@dataclass(frozen=True)
class PriorFactor:
    """Rows of F, Σ = F Fᵀ: ``train`` (N, r) at the training and ``test`` (M, r) at the test points.

    r ≤ N + M is the numerical rank of the joint prior. Where it is N + M the last M columns belong
    to the test points alone, and training does not move them.
    """

    train: Array
    test: Array


def prior_factor(train: Array, test_train: Array, test: Array) -> PriorFactor:
    """Factor the joint prior covariance once: blocks (N, N), (M, N) and (M, M).

    Cost (N + M) r² operations; a third of that where the prior is not singular.

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

    A sum of squares: never negative. Cost: 2 n N r operations once, and 2 m n r for each of a few
    functions of time, about 10 on average however many the times, of which B is made to 1e-13 of
    its largest entries (``time_basis``).
    """
    moving, still = _split(prior)
    variance = np.tile(np.vecdot(still, still), (len(growth), 1))
    for points, deviations in _deviations(spectrum, projection, growth, moving):
        variance[:, points] += np.vecdot(deviations, deviations)
    return variance + noise


def predictive_covariance(
    spectrum: Spectrum, projection: Array, growth: Array, prior: PriorFactor, noise: float = 0.0
) -> Array:
    """Covariance of one output between test points, B Σ Bᵀ + noise·I; (T, M, M).

    Arguments and cost are those of ``predictive_variance``, and M² r more operations at each time.
    ``noise`` appears on the diagonal. Exactly symmetric.
    """
    points = len(prior.test)
    moving, still = _split(prior)
    covariance = np.tile(still @ still.T, (len(growth), 1, 1))
    for _, deviations in _deviations(spectrum, projection, growth, moving, together=True):
        for index, deviation in enumerate(deviations):
            covariance[index] += deviation @ deviation.T
    covariance += noise * np.eye(points)
    return covariance


def _split(prior: PriorFactor) -> tuple[PriorFactor, Array]:
    """Return the columns that training moves, and of the others what the test points have."""
    moves = prior.train.any(axis=0)
    moving = PriorFactor(*(np.ascontiguousarray(f[:, moves]) for f in (prior.train, prior.test)))
    return moving, np.ascontiguousarray(prior.test[:, ~moves])


def _deviations(
    spectrum: Spectrum,
    projection: Array,
    growth: Array,
    prior: PriorFactor,
    *,
    together: bool = False,
) -> Iterator[tuple[slice, Array]]:
    """Yield parts of D(t) = B(t) F, for which D Dᵀ is the covariance of one output.

    Each item is a slice of test points, all of them if ``together``, and their D: (T, points, some
    columns), valid until the next is asked for. A full kernel with K outputs has the prior Σ ⊗ I_K;
    its D holds the K outputs of a point side by side, over √K, so that D Dᵀ is the mean of their
    covariances.
    """
    points, rank = prior.test.shape
    times, size = growth.shape
    outputs = size // len(prior.train)
    vectors = spectrum.eigenvectors.reshape(len(prior.train), outputs, -1)
    # W = Vᵀ (F ⊗ I), so that Z F = (P ∘ g) W at every time.
    weights = np.tensordot(vectors, prior.train, axes=(0, 0)).transpose(1, 0, 2)
    weights = weights.reshape(size, outputs * rank)
    mixing, among, parts = _functions_of_time(growth)
    if len(projection) * times * rank == 0:
        return
    # Arrays of this size cost more to make than to fill, and are used again and again.
    width = min(COLUMNS, outputs * rank)
    step = points if together else min(points, max(1, CACHED // (times * width * outputs)))
    own_buffer = np.empty(sum(len(part.own) for part in parts) * len(projection) * width)
    moved_buffer = np.empty(mixing.shape[1] * len(projection) * width)
    buffer = np.empty(times * step * outputs * width)
    for first in range(0, outputs * rank, max(1, width)):
        columns = slice(first, first + width)
        start = _starting(prior.test, outputs, columns)
        own = _own(projection, parts, weights[:, columns], own_buffer)
        moved = own if among is None else _product(among, own, moved_buffer)
        moved = moved.reshape(-1, *start.shape)
        for at in range(0, points, max(1, step)):
            rows = slice(at * outputs, (at + step) * outputs)
            its = start[rows]
            deviations = _product(mixing, moved[:, rows].reshape(len(moved), -1), buffer)
            deviations = deviations.reshape(times, *its.shape)
            np.subtract(its, deviations, out=deviations)
            if outputs > 1:
                deviations /= np.sqrt(outputs)
            yield slice(at, at + step), deviations.reshape(times, len(its) // outputs, -1)


def _own(projection: Array, parts: list[Band], weights: Array, buffer: Array) -> Array:
    """Return (P ∘ b) W for each of the bands' own functions b; (functions, m·columns)."""
    rows, columns = len(projection), weights.shape[1]
    count = sum(len(part.own) for part in parts)
    own = buffer[: count * rows * columns].reshape(count, rows, columns)
    at = 0
    for part in parts:
        weighted = part.own[:, :, None] * weights[part.modes]
        np.matmul(projection[:, part.modes], weighted, out=own[at : at + len(part.own)])
        at += len(part.own)
    return own.reshape(count, rows * columns)


def _product(left: Array, right: Array, buffer: Array) -> Array:
    shape = len(left), right.shape[1]
    return np.matmul(left, right, out=buffer[: shape[0] * shape[1]].reshape(shape))


def _starting(factor: Array, outputs: int, columns: slice) -> Array:
    """Return columns of F ⊗ I, ordered (output, column of F); (M·K, columns)."""
    points, rank = factor.shape
    chosen = np.arange(outputs * rank)[columns]
    start = np.zeros((points, outputs, len(chosen)))
    for output in range(outputs):
        its = chosen // rank == output
        start[:, output, its] = factor[:, chosen[its] % rank]
    return start.reshape(points * outputs, len(chosen))


def _functions_of_time(growth: Array) -> tuple[Array, Array | None, list[Band]]:
    """Write ``growth`` (T, n) as A (T, s) times B (s, n), B band by band.

    Returns A, the mixing of all functions of the bands into B, ``None`` if they are B, and the
    bands.
    """
    basis = time_basis(growth)
    if basis is None:
        identity = np.eye(len(growth))
        return identity, None, [Band(slice(0, growth.shape[1]), identity, growth)]
    parts = list(bands(basis.functions))
    return basis.mixing, np.concatenate([part.mixing for part in parts], axis=1), parts
