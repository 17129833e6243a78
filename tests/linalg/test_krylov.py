from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.linalg import (
    KrylovSpace,
    SpectralPreconditioner,
    conjugate_gradients,
    eigendecomposition,
    expanded,
    flow_factors,
    krylov_flow,
    predicted_outputs,
    training_outputs,
)

INF = float("inf")
EPSILON = float(np.finfo(float).eps)
TIMES = np.concatenate([[0.0], np.geomspace(1e-2, 1e4, 13), [INF]])


def kernel(eigenvalues: np.ndarray, seed: int = 0) -> np.ndarray:
    n = len(eigenvalues)
    vectors, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))
    matrix = (vectors * eigenvalues) @ vectors.T
    return 0.5 * (matrix + matrix.T)


SPECTRA = {
    "random": np.sort(np.random.default_rng(3).uniform(0.1, 10, 60))[::-1],
    "power law": 10.0 * np.arange(1, 61) ** -2.0,
    "clustered": np.repeat([10.0, 1.0, 0.1], 20),
    "singular": np.concatenate([np.geomspace(10, 0.1, 40), np.zeros(20)]),
    "ill-conditioned": np.geomspace(10, 1e-6, 60),
    "zero": np.zeros(60),
    "identity": np.ones(60),
}


def space_of(matrix: np.ndarray, residual: np.ndarray, steps: int) -> KrylovSpace:
    space = KrylovSpace(lambda v: matrix @ v, residual)
    for _ in range(steps):
        if space.is_complete:
            break
        space.grow()
    return space


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("steps", [1, 3, 100])
def test_the_space_obeys_its_recurrence(name: str, steps: int) -> None:
    """K Qᵀ = Qᵀ T + Q′ᵀ C Eᵀ, with Q orthonormal and R in its span."""
    matrix = kernel(SPECTRA[name])
    residual = np.random.default_rng(1).standard_normal((60, 4))
    space = space_of(matrix, residual, steps)
    basis = space.basis
    # Twice orthogonalised: a few units of rounding for each of 60 numbers.
    np.testing.assert_allclose(basis @ basis.T, np.eye(space.size), atol=100 * EPSILON)
    np.testing.assert_allclose(basis.T @ space.start, residual, atol=100 * EPSILON)
    left = matrix @ basis.T - basis.T @ space.projected
    scale = max(SPECTRA[name][0], 1e-300)
    rest = left.copy()
    rest[:, space.last] = 0.0
    assert np.abs(rest).max() <= 60 * EPSILON * scale
    missed = np.linalg.norm(left[:, space.last])
    # What is dropped is below n eps of the largest eigenvalue.
    assert abs(missed - np.linalg.norm(space.coupling)) <= 240 * EPSILON * scale
    if steps == 100:
        assert space.is_complete
        assert missed <= 240 * EPSILON * scale


def test_columns_that_depend_on_each_other_make_a_smaller_block() -> None:
    rng = np.random.default_rng(2)
    residual = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 5))
    space = space_of(kernel(np.linspace(2, 1, 30)), residual, 1)
    assert space.size == 2
    np.testing.assert_allclose(space.basis.T @ space.start, residual, atol=1e-14)


def test_an_eigenvector_is_a_space_of_its_own() -> None:
    matrix = np.diag([3.0, 2.0, 1.0])
    space = space_of(matrix, np.array([[0.0], [1.0], [0.0]]), 5)
    assert space.size == 1
    assert space.is_complete
    np.testing.assert_allclose(space.ritz().eigenvalues, [2.0], rtol=4 * EPSILON)


def test_the_same_vectors_give_the_same_space() -> None:
    matrix, residual = kernel(SPECTRA["random"]), np.random.default_rng(4).standard_normal((60, 2))
    first, second = (space_of(matrix, residual, steps) for steps in (4, 9))
    np.testing.assert_array_equal(first.basis, second.basis[: first.size])


def test_a_kernel_with_negative_eigenvalues_is_refused() -> None:
    space = space_of(np.diag([2.0, 1.0, -1.0]), np.ones((3, 1)), 3)
    with pytest.raises(ValueError, match="none below 0"):
        space.ritz()


def exact(matrix: np.ndarray, residual: np.ndarray, ridge: float):
    """Residuals y − f and weights a at all times by the eigendecomposition; and it."""
    spectrum = eigendecomposition(matrix)
    factors = flow_factors(spectrum, TIMES, ridge)
    zero = np.zeros_like(residual)
    remaining = training_outputs(spectrum, factors, zero, residual)
    weights = predicted_outputs(spectrum, spectrum.eigenvectors, factors, residual, zero, zero)
    return remaining, weights, spectrum


@pytest.mark.parametrize("name", [name for name in SPECTRA if name != "ill-conditioned"])
@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_a_complete_space_solves_exactly(name: str, ridge: float) -> None:
    matrix = kernel(SPECTRA[name])
    residual = np.random.default_rng(5).standard_normal((60, 3))
    space = space_of(matrix, residual, 100)
    flow = krylov_flow(space, TIMES, ridge)
    remaining, weights, _ = exact(matrix, residual, ridge)
    found, its = (
        np.tensordot(*expanded(space, flow, factors), axes=1)
        for factors in (flow.factors.residual, flow.factors.growth)
    )
    # Rounding of K times t, at most 1e4, for modes that are not at rest by then: eps 10 / 0.1.
    np.testing.assert_allclose(found, remaining, rtol=0, atol=1e-11)
    np.testing.assert_allclose(matrix @ its, matrix @ weights, rtol=0, atol=1e-10)


@given(
    st.sampled_from(sorted(SPECTRA)),
    st.integers(1, 30),
    st.sampled_from([0.0, 1e-3, 0.5]),
    st.integers(0, 2**32),
)
@settings(max_examples=40, deadline=None)
def test_the_bounds_are_above_the_errors(name: str, steps: int, ridge: float, seed: int) -> None:
    """However small the space: residuals in the norm of all points, weights in that of K."""
    matrix = kernel(SPECTRA[name], seed % 7)
    residual = np.random.default_rng(seed).standard_normal((60, 3))
    space = space_of(matrix, residual, steps)
    flow = krylov_flow(space, TIMES, ridge)
    remaining, weights, spectrum = exact(matrix, residual, ridge)
    found, its = (
        np.tensordot(*expanded(space, flow, factors), axes=1)
        for factors in (flow.factors.residual, flow.factors.growth)
    )
    error = np.linalg.norm(found - remaining, axis=(1, 2))
    roots = np.sqrt(spectrum.eigenvalues)[:, None]
    energy = np.linalg.norm(roots * (spectrum.eigenvectors.T @ (its - weights)), axis=(1, 2))
    # The smallest eigenvalue, by which late times are bounded, is an estimate that a space this
    # small may miss by more than the factor that is allowed for: finite times up to where it
    # matters are certain, later ones where the space has seen the smallest eigenvalue.
    awake = spectrum.eigenvalues[spectrum.eigenvalues > spectrum.null_tolerance]
    known = flow.smallest <= max(ridge, float(awake.min(initial=INF)) + ridge)
    certain = np.full(len(TIMES), known) | ((1 / flow.smallest if flow.smallest else INF) >= TIMES)
    # The reference itself has rounding of K times t, and a times the square root of eps λ₁.
    slack = 1e-13 * (1 + spectrum.eigenvalues[0] * np.linalg.norm(weights, axis=(1, 2)))
    assert (error <= flow.error_train + slack)[certain].all()
    assert (energy <= flow.error_energy + slack)[certain].all()
    assert flow.error_train[0] == flow.error_energy[0] == 0


def test_the_bounds_are_not_far_above_the_errors() -> None:
    """A bound that is useful: within a factor of 100 while the error is above rounding."""
    matrix = kernel(SPECTRA["power law"])
    residual = np.random.default_rng(6).standard_normal((60, 2))
    space = space_of(matrix, residual, 8)
    flow = krylov_flow(space, TIMES)
    remaining, _, _ = exact(matrix, residual, 0.0)
    found = np.tensordot(*expanded(space, flow, flow.factors.residual), axes=1)
    error = np.linalg.norm(found - remaining, axis=(1, 2))
    above = (error > 1e-9) & (TIMES <= 300)
    assert above.sum() >= 4
    assert (flow.error_train[above] <= 100 * error[above]).all()


@pytest.mark.parametrize("known", [0, 5, 60])
def test_conjugate_gradients_solve_all_columns(known: int) -> None:
    matrix = kernel(SPECTRA["random"])
    spectrum = eigendecomposition(matrix)
    targets = np.random.default_rng(7).standard_normal((60, 3))
    targets[:, 1] = 0.0
    preconditioner = SpectralPreconditioner(
        spectrum.eigenvectors[:, :known], spectrum.eigenvalues[:known]
    )
    start = np.zeros_like(targets)
    found = conjugate_gradients(
        lambda v: matrix @ v, targets, start, preconditioner.apply, 1e-10, 200
    )
    assert np.linalg.norm(found.residual) <= 1e-10
    np.testing.assert_array_equal(found.residual, targets - matrix @ found.solution)
    np.testing.assert_array_equal(found.solution[:, 1], 0.0)
    if known == 60:  # the preconditioner is the inverse, but for a factor
        assert found.products <= 4


def test_known_eigenvectors_save_products() -> None:
    matrix = kernel(np.concatenate([np.geomspace(1e4, 10, 20), np.linspace(2, 1, 40)]))
    spectrum = eigendecomposition(matrix)
    targets = np.random.default_rng(8).standard_normal((60, 1))
    used = []
    for known in (0, 20):
        preconditioner = SpectralPreconditioner(
            spectrum.eigenvectors[:, :known], spectrum.eigenvalues[:known]
        )
        found = conjugate_gradients(
            lambda v: matrix @ v, targets, 0 * targets, preconditioner.apply, 1e-8, 500
        )
        assert np.linalg.norm(found.residual) <= 1e-8
        used.append(found.products)
    assert used[1] < 0.6 * used[0]


def test_conjugate_gradients_stop_where_they_are_told_to_or_get_no_further() -> None:
    matrix = kernel(np.geomspace(1, 1e-14, 60))
    targets = np.random.default_rng(9).standard_normal((60, 1))
    calls = 0

    def product(vectors: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        return matrix @ vectors

    few = conjugate_gradients(product, targets, 0 * targets, np.copy, 1e-12, 7)
    assert few.products == calls <= 7
    assert np.linalg.norm(few.residual) > 1e-12
    calls = 0
    lost = conjugate_gradients(product, targets, 0 * targets, np.copy, 1e-14, 2000)
    assert lost.products == calls
    np.testing.assert_array_equal(lost.residual, targets - matrix @ lost.solution)
