"""Square roots of covariances, singular ones included, and what is drawn with them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from ntksim.linalg import gaussian_samples, symmetric_root
from scipy.linalg import sqrtm

EPSILON = np.finfo(float).eps


@given(st.integers(1, 8), st.integers(0, 8), st.integers(0, 2**32 - 1))
def test_a_root_is_symmetric_semidefinite_and_squares_to_the_matrix(
    n: int, rank: int, seed: int
) -> None:
    factor = np.random.default_rng(seed).normal(size=(n, rank))
    matrix = factor @ factor.T
    root = symmetric_root(matrix)
    scale = float(np.abs(matrix).max(initial=0.0))
    # Rounding of the decomposition, n ε λ₁ or so, and λ₁ ≤ n max |A|.
    np.testing.assert_allclose(root @ root, matrix, rtol=0, atol=100 * n**2 * EPSILON * scale)
    np.testing.assert_allclose(root, root.T, rtol=0, atol=100 * EPSILON * np.sqrt(n * scale))
    assert np.linalg.eigvalsh(root).min() >= -100 * n * EPSILON * np.sqrt(n * scale)


def test_it_is_the_root_of_others() -> None:
    factor = np.random.default_rng(0).normal(size=(5, 7))
    matrix = factor @ factor.T
    np.testing.assert_allclose(symmetric_root(matrix), sqrtm(matrix), rtol=0, atol=1e-12)


def test_a_matrix_that_rounding_made_indefinite_has_one() -> None:
    """Its negative part is dropped, and with it what is at the level of rounding."""
    vectors, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))
    matrix = (vectors * [1.0, 0.5, 1e-18, -1e-16]) @ vectors.T
    root = symmetric_root(matrix)
    assert np.linalg.matrix_rank(root) == 2
    np.testing.assert_allclose(root @ root, matrix, rtol=0, atol=1e-15)


def test_a_matrix_of_zeros_has_the_root_zero_and_nan_stays() -> None:
    assert not symmetric_root(np.zeros((3, 3))).any()
    assert symmetric_root(np.zeros((0, 0))).shape == (0, 0)
    assert np.isnan(symmetric_root(np.array([[1.0, np.nan], [np.nan, 1.0]]))).all()


def test_a_root_depends_on_its_matrix_continuously() -> None:
    """Through a crossing of eigenvalues and down to a singular matrix."""
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    roots = [symmetric_root(turn @ np.diag([1 - s, s]) @ turn.T) for s in np.linspace(0, 1, 401)]
    steps = np.abs(np.diff(roots, axis=0)).max(axis=(1, 2))
    assert steps.max() < 1.1 * np.sqrt(1 / 400)  # that of the square root at 0


@pytest.mark.parametrize("rank", [4, 2])
def test_samples_have_the_mean_and_the_covariance(rank: int) -> None:
    rng = np.random.default_rng(2)
    factor, mean, count = rng.normal(size=(4, rank)), rng.normal(size=(4, 2)), 20_000
    covariance = factor @ factor.T
    samples = gaussian_samples(mean, covariance, rng.standard_normal((count, 4, 2)))
    deviation = np.sqrt(np.diagonal(covariance))
    # Five standard errors: of a mean, and of a covariance √(C_ii C_jj + C_ij²)/√count.
    assert (np.abs(samples.mean(axis=0) - mean) < 5 * deviation[:, None] / np.sqrt(count)).all()
    for output in range(2):
        found = np.cov(samples[..., output].T)
        error = np.sqrt((np.outer(deviation, deviation) ** 2 + covariance**2) / count)
        assert (np.abs(found - covariance) < 5 * error).all()
    across = np.cov(samples[:, 0, 0], samples[:, 0, 1])[0, 1]
    assert abs(across) < 5 * covariance[0, 0] / np.sqrt(count)  # outputs are independent
