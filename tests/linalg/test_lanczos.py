from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.linalg import largest_eigenvalue


@given(st.integers(0, 2**32), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_largest_eigenvalue_is_that_of_the_matrix(seed: int, n: int) -> None:
    features = np.random.default_rng(seed).standard_normal((n, n))
    matrix = features @ features.T
    exact = np.linalg.eigvalsh(matrix)[-1]
    # The residual bound is 1e-6, the error of the eigenvalue at most that.
    np.testing.assert_allclose(largest_eigenvalue(lambda v: matrix @ v, n), exact, rtol=1e-6)


def test_few_products_are_enough_when_one_eigenvalue_leads() -> None:
    matrix = np.eye(500) + np.ones((500, 500))
    calls = 0

    def product(vector: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        return matrix @ vector

    # Two distinct eigenvalues: two products span all that matters.
    np.testing.assert_allclose(largest_eigenvalue(product, 500), 501.0, rtol=1e-12)
    assert calls <= 3


def test_the_same_matrix_gives_the_same_number() -> None:
    matrix = np.diag(np.linspace(1, 2, 50))
    assert largest_eigenvalue(lambda v: matrix @ v, 50) == largest_eigenvalue(
        lambda v: matrix @ v, 50
    )


def test_never_above_the_truth_when_it_stops_early() -> None:
    matrix = np.diag(np.linspace(1, 2, 400))
    early = largest_eigenvalue(lambda v: matrix @ v, 400, max_products=5)
    assert 1.8 < early < 2.0


@pytest.mark.parametrize("n", [1, 4])
def test_zero_matrix(n: int) -> None:
    assert largest_eigenvalue(np.zeros_like, n) == 0.0
