"""Gradient flow of the linearised network: ``eigh`` and its reference ``expm``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from ntksim.linalg import eigendecomposition
from ntksim.types import KernelBlocks, Kernels, Solver
from scipy.integrate import solve_ivp
from sklearn.kernel_ridge import KernelRidge  # pyright: ignore[reportMissingImports]

from kernel_problems import LinearNetwork, features_problem, kernel_problem, network_problem
from ntksim_builtin.solvers import Eigh, Expm, GradientDescent

INF = float("inf")
FLOWS = [Eigh, Expm]
Flow = type[Eigh] | type[Expm]


@given(
    st.lists(
        st.one_of(st.just(0.0), st.floats(-4, 1).map(lambda e: 10.0**e)), min_size=1, max_size=7
    ),
    st.one_of(st.just(0.0), st.floats(-3, 1).map(lambda e: 10.0**e)),
    st.integers(0, 2**32),
)
# A null eigenvalue that the decomposition by relatively robust representations leaves at 19 ε.
@example([0.1, 0.0, 1.0, 1.0], 0.0, 145)
@settings(max_examples=40, deadline=None)
def test_eigh_and_expm_agree(spectrum: list[float], ridge: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = len(spectrum)
    orthogonal = np.linalg.qr(rng.standard_normal((n, n)))[0]
    jacobian = orthogonal * np.sqrt(spectrum)
    test_jacobian = rng.standard_normal((3, n)) * np.sqrt(spectrum)
    problem = kernel_problem(
        jacobian @ jacobian.T,
        rng.standard_normal((n, 2)),
        test_jacobian @ jacobian.T,
        rng.standard_normal((n, 2)),
        rng.standard_normal((3, 2)),
    )
    times = np.array([0.0, 1e-3, 0.5, 20.0, 1e3, INF])
    one, other = (cls(ridge=ridge).evolve(problem, times) for cls in (Eigh, Expm))
    # Rounding of K (eps * 10) times t = 1e3, or over the smallest eigenvalue 1e-4, with the
    # square root of its condition in the test kernel: a few 1e-11.
    np.testing.assert_allclose(one.train, other.train, rtol=0, atol=1e-10)
    np.testing.assert_allclose(one.test, other.test, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(one.reached, times)
    np.testing.assert_array_equal(other.reached, times)


@pytest.mark.parametrize("cls", FLOWS)
@pytest.mark.parametrize("ridge", [0.0, 0.7])
def test_flow_solves_its_differential_equation(cls: Flow, ridge: float) -> None:
    """Against Runge-Kutta on the parameters themselves, no kernel at all."""
    problem, jacobian, test_jacobian = features_problem(np.random.default_rng(0), 4, 6)
    times = np.array([0.0, 0.05, 0.3, 1.0])
    target, start = problem.y_train[:, 0], problem.f0_train[:, 0]

    def velocity(_: float, theta: np.ndarray) -> np.ndarray:
        return -jacobian.T @ (start + jacobian @ theta - target) - ridge * theta

    path = solve_ivp(velocity, (0, 1), np.zeros(6), "DOP853", times, rtol=1e-12, atol=1e-13).y.T
    evolution = cls(ridge=ridge).evolve(problem, times)
    # The integrator's tolerance, a few times over.
    np.testing.assert_allclose(
        evolution.train[:, :, 0], start + path @ jacobian.T, rtol=0, atol=1e-10
    )
    np.testing.assert_allclose(
        evolution.test[:, :, 0], problem.f0_test[:, 0] + path @ test_jacobian.T, rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("cls", FLOWS)
@pytest.mark.parametrize("ridge", [1e-3, 0.5, 20.0])
def test_infinite_time_is_kernel_ridge_regression(cls: Flow, ridge: float) -> None:
    problem, _, _ = features_problem(np.random.default_rng(1), 6, 9, outputs=3)
    kernels = problem.kernels
    assert kernels is not None
    problem = replace(
        problem, f0_train=np.zeros_like(problem.f0_train), f0_test=np.zeros_like(problem.f0_test)
    )
    # Any real number is meant; the annotation in scikit-learn is too narrow.
    model = KernelRidge(alpha=ridge, kernel="precomputed")  # pyright: ignore[reportArgumentType]
    model.fit(kernels.train.ntk, problem.y_train)
    evolution = cls(ridge=ridge).evolve(problem, np.array([INF]))
    # Condition of K + ridge, below 1e3 here.
    np.testing.assert_allclose(
        evolution.test[0], model.predict(kernels.test_train.ntk), rtol=0, atol=1e-11
    )
    np.testing.assert_allclose(
        evolution.train[0], model.predict(kernels.train.ntk), rtol=0, atol=1e-11
    )


@pytest.mark.parametrize("cls", FLOWS)
def test_full_kernel_couples_outputs(cls: type[Solver]) -> None:
    rng = np.random.default_rng(2)
    n, m, k = 3, 2, 2
    features, test_features = rng.standard_normal((n, k, 9)), rng.standard_normal((m, k, 9))
    problem = kernel_problem(
        np.einsum("nkp,mlp->nkml", features, features),
        rng.standard_normal((n, k)),
        np.einsum("nkp,mlp->nkml", test_features, features),
        rng.standard_normal((n, k)),
        rng.standard_normal((m, k)),
    )
    jacobian, test_jacobian = features.reshape(n * k, 9), test_features.reshape(m * k, 9)
    evolution = cls().evolve(problem, np.array([0.0, INF]))
    residual = (problem.y_train - problem.f0_train).ravel()
    step = np.linalg.lstsq(jacobian, residual)[0]  # the least-norm change of parameters
    np.testing.assert_allclose(evolution.train[1], problem.y_train, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        evolution.test[1],
        problem.f0_test + (test_jacobian @ step).reshape(m, k),
        rtol=0,
        atol=1e-11,
    )
    np.testing.assert_array_equal(evolution.test[0], problem.f0_test)


@pytest.mark.parametrize("cls", FLOWS)
def test_independent_outputs_need_one_shared_kernel_only(cls: type[Solver]) -> None:
    """The kernel of an infinitely wide network with K outputs is K ⊗ I."""
    problem, _, _ = features_problem(np.random.default_rng(3), 5, 8, outputs=2)
    assert problem.kernels is not None
    train, test_train = problem.kernels.train.ntk, problem.kernels.test_train.ntk
    assert train is not None
    assert test_train is not None
    full_train, full_test = (
        np.einsum("nm,kl->nkml", kernel, np.eye(2)) for kernel in (train, test_train)
    )
    full = replace(
        problem,
        kernels=KernelBlocks(Kernels(ntk_full=full_train), Kernels(ntk_full=full_test)),
        spectrum=eigendecomposition(full_train),
    )
    times = np.array([0.1, 2.0, INF])
    one, other = cls().evolve(problem, times), cls().evolve(full, times)
    np.testing.assert_allclose(one.train, other.train, rtol=0, atol=1e-12)
    np.testing.assert_allclose(one.test, other.test, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cls", FLOWS)
def test_one_point_no_test_points(cls: type[Solver]) -> None:
    problem = kernel_problem(np.array([[2.0]]), np.array([[3.0, -1.0]]))
    evolution = cls().evolve(problem, np.array([0.0, 0.5, INF]))
    expected = np.array([3.0, -1.0]) * np.array([[0.0], [1 - np.exp(-1.0)], [1.0]])
    np.testing.assert_allclose(evolution.train[:, 0], expected, rtol=1e-14, atol=1e-15)
    assert evolution.test.shape == (3, 0, 2)


@pytest.mark.parametrize("cls", FLOWS)
def test_nothing_to_learn(cls: type[Solver]) -> None:
    problem, _, _ = features_problem(np.random.default_rng(4), 3, 5)
    problem = replace(problem, y_train=problem.f0_train)
    evolution = cls().evolve(problem, np.array([0.0, 1.0, INF]))
    for values, start in ((evolution.train, problem.f0_train), (evolution.test, problem.f0_test)):
        np.testing.assert_array_equal(values, np.broadcast_to(start, values.shape))


@pytest.mark.parametrize("cls", FLOWS)
def test_zero_kernel_moves_nothing(cls: type[Solver]) -> None:
    problem = kernel_problem(np.zeros((2, 2)), np.ones((2, 1)), np.zeros((1, 2)))
    evolution = cls().evolve(problem, np.array([0.0, 1.0, INF]))
    np.testing.assert_array_equal(evolution.train, 0.0)
    np.testing.assert_array_equal(evolution.test, 0.0)


@pytest.mark.parametrize("cls", FLOWS)
def test_sizes_of_the_problem_are_checked(cls: type[Solver]) -> None:
    problem, _, _ = features_problem(np.random.default_rng(5), 3, 5)
    with pytest.raises(ValueError, match="no kernels"):
        cls().evolve(replace(problem, kernels=None), np.array([1.0]))
    empty = KernelBlocks(Kernels(), Kernels())
    with pytest.raises(ValueError, match="no tangent kernel"):
        cls().evolve(replace(problem, kernels=empty), np.array([1.0]))
    with pytest.raises(ValueError, match=r"\(3, 3\) and \(4, 3\) do not fit .* \(2, 1\)"):
        cls().evolve(replace(problem, y_train=np.ones((2, 1))), np.array([1.0]))


def test_eigh_wants_the_spectrum_of_its_kernel() -> None:
    problem, _, _ = features_problem(np.random.default_rng(6), 3, 5)
    with pytest.raises(ValueError, match="no spectrum"):
        Eigh().evolve(replace(problem, spectrum=None), np.array([1.0]))
    with pytest.raises(ValueError, match="2 modes but the training kernel 3 rows"):
        Eigh().evolve(replace(problem, spectrum=eigendecomposition(np.eye(2))), np.array([1.0]))


@pytest.mark.parametrize("solver", [Eigh(), GradientDescent()], ids=Solver.label)
def test_parameters_rest_where_more_points_than_parameters_leave_a_residual(
    solver: Solver,
) -> None:
    """Null modes have Jᵀ v = 0: however late, they move no parameter."""
    rng = np.random.default_rng(8)
    x, targets = rng.standard_normal((6, 3)), rng.standard_normal((6, 1))
    problem = network_problem(LinearNetwork((3,), 1), 1, x, targets, x[:0])
    problem = replace(problem, extras=frozenset({"parameters"}))
    evolution = solver.evolve(problem, np.array([1e3, 1e12, 1e15, INF]))
    assert evolution.parameters is not None
    solution = np.linalg.lstsq(x, targets)[0]
    for params in evolution.parameters:
        np.testing.assert_allclose(params["theta"], solution, rtol=0, atol=1e-13)


class TestVariance:
    times = np.array([0.0, 0.4, INF])

    @staticmethod
    def problem(zero_initial_output: bool = False):
        rng = np.random.default_rng(7)
        prior_features, rest = rng.standard_normal((7, 10)), rng.standard_normal((7, 10))
        prior = prior_features @ prior_features.T
        tangent = prior + rest @ rest.T
        n = 4
        return (
            kernel_problem(
                tangent[:n, :n],
                rng.standard_normal((n, 2)),
                tangent[n:, :n],
                nngp=(prior[:n, :n], prior[n:, :n], prior[n:, n:]),
                zero_initial_output=zero_initial_output,
            ),
            prior[n:, n:],
        )

    def test_starts_at_the_prior_with_noise(self) -> None:
        problem, prior = self.problem()
        evolution = Eigh(output_noise=0.5).evolve(problem, self.times)
        assert evolution.variance_test is not None
        assert evolution.covariance_test is not None
        np.testing.assert_allclose(
            evolution.covariance_test[0], prior + 0.5 * np.eye(3), rtol=0, atol=1e-13
        )
        np.testing.assert_allclose(
            evolution.variance_test,
            np.diagonal(evolution.covariance_test, axis1=1, axis2=2),
            rtol=0,
            atol=1e-13,
        )

    def test_is_given_where_it_is_asked_for(self) -> None:
        problem, _ = self.problem()
        only = Eigh().evolve(replace(problem, extras=frozenset({"variance"})), self.times)
        assert only.covariance_test is None
        assert only.variance_test is not None
        assert only.variance_test.shape == (3, 3)
        other = Eigh().evolve(replace(problem, extras=frozenset({"covariance"})), self.times)
        assert other.variance_test is None
        assert other.covariance_test is not None
        neither = Eigh().evolve(replace(problem, extras=frozenset()), self.times)
        assert neither.variance_test is None
        assert neither.covariance_test is None

    def test_networks_that_start_at_zero_do_not_differ(self) -> None:
        problem, _ = self.problem(zero_initial_output=True)
        evolution = Eigh(output_noise=0.1).evolve(problem, self.times)
        np.testing.assert_array_equal(evolution.variance_test, np.full((3, 3), 0.1))

    def test_needs_the_prior(self) -> None:
        problem, _ = self.problem()
        assert problem.kernels is not None
        without = replace(problem, kernels=replace(problem.kernels, test=None))
        with pytest.raises(ValueError, match="test block"):
            Eigh().evolve(without, self.times)


@pytest.mark.parametrize(
    ("solver", "label"),
    [
        (Eigh(), "eigh"),
        (Eigh(ridge=0.01), "eigh-ridge-0.01"),
        (Eigh(ridge=1.0, output_noise=1e-3), "eigh-ridge-1-output-noise-0.001"),
        (Eigh(ridge=0.12345678901), "eigh-ridge-0.12345678901"),
        (Expm(), "expm"),
        (Expm(ridge=2.5), "expm-ridge-2.5"),
    ],
)
def test_labels_tell_options_apart(solver: Solver, label: str) -> None:
    assert solver.label() == label
