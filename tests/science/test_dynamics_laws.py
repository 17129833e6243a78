"""Laws of linearised training: what must hold for every kernel, every start, every target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.linalg import flow_factors
from ntksim.types import Array, Problem, Solver, Spectrum
from scipy.integrate import solve_ivp

from kernel_problems import features_problem, kernel_problem
from ntksim_builtin.solvers import Eigh, Expm, GradientDescent

INF = float("inf")
SOLVERS = [Eigh(), Expm(), GradientDescent()]
TIMES = np.concatenate([[0.0], np.geomspace(1e-3, 1e2, 40)])
ROUNDING = 1e-13
"""Outputs of order one after a handful of matrix products of five rows."""
seeds = st.integers(0, 2**32)


def random_problem(seed: int, points: int = 5, parameters: int = 8, outputs: int = 1) -> Problem:
    return features_problem(np.random.default_rng(seed), points, parameters, outputs=outputs)[0]


def spectrum(problem: Problem) -> Spectrum:
    assert problem.spectrum is not None
    return problem.spectrum


def train_kernel(problem: Problem) -> Array:
    assert problem.kernels is not None
    kernel = problem.kernels.train.ntk
    assert kernel is not None
    return kernel


def loss(problem: Problem, train: Array) -> Array:
    return 0.5 * ((train - problem.y_train) ** 2).sum(axis=(1, 2))


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_oracle_15_projections_of_labels_keep_their_energy(seed: int) -> None:
    """Parseval: Σ (vᵢᵀ y)² = ‖y‖²."""
    problem = random_problem(seed)
    projections = spectrum(problem).eigenvectors.T @ problem.y_train
    # Orthogonality of the computed eigenvectors, n eps.
    np.testing.assert_allclose(np.sum(projections**2), np.sum(problem.y_train**2), rtol=1e-14)


def test_s4_residual_obeys_its_differential_equation() -> None:
    """ṙ = −K r, integrated by Runge-Kutta."""
    problem = random_problem(0)
    kernel = train_kernel(problem)
    start = (problem.f0_train - problem.y_train)[:, 0]
    times = np.linspace(0, 1, 6)
    path = solve_ivp(
        lambda _, r: -kernel @ r, (0, 1), start, "DOP853", times, rtol=1e-12, atol=1e-13
    ).y.T
    for solver in (Eigh(), Expm()):
        residual = solver.evolve(problem, times).train[:, :, 0] - problem.y_train[:, 0]
        np.testing.assert_allclose(residual, path, rtol=0, atol=1e-10)  # the integrator's tolerance


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_s5_c4_loss_lies_between_its_exponential_bounds(seed: int) -> None:
    """e^{−2λ₁t} L₀ ≤ L_t ≤ e^{−2λ_n t} L₀ with the signs this way round, and L never rises."""
    problem = random_problem(seed)
    values = loss(problem, Eigh().evolve(problem, TIMES).train)
    largest, smallest = spectrum(problem).eigenvalues[[0, -1]]
    # Outputs are stored to eps of the targets: that much is certain of √L, not of L itself.
    size = np.sqrt(values)
    assert (size >= np.exp(-largest * TIMES) * size[0] - ROUNDING).all()
    assert (size <= np.exp(-smallest * TIMES) * size[0] + ROUNDING).all()
    assert (np.diff(size) <= ROUNDING).all()
    # Not vacuous: in the middle the bounds are far apart and the loss touches neither.
    middle = TIMES.searchsorted(1 / largest)
    assert values[middle] < 0.99 * np.exp(-2 * smallest * TIMES[middle]) * values[0]


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_s6_c6_loss_lies_between_bounds_by_the_largest_projection(seed: int) -> None:
    """From f₀ = 0: ½ max aᵢ ≤ L ≤ (n/2) max aᵢ with aᵢ = e^{−2λᵢt} (vᵢᵀ y)²."""
    problem = random_problem(seed)
    problem = replace(problem, f0_train=np.zeros_like(problem.f0_train))
    values = loss(problem, Eigh().evolve(problem, TIMES).train)
    modes = spectrum(problem)
    energies = (modes.eigenvectors.T @ problem.y_train)[:, 0] ** 2
    terms = np.exp(-2 * np.outer(TIMES, modes.eigenvalues)) * energies
    size, largest = np.sqrt(values), terms.max(axis=1)
    np.testing.assert_allclose(size, np.sqrt(0.5 * terms.sum(axis=1)), rtol=0, atol=ROUNDING)
    assert (size >= np.sqrt(0.5 * largest) - ROUNDING).all()
    assert (size <= np.sqrt(0.5 * len(energies) * largest) + ROUNDING).all()
    # The smallest term, as it is sometimes printed, bounds from below and not from above.
    assert values[0] > 0.5 * terms[0].min()


def test_s8_descent_is_stable_below_two_over_the_largest_eigenvalue() -> None:
    problem = random_problem(1)
    largest = float(spectrum(problem).eigenvalues[0])
    late = np.array([1e4 / largest])
    for share, stable in ((0.5, True), (1.99, True), (2.01, False), (2.5, False)):
        evolution = GradientDescent(learning_rate=share / largest).evolve(problem, late)
        assert evolution.diverged is not stable
        bounded = np.isfinite(evolution.train).all() and loss(problem, evolution.train)[0] < 1
        assert bounded == stable


@pytest.mark.parametrize("solver", SOLVERS, ids=Solver.label)
def test_s13_initial_velocity_is_a_sum_over_training_points(solver: Solver) -> None:
    """ẏ*(0) = Σᵢ k(x*, xᵢ) (yᵢ − f₀ᵢ); for descent after its first step."""
    problem = random_problem(2)
    assert problem.kernels is not None
    test_train = problem.kernels.test_train.ntk
    assert test_train is not None
    velocity = test_train @ (problem.y_train - problem.f0_train)
    step = 1e-6
    if isinstance(solver, GradientDescent):
        solver = GradientDescent(learning_rate=step)
    evolution = solver.evolve(problem, np.array([0.0, step]))
    # The next term is step/2 times λ₁ (about 20) times the velocity.
    np.testing.assert_allclose(
        (evolution.test[1] - evolution.test[0]) / step, velocity, rtol=0, atol=1e-3
    )
    assert np.abs(velocity).max() > 1


@pytest.mark.parametrize("solver", SOLVERS, ids=Solver.label)
def test_oracle_19_more_points_than_parameters(solver: Solver) -> None:
    """The residual goes to (I − P) r₀, P the projector on the range of J; inverses of K fail."""
    problem, jacobian, test_jacobian = features_problem(np.random.default_rng(3), 7, 3)
    evolution = solver.evolve(problem, np.array([INF]))
    residual = problem.f0_train - problem.y_train
    step = np.linalg.lstsq(jacobian, -residual)[0]
    np.testing.assert_allclose(
        evolution.train[0] - problem.y_train, residual + jacobian @ step, rtol=0, atol=1e-13
    )
    np.testing.assert_allclose(
        evolution.test[0], problem.f0_test + test_jacobian @ step, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("solver", SOLVERS, ids=Solver.label)
def test_oracle_20_the_change_of_parameters_has_least_norm(solver: Solver) -> None:
    """‖Δθ‖² = r₀ᵀ K⁻¹ r₀: the parameters are outputs whose test kernel is Jᵀ."""
    rng = np.random.default_rng(4)
    jacobian = rng.standard_normal((4, 9))
    problem = kernel_problem(jacobian @ jacobian.T, rng.standard_normal((4, 1)), jacobian.T)
    change = solver.evolve(problem, np.array([INF])).test[0]
    target = problem.y_train
    np.testing.assert_allclose(jacobian @ change, target, rtol=0, atol=1e-13)
    expected = float((target.T @ np.linalg.solve(jacobian @ jacobian.T, target))[0, 0])
    np.testing.assert_allclose(np.sum(change**2), expected, rtol=1e-12)
    np.testing.assert_allclose(change, np.linalg.lstsq(jacobian, target)[0], rtol=0, atol=1e-13)


@pytest.mark.parametrize("solver", [Eigh(), Expm()], ids=Solver.label)
def test_oracle_21_energy_balance(solver: Solver) -> None:
    """L₀ − L_t = ∫₀ᵗ ‖θ̇‖² ds = ∫₀ᵗ rᵀ K r ds, by Gauss-Legendre quadrature."""
    problem = random_problem(5)
    end = 0.3
    nodes, weights = np.polynomial.legendre.leggauss(40)
    times = np.concatenate([[0.0], 0.5 * end * (nodes + 1), [end]])
    train = solver.evolve(problem, times).train
    residual = (train - problem.y_train)[1:-1, :, 0]
    power = np.einsum("tn,nm,tm->t", residual, train_kernel(problem), residual)
    values = loss(problem, train)
    # 40 nodes integrate e^{-2 λ₁ t}, 2 λ₁ t about 15, to rounding.
    np.testing.assert_allclose(values[0] - values[-1], 0.5 * end * weights @ power, rtol=1e-12)


@given(seeds, st.floats(0, 5), st.floats(0, 5))
@settings(max_examples=20, deadline=None)
def test_oracle_22_training_goes_on_from_where_it_is(seed: int, first: float, then: float) -> None:
    """r(t+s) = e^{−Ks} r(t), and G(t+s) = G(t) + e^{−Kt} G(s)."""
    problem = random_problem(seed, points=6, parameters=4)
    whole = Eigh().evolve(problem, np.array([first, first + then]))
    paused = replace(problem, f0_train=whole.train[0], f0_test=whole.test[0])
    resumed = Eigh().evolve(paused, np.array([then]))
    np.testing.assert_allclose(resumed.train[0], whole.train[1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(resumed.test[0], whole.test[1], rtol=0, atol=1e-11)
    factors = flow_factors(spectrum(problem), np.array([first, then, first + then]))
    # λt is at most about 300, and the rounding of it 300 eps.
    np.testing.assert_allclose(
        factors.growth[2],
        factors.growth[0] + factors.residual[0] * factors.growth[1],
        rtol=1e-13,
    )


@pytest.mark.parametrize("solver", SOLVERS, ids=Solver.label)
def test_oracle_23_conflicting_duplicates_meet_at_their_mean(solver: Solver) -> None:
    """Two equal inputs labelled 0 and 1 are predicted as ½, by every solver."""
    kernel = np.array([[1.0, 1.0, 0.2], [1.0, 1.0, 0.2], [0.2, 0.2, 1.0]])
    problem = kernel_problem(kernel, np.array([[0.0], [1.0], [1.0]]), kernel)
    evolution = solver.evolve(problem, np.array([1e2, 1e4, INF]))
    expected = np.broadcast_to([0.5, 0.5, 1.0], (3, 3))
    # The exponential's scaling and squaring moves null modes by eps λ₁ t = 1e-11 at most.
    np.testing.assert_allclose(evolution.train[:, :, 0], expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(evolution.test[:, :, 0], expected, rtol=0, atol=1e-10)


def test_oracle_25_ridge_is_not_early_stopping() -> None:
    """sup |λ/(λ+1/t) − (1 − e^{−λt})| = 0.2036322 at λt = 2.5127."""
    eigenvalues = np.linspace(0.01, 8.0, 800)
    problem = kernel_problem(np.diag(eigenvalues), np.ones((800, 1)))
    stopped = Eigh().evolve(problem, np.array([1.0])).train[0, :, 0]
    ridge = Eigh(ridge=1.0).evolve(problem, np.array([INF])).train[0, :, 0]
    gap = np.abs(ridge - stopped)
    # On a grid of 0.01 a maximum is missed by its curvature times 2e-5.
    assert abs(gap.max() - 0.2036322) < 2e-6
    assert abs(eigenvalues[gap.argmax()] - 2.5127) < 0.0101


def test_oracle_26_readout_only_training_is_gaussian_process_regression() -> None:
    """With K = Σ the process at t = ∞ is the NNGP posterior, mean and covariance."""
    rng = np.random.default_rng(6)
    features = rng.standard_normal((9, 12))
    prior = features @ features.T
    n = 5
    blocks = (prior[:n, :n], prior[n:, :n], prior[n:, n:])
    problem = kernel_problem(blocks[0], rng.standard_normal((n, 2)), blocks[1], nngp=blocks)
    evolution = Eigh().evolve(problem, np.array([INF]))
    gain = np.linalg.solve(blocks[0], blocks[1].T).T
    np.testing.assert_allclose(evolution.test[0], gain @ problem.y_train, rtol=0, atol=1e-13)
    assert evolution.covariance_test is not None
    np.testing.assert_allclose(
        evolution.covariance_test[0], blocks[2] - gain @ blocks[1].T, rtol=0, atol=1e-13
    )


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_mirrored_targets_give_mirrored_outputs(seed: int) -> None:
    """Training is odd in (y, f₀): a sign lost anywhere shows here."""
    problem = random_problem(seed)
    mirrored = replace(
        problem, y_train=-problem.y_train, f0_train=-problem.f0_train, f0_test=-problem.f0_test
    )
    for solver in SOLVERS:
        one, other = solver.evolve(problem, TIMES), solver.evolve(mirrored, TIMES)
        np.testing.assert_array_equal(one.train, -other.train)
        np.testing.assert_array_equal(one.test, -other.test)


@pytest.mark.parametrize("solver", SOLVERS, ids=Solver.label)
def test_outputs_approach_their_targets_and_not_the_other_way(solver: Solver) -> None:
    """On one point, from 0 to a positive target: the output rises towards it."""
    problem = kernel_problem(np.array([[1.0]]), np.array([[2.0]]), np.array([[0.5]]))
    evolution = solver.evolve(problem, np.array([0.0, 1.0, 2.0, INF]))
    assert (np.diff(evolution.train[:, 0, 0]) >= 0).all()
    np.testing.assert_allclose(evolution.train[-1], 2.0, rtol=1e-15)
    np.testing.assert_allclose(evolution.test[-1], 1.0, rtol=1e-15)


def test_order_of_training_points_is_no_matter() -> None:
    problem = random_problem(7, outputs=2)
    assert problem.kernels is not None
    order = np.random.default_rng(0).permutation(5)
    kernel, test_train = train_kernel(problem), problem.kernels.test_train.ntk
    assert test_train is not None
    shuffled = kernel_problem(
        kernel[np.ix_(order, order)],
        problem.y_train[order],
        test_train[:, order],
        problem.f0_train[order],
        problem.f0_test,
    )
    one, other = Eigh().evolve(problem, TIMES), Eigh().evolve(shuffled, TIMES)
    np.testing.assert_allclose(one.train[:, order], other.train, rtol=0, atol=1e-12)
    np.testing.assert_allclose(one.test, other.test, rtol=0, atol=1e-11)
