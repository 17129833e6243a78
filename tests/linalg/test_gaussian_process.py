from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.linalg import (
    eigendecomposition,
    flatten_kernel,
    flow_factors,
    predictive_covariance,
    predictive_variance,
    prior_factor,
    project,
    trajectories as trajectories_module,
)

INF = float("inf")
TIMES = np.array([0.0, 0.05, 0.7, 10.0, INF])


def random_process(seed: int, n: int = 6, m: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """A tangent kernel and a prior covariance on n training points, then m test points."""
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((2, n + m, n + m + 3))
    prior = first @ first.T
    return prior + second @ second.T, prior


def evolve(tangent, prior, n, times, ridge=0.0, noise=0.0):
    spectrum = eigendecomposition(tangent[:n, :n])
    factor = prior_factor(prior[:n, :n], prior[n:, :n], prior[n:, n:])
    growth = flow_factors(spectrum, times, ridge).growth
    arguments = (spectrum, project(spectrum, tangent[n:, :n]), growth, factor, noise)
    return predictive_variance(*arguments), predictive_covariance(*arguments)


def four_terms(tangent, prior, n, time, ridge):
    """The covariance as the literature writes it, G from numpy's eigenvectors."""
    values, vectors = np.linalg.eigh(tangent[:n, :n] + ridge * np.eye(n))
    saturation = 1 / values if np.isinf(time) else (1 - np.exp(-values * time)) / values
    z = tangent[n:, :n] @ (vectors * saturation) @ vectors.T
    cross = z @ prior[:n, n:]
    return prior[n:, n:] - cross - cross.T + z @ prior[:n, :n] @ z.T


@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_covariance_is_the_sum_of_its_four_terms(ridge: float) -> None:
    tangent, prior = random_process(0)
    variance, covariance = evolve(tangent, prior, 6, TIMES, ridge)
    for index, time in enumerate(TIMES):
        expected = four_terms(tangent, prior, 6, time, ridge)
        # The four terms are of size 20 and the kernel's condition about 100.
        np.testing.assert_allclose(covariance[index], expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(variance[index], np.diagonal(expected), rtol=0, atol=1e-12)


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_covariance_is_symmetric_and_positive(seed: int) -> None:
    tangent, prior = random_process(seed)
    variance, covariance = evolve(tangent, prior, 6, TIMES)
    np.testing.assert_array_equal(covariance, covariance.transpose(0, 2, 1))
    smallest = np.linalg.eigvalsh(covariance)[:, 0]
    # Rounding of the eigenvalue solver that judges, not of the covariance.
    assert (smallest >= -1e-14 * np.abs(covariance).max()).all()
    assert (variance >= 0).all()


def test_oracle_26_trained_readout_is_gaussian_process_regression() -> None:
    """With only the read-out trained K = Σ: at t = ∞ the process is the NNGP posterior."""
    _, prior = random_process(1)
    _, covariance = evolve(prior, prior, 6, np.array([INF]))
    posterior = prior[6:, 6:] - prior[6:, :6] @ np.linalg.solve(prior[:6, :6], prior[:6, 6:])
    np.testing.assert_allclose(covariance[0], posterior, rtol=0, atol=1e-12)  # condition about 100


def test_linear_networks_with_random_parameters() -> None:
    """f = Jθ, θ ~ N(0, I), trained to time t: the covariance of J* θ_t in closed form."""
    rng = np.random.default_rng(2)
    jacobian, test_jacobian = rng.standard_normal((4, 7)), rng.standard_normal((3, 7))
    features = np.vstack([jacobian, test_jacobian])
    kernel = features @ features.T
    _, covariance = evolve(kernel, kernel, 4, np.array([0.3]))
    # theta_t = e^{-J'J t} theta_0 + (what depends on y)
    values, vectors = np.linalg.eigh(jacobian.T @ jacobian)
    left = (vectors * np.exp(-0.3 * values)) @ vectors.T
    moved = test_jacobian @ left
    np.testing.assert_allclose(covariance[0], moved @ moved.T, rtol=0, atol=1e-13)


def test_training_points_lose_their_variance_to_the_last_digit() -> None:
    tangent, prior = random_process(3, m=6)
    n = 6
    tangent[n:, :n] = tangent[:n, :n]  # the test points are the training points
    prior = np.tile(prior[:n, :n], (2, 2))
    variance, covariance = evolve(tangent, prior, n, np.array([0.0, INF]))
    np.testing.assert_allclose(covariance[0], prior[:n, :n], rtol=0, atol=1e-13)
    assert variance[1].max() <= 1e-24 * prior.max()  # a square of eps times the condition


def test_noise_is_on_the_output_only() -> None:
    tangent, prior = random_process(4)
    variance, covariance = evolve(tangent, prior, 6, TIMES)
    noisy_variance, noisy_covariance = evolve(tangent, prior, 6, TIMES, noise=0.25)
    np.testing.assert_array_equal(noisy_variance, variance + 0.25)
    np.testing.assert_allclose(noisy_covariance, covariance + 0.25 * np.eye(4), rtol=0, atol=1e-15)


def test_many_times_share_few_functions() -> None:
    """200 times of 6 modes go through at most 6 functions of time; one by one through none."""
    tangent, prior = random_process(5)
    times = np.concatenate([[0.0], np.geomspace(1e-3, 1e4, 198), [INF]])
    variance, covariance = evolve(tangent, prior, 6, times)
    for index in (0, 1, 77, 150, 199):
        one_variance, one_covariance = evolve(tangent, prior, 6, times[[index]])
        np.testing.assert_allclose(variance[[index]], one_variance, rtol=0, atol=1e-12)
        np.testing.assert_allclose(covariance[[index]], one_covariance, rtol=0, atol=1e-12)


def test_blocks_of_columns_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tangent, prior = random_process(6)
    whole = evolve(tangent, prior, 6, TIMES)
    monkeypatch.setattr(trajectories_module, "BLOCK", 100)  # three columns of 5 times, 4 points
    pieces = evolve(tangent, prior, 6, TIMES)
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)  # order of summation


def test_outputs_that_share_a_kernel_are_the_full_kernel_of_independent_ones() -> None:
    n, tangent_and_prior = 6, random_process(7)
    tangent, prior = tangent_and_prior
    shared_variance, shared_covariance = evolve(tangent, prior, n, TIMES)
    full = np.einsum("nm,kl->nkml", tangent, np.eye(3))
    spectrum = eigendecomposition(full[:n, :, :n])
    projection = project(spectrum, flatten_kernel(full[n:, :, :n]))
    growth = flow_factors(spectrum, TIMES).growth
    factor = prior_factor(prior[:n, :n], prior[n:, :n], prior[n:, n:])
    arguments = (spectrum, projection, growth, factor)
    np.testing.assert_allclose(predictive_variance(*arguments), shared_variance, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        predictive_covariance(*arguments), shared_covariance, rtol=0, atol=1e-12
    )


def test_coupled_outputs_give_the_mean_of_their_covariances() -> None:
    rng = np.random.default_rng(8)
    n, m, k = 3, 2, 2
    features = rng.standard_normal(((n + m) * k, 12))
    tangent = (features @ features.T).reshape(n + m, k, n + m, k)
    _, prior = random_process(9, n, m)
    spectrum = eigendecomposition(tangent[:n, :, :n])
    projection = project(spectrum, flatten_kernel(tangent[n:, :, :n]))
    growth = flow_factors(spectrum, TIMES).growth
    factor = prior_factor(prior[:n, :n], prior[n:, :n], prior[n:, n:])
    covariance = predictive_covariance(spectrum, projection, growth, factor)
    flat_tangent = tangent.reshape((n + m) * k, (n + m) * k)
    flat_prior = np.kron(prior, np.eye(k))
    for index, time in enumerate(TIMES):
        coupled = four_terms(flat_tangent, flat_prior, n * k, time, 0.0).reshape(m, k, m, k)
        expected = np.einsum("ikjk->ij", coupled) / k
        np.testing.assert_allclose(covariance[index], expected, rtol=0, atol=1e-10)  # condition 1e3


def test_no_test_points() -> None:
    tangent, prior = random_process(10, m=0)
    variance, covariance = evolve(tangent, prior, 6, TIMES)
    assert variance.shape == (5, 0)
    assert covariance.shape == (5, 0, 0)


@pytest.mark.parametrize("times", [np.array([0.0]), np.array([0.0, 0.0]), np.array([])])
def test_nothing_has_moved_at_time_zero(times: np.ndarray) -> None:
    tangent, prior = random_process(11)
    _, covariance = evolve(tangent, prior, 6, times)
    expected = np.broadcast_to(prior[6:, 6:], (len(times), 4, 4))
    np.testing.assert_allclose(covariance, expected, rtol=0, atol=1e-13)


def test_blocks_that_form_no_covariance_are_refused() -> None:
    with pytest.raises(ValueError, match="positive semi-definite"):
        prior_factor(np.eye(2), np.array([[2.0, 0.0]]), np.eye(1))
