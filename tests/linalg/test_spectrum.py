from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.linalg import eigendecomposition, flatten_kernel

EPSILON = np.finfo(float).eps


def random_kernel(seed: int, n: int, rank: int | None = None) -> np.ndarray:
    features = np.random.default_rng(seed).standard_normal((n, n if rank is None else rank))
    return features @ features.T


@given(st.integers(0, 2**32), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_decomposition_reconstructs_orders_and_is_orthogonal(seed: int, n: int) -> None:
    kernel = random_kernel(seed, n)
    spectrum = eigendecomposition(kernel)
    values, vectors = spectrum.eigenvalues, spectrum.eigenvectors
    # Backward error of a symmetric eigensolver: a small multiple of n eps times the norm.
    bound = 20 * n * EPSILON
    assert np.abs((vectors * values) @ vectors.T - kernel).max() <= bound * values[0]
    assert np.abs(vectors.T @ vectors - np.eye(n)).max() <= bound
    assert (np.diff(values) <= 0).all()
    assert spectrum.null_tolerance == n * EPSILON * values[0]


def test_two_by_two_in_closed_form() -> None:
    spectrum = eigendecomposition(np.array([[2.0, 1.0], [1.0, 2.0]]))
    np.testing.assert_allclose(spectrum.eigenvalues, [3.0, 1.0], rtol=4 * EPSILON)
    np.testing.assert_allclose(np.abs(spectrum.eigenvectors), np.sqrt(0.5), rtol=4 * EPSILON)


@given(st.integers(-150, 150))
@settings(max_examples=25, deadline=None)
def test_scale_is_no_matter(exponent: int) -> None:
    kernel = random_kernel(1, 6)
    scaled = eigendecomposition(10.0**exponent * kernel)
    plain = eigendecomposition(kernel)
    # Multiplying by 10^e rounds each entry by eps/2; that moves eigenvalues by n eps lambda_1.
    np.testing.assert_allclose(
        scaled.eigenvalues / 10.0**exponent,
        plain.eigenvalues,
        rtol=0,
        atol=6 * EPSILON * plain.eigenvalues[0],
    )


@pytest.mark.parametrize("exponent", [-900, -500, 500, 900])
def test_powers_of_two_change_no_bit(exponent: int) -> None:
    kernel = random_kernel(2, 5)
    scaled = eigendecomposition(np.ldexp(kernel, exponent))
    plain = eigendecomposition(kernel)
    np.testing.assert_array_equal(scaled.eigenvalues, np.ldexp(plain.eigenvalues, exponent))
    np.testing.assert_array_equal(scaled.eigenvectors, plain.eigenvectors)


def test_rounding_below_zero_is_set_to_zero() -> None:
    spectrum = eigendecomposition(random_kernel(3, 20, rank=4))
    assert (spectrum.eigenvalues >= 0).all()
    assert np.count_nonzero(spectrum.eigenvalues > spectrum.null_tolerance) == 4


def test_zero_kernel_has_zero_spectrum() -> None:
    spectrum = eigendecomposition(np.zeros((3, 3)))
    np.testing.assert_array_equal(spectrum.eigenvalues, np.zeros(3))
    assert spectrum.null_tolerance == 0


def test_full_kernel_is_flattened_point_by_point() -> None:
    shared, coupling = random_kernel(4, 3), random_kernel(5, 2)
    full = np.einsum("nm,kl->nkml", shared, coupling)
    np.testing.assert_array_equal(flatten_kernel(full), np.kron(shared, coupling))
    # Eigenvalues of a Kronecker product are the products.
    products = np.outer(
        eigendecomposition(shared).eigenvalues, eigendecomposition(coupling).eigenvalues
    )
    np.testing.assert_allclose(
        eigendecomposition(full).eigenvalues,
        np.sort(products.ravel())[::-1],
        rtol=0,
        atol=20 * EPSILON * products.max(),  # backward error of the solver
    )


def test_asymmetry_of_rounding_is_averaged() -> None:
    kernel = np.array([[2.0, 1.0 + 1e-12], [1.0 - 1e-12, 2.0]])
    np.testing.assert_allclose(eigendecomposition(kernel).eigenvalues, [3.0, 1.0], rtol=4 * EPSILON)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (np.array([[1.0, 2.0], [0.5, 1.0]]), r"not symmetric: 2 at \(0, 1\) but 0\.5 at \(1, 0\)"),
        (np.array([[1.0, np.nan], [0.0, 1.0]]), r"holds nan at \(0, 1\)"),
        (np.array([[1.0, 0.0], [0.0, np.inf]]), r"holds inf at \(1, 1\)"),
        (np.zeros((0, 0)), r"not empty; its shape is \(0, 0\)"),
        (np.zeros((2, 3)), r"square.*\(2, 3\)"),
        (np.zeros(3), r"shape \(3,\)"),
        (np.array([[1.0, 2.0], [2.0, 1.0]]), r"eigenvalue -1 beside a largest of 3"),
        (np.array([[-1.0]]), r"eigenvalue -1 "),
    ],
)
def test_what_is_no_kernel_is_refused(kernel: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        eigendecomposition(kernel)
