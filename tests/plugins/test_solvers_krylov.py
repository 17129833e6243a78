"""Gradient flow by products with the kernel, and by an integrator."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.linalg import MatrixOperator
from ntksim.types import Array, Evolution, KernelOperator, KernelOperators, Problem

from kernel_problems import kernel_problem
from ntksim_builtin.solvers import Eigh, Krylov, Ode

INF = float("inf")
TIMES = np.concatenate([[0.0], np.geomspace(1e-2, 1e3, 9), [INF]])


@dataclass(eq=False)
class Counted(KernelOperator):
    """Products only, and how often each was asked for."""

    matrix: Array

    def __post_init__(self) -> None:
        self.shape = (self.matrix.shape[0], self.matrix.shape[1])
        self.calls: list[int] = []

    def matmul(self, vectors: Array) -> Array:
        self.calls.append(vectors.shape[1])
        return self.matrix @ vectors


def problem_of(eigenvalues: np.ndarray, seed: int = 0, outputs: int = 2, tests: int = 5) -> Problem:
    """A linear network's problem with a kernel as matrix and as operator."""
    rng = np.random.default_rng(seed)
    n = len(eigenvalues)
    vectors, _ = np.linalg.qr(rng.standard_normal((n, n)))
    jacobian = vectors * np.sqrt(eigenvalues)
    test_jacobian = rng.standard_normal((tests, n)) * np.sqrt(eigenvalues)
    train = jacobian @ jacobian.T
    problem = kernel_problem(
        0.5 * (train + train.T),
        rng.standard_normal((n, outputs)),
        test_jacobian @ jacobian.T,
        rng.standard_normal((n, outputs)),
        rng.standard_normal((tests, outputs)),
    )
    assert problem.kernels is not None
    assert problem.kernels.train.ntk is not None
    assert problem.kernels.test_train.ntk is not None
    operators = KernelOperators(
        Counted(problem.kernels.train.ntk),
        MatrixOperator(problem.kernels.test_train.ntk),
        np.vecdot(test_jacobian, test_jacobian),
    )
    return replace(problem, operators=operators)


def without_matrix(problem: Problem) -> Problem:
    return replace(problem, kernels=None, spectrum=None)


def errors(found: Evolution, exact: Evolution) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square over training points, and largest at a test point."""
    train = np.sqrt(np.mean(np.sum((found.train - exact.train) ** 2, axis=2), axis=1))
    test = np.linalg.norm(found.test - exact.test, axis=2).max(axis=1)
    return train, test


SPECTRA = {
    "random": np.sort(np.random.default_rng(1).uniform(0.1, 10, 150))[::-1],
    "power law": 100.0 * np.arange(1, 151) ** -2.0,
    "clustered": np.repeat([10.0, 1.0, 0.1], 50),
    "singular": np.concatenate([np.geomspace(10, 0.1, 100), np.zeros(50)]),
    "ill-conditioned": np.geomspace(10, 1e-7, 150),
}


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("ridge", [0.0, 0.1])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-6])
def test_outputs_are_those_of_eigh_to_the_tolerance(
    name: str, ridge: float, tolerance: float
) -> None:
    problem = problem_of(SPECTRA[name])
    found = Krylov(tolerance=tolerance, ridge=ridge).evolve(without_matrix(problem), TIMES)
    exact = Eigh(ridge=ridge).evolve(problem, TIMES)
    scale = np.linalg.norm(problem.y_train - problem.f0_train) / np.sqrt(150)
    assert found.error_train is not None
    assert found.error_test is not None
    reached = ~np.isnan(found.reached)
    assert reached[:8].all()
    if name != "ill-conditioned" or ridge > 0:
        assert reached.all()
        assert found.note == ""
    for error, bound in zip(
        errors(found, exact), (found.error_train, found.error_test), strict=True
    ):
        assert (bound[reached] <= tolerance * scale).all()
        # The reference rounds as well: eps times K, t or 1/lambda, and a target of size 1.
        assert (error[reached] <= bound[reached] + 1e-11).all()
    assert np.isnan(found.train[~reached]).all()
    assert np.isnan(found.test[~reached]).all()
    np.testing.assert_array_equal(found.train[0], problem.f0_train)


@given(st.integers(0, 2**32), st.floats(-5, 1), st.floats(-9, -2))
@settings(max_examples=15, deadline=None)
def test_no_output_is_further_off_than_its_bound(
    seed: int, smallest: float, tolerance: float
) -> None:
    eigenvalues = np.sort(10.0 ** np.random.default_rng(seed).uniform(smallest, 1, 60))[::-1]
    problem = problem_of(eigenvalues, seed)
    found = Krylov(tolerance=10.0**tolerance, ridge=1e-3).evolve(problem, TIMES)
    exact = Eigh(ridge=1e-3).evolve(problem, TIMES)
    reached = ~np.isnan(found.reached)
    train, test = errors(found, exact)
    assert found.error_train is not None
    assert found.error_test is not None
    assert (train[reached] <= found.error_train[reached] + 1e-11).all()
    assert (test[reached] <= found.error_test[reached] + 1e-11).all()


def test_the_kernel_is_seen_through_few_products_only() -> None:
    """No matrix is there, and all products together have fewer columns than a matrix would."""
    eigenvalues = np.concatenate([np.geomspace(1e3, 10, 20), np.linspace(2, 1, 380)])
    problem = without_matrix(problem_of(eigenvalues))
    found = Krylov(tolerance=1e-4).evolve(problem, TIMES)
    assert not np.isnan(found.reached).any()
    assert problem.operators is not None
    kernel = problem.operators.train
    assert isinstance(kernel, Counted)
    assert sum(kernel.calls) < 120  # of 400
    assert max(kernel.calls) <= 2 * 2  # the two outputs, and two times at which they are checked


def test_the_limit_goes_on_with_conjugate_gradients() -> None:
    """A space of at most 60 vectors is not enough for t = ∞, and the limit is still had."""
    eigenvalues = np.concatenate([np.geomspace(1e4, 20, 10), np.linspace(3, 1, 290)])
    problem = problem_of(eigenvalues)
    times = np.array([0.0, 1e-3, INF])
    few = Krylov(tolerance=1e-7, max_vectors=16)
    found = few.evolve(problem, times)
    exact = Eigh().evolve(problem, times)
    assert not np.isnan(found.reached).any()
    train, test = errors(found, exact)
    scale = np.linalg.norm(problem.y_train - problem.f0_train) / np.sqrt(300)
    assert train.max() <= 1e-7 * scale
    assert test.max() <= 1e-7 * scale
    stopped = replace(few, max_products=9).evolve(problem, times)
    assert np.isnan(stopped.reached[2])
    assert not np.isnan(stopped.reached[:2]).any()


def test_what_is_not_certain_is_not_returned() -> None:
    problem = problem_of(SPECTRA["ill-conditioned"])
    found = Krylov(max_products=3).evolve(problem, TIMES)
    late = np.isnan(found.reached)
    assert late[-1]
    assert not late[0]
    assert np.isnan(found.test[late]).all()
    assert f"not certain at {late.sum()} of {len(TIMES)} times" in found.note
    assert "3 products" in found.note


def test_a_wrong_operator_is_found_out() -> None:
    """Products that do not belong to one symmetric matrix: the check multiplies the bound."""

    class Drifting(Counted):
        def matmul(self, vectors: Array) -> Array:
            return super().matmul(vectors) * (1 + 1e-3 * len(self.calls))

    problem = problem_of(SPECTRA["random"])
    assert problem.operators is not None
    kernel = problem.operators.train
    assert isinstance(kernel, Counted)
    drifting = replace(problem.operators, train=Drifting(kernel.matrix))
    found = Krylov().evolve(replace(problem, operators=drifting), TIMES)
    assert np.isnan(found.reached[1:]).any()


def test_full_kernels_couple_outputs() -> None:
    problem = problem_of(SPECTRA["random"], outputs=1)
    assert problem.kernels is not None
    assert problem.kernels.train.ntk is not None
    assert problem.kernels.test_train.ntk is not None
    coupled = kernel_problem(
        problem.kernels.train.ntk.reshape(50, 3, 50, 3),
        problem.y_train.reshape(50, 3),
        problem.kernels.test_train.ntk[:3].reshape(1, 3, 50, 3),
        problem.f0_train.reshape(50, 3),
        problem.f0_test[:3].reshape(1, 3),
    )
    assert problem.operators is not None
    operators = KernelOperators(
        problem.operators.train,
        MatrixOperator(problem.kernels.test_train.ntk[:3]),
        problem.operators.test_diagonal[:3],
    )
    found = Krylov(tolerance=1e-9).evolve(replace(coupled, operators=operators), TIMES)
    exact = Eigh().evolve(coupled, TIMES)
    np.testing.assert_allclose(found.test, exact.test, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.train, exact.train, rtol=0, atol=1e-8)


def test_a_kernel_that_does_not_fit_is_refused() -> None:
    problem = problem_of(SPECTRA["random"])
    with pytest.raises(ValueError, match="no kernel operator"):
        Krylov().evolve(replace(problem, operators=None), TIMES)
    assert problem.operators is not None
    wrong = replace(problem.operators, train=MatrixOperator(np.eye(149)))
    with pytest.raises(ValueError, match=r"shape \(149, 149\) does not fit"):
        Krylov().evolve(replace(problem, operators=wrong), TIMES)


def test_targets_that_are_there_move_nothing() -> None:
    problem = problem_of(SPECTRA["random"])
    found = Krylov().evolve(replace(problem, y_train=problem.f0_train), TIMES)
    np.testing.assert_array_equal(found.train, np.tile(problem.f0_train, (len(TIMES), 1, 1)))
    np.testing.assert_array_equal(found.reached, TIMES)


@pytest.mark.parametrize(
    ("method", "rtol", "close"),
    [("DOP853", 1e-12, 1e-7), ("RK45", 1e-9, 1e-7), ("BDF", 1e-8, 1e-5)],
)
@pytest.mark.parametrize("ridge", [0.0, 0.2])
def test_integrators_agree_with_eigh(method, rtol: float, close: float, ridge: float) -> None:
    problem = problem_of(np.array([8.0, 2.0, 0.5, 0.1, 0.01, 0.0]))
    times = np.array([0.0, 0.1, 1.0, 30.0, INF])
    found = Ode(method=method, relative_tolerance=rtol, ridge=ridge).evolve(problem, times)
    exact = Eigh(ridge=ridge).evolve(problem, times)
    # The tolerance of one step, some hundred steps, and the kernel that weights are multiplied by.
    np.testing.assert_allclose(found.train[:4], exact.train[:4], rtol=0, atol=close)
    np.testing.assert_allclose(found.test[:4], exact.test[:4], rtol=0, atol=close)
    assert np.isnan(found.reached[4])
    assert np.isnan(found.train[4]).all()
    assert "does not get to t = ∞" in found.note


def test_labels_say_what_differs() -> None:
    assert Krylov().label() == "krylov"
    assert Krylov(tolerance=1e-3, ridge=0.5).label() == "krylov-tolerance-0.001-ridge-0.5"
    assert Ode().label() == "ode"
    assert Ode(method="BDF", ridge=0.5).label() == "ode-BDF-ridge-0.5"
