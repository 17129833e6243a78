from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.linalg import semidefinite_factor

EPSILON = float(np.finfo(float).eps)


@given(st.integers(0, 2**32), st.integers(1, 10), st.integers(1, 10))
@settings(max_examples=40, deadline=None)
def test_factor_reproduces_the_matrix_with_its_rank(seed: int, n: int, rank: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((n, rank))
    matrix = root @ root.T
    factor = semidefinite_factor(matrix)
    assert factor.shape[1] <= min(n, rank)
    # Backward error of pivoted Cholesky: n eps times the norm, and what it leaves out.
    assert np.abs(factor @ factor.T - matrix).max() <= 10 * n * EPSILON * np.abs(matrix).max()


def test_equal_points_get_equal_rows() -> None:
    factor = semidefinite_factor(np.array([[1.0, 1.0, 0.5], [1.0, 1.0, 0.5], [0.5, 0.5, 1.0]]))
    assert factor.shape == (3, 2)
    np.testing.assert_array_equal(factor[0], factor[1])


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_scale_is_no_matter(scale: float) -> None:
    matrix = np.array([[2.0, 1.0], [1.0, 2.0]])
    factor = semidefinite_factor(scale * matrix)
    np.testing.assert_allclose(factor @ factor.T, scale * matrix, rtol=8 * EPSILON)


@pytest.mark.parametrize("n", [0, 3])
def test_zero_has_rank_zero(n: int) -> None:
    assert semidefinite_factor(np.zeros((n, n))).shape == (n, 0)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.array([[1.0, 2.0], [2.0, 1.0]]), "not symmetric positive semi-definite"),
        (np.array([[1.0, 0.5], [0.0, 1.0]]), "not symmetric positive semi-definite"),
        (np.array([[-1.0]]), "not symmetric positive semi-definite"),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), "not symmetric positive semi-definite"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), r"holds nan at \(0, 1\)"),
    ],
)
def test_what_is_no_covariance_is_refused(matrix: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        semidefinite_factor(matrix)
