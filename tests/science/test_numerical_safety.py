"""Kernels that break naive solvers: each answer is right, to digits that are stated, or refused.

The reference is the exact solution for the very matrix that the solver gets, by an
eigendecomposition of 50 digits. Along an exact eigenvector of eigenvalue λ the residual at time t
is e^{−λt} of the initial one. An eigenvalue below n ε λ₁ is lost in the rounding of the matrix
itself: there any share between nothing and all of the initial residual is right, and no other.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.linalg import MatrixOperator, eigendecomposition, semidefinite_factor
from ntksim.types import Array, Evolution, KernelOperators, Problem, Solver

from kernel_problems import kernel_problem
from ntksim_builtin.solvers import Eigh, Expm, GradientDescent, Krylov, Ode

EPSILON = float(np.finfo(np.float64).eps)
TIMES = np.array([0.0, 0.5, 30.0, math.inf])
HUGE, TINY = 2.0**498, 2.0**-498
"""About 1e±150: their squares are numbers, their cubes are not."""

FLOWS: list[Solver] = [Eigh(), Expm(), Krylov(), Ode(), Ode(method="BDF")]
DESCENT = GradientDescent()
SOLVERS: list[Solver] = [*FLOWS, DESCENT]
ACCURACY = {"krylov": 1e-6, "ode": 1e-8, "ode-BDF": 1e-6}
"""What solvers with a tolerance promise; ode adds up the errors of its steps."""


def _orthogonal(n: int, seed: int) -> Array:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def _with_spectrum(*eigenvalues: float, seed: int = 0) -> Array:
    vectors = _orthogonal(len(eigenvalues), seed)
    kernel = vectors * np.array(eigenvalues) @ vectors.T
    return 0.5 * (kernel + kernel.T)


HILBERT = np.array([[1.0 / (i + j + 1) for j in range(6)] for i in range(6)])
TALL = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 1.0]])

KERNELS: dict[str, Array] = {
    "ill-conditioned": _with_spectrum(1.0, 1e-4, 1e-8, 1e-12),
    "ill-conditioned beyond rounding": _with_spectrum(1.0, 1e-6, 1e-17, 1e-20),
    "Hilbert": HILBERT,
    "singular, more points than parameters": TALL @ TALL.T,
    "indefinite by rounding": _with_spectrum(1.0, 0.1, 1e-17, -1e-17),
    "negative by rounding on the diagonal": np.diag([1.0, 1e-3, 0.0, -1e-17]),
    "duplicates": np.ones((2, 2)),
    "duplicates among others": np.array([[2.0, 2.0, 1.0], [2.0, 2.0, 1.0], [1.0, 1.0, 3.0]]),
    "a zero vector": np.diag([1.0, 0.0, 2.0]),
    "nothing but zero vectors": np.zeros((3, 3)),
    "one sample": np.array([[2.0]]),
    "one sample that is zero": np.array([[0.0]]),
    "opposite points": np.array([[1.0, -1.0], [-1.0, 1.0]]),
    "one large mode": np.full((3, 3), 10.0) + np.eye(3) / 10,
}
TARGETS: dict[str, Any] = {
    "conflicting": lambda n: np.array([(-1.0) ** i * (1 + i) for i in range(n)])[:, None],
    "constant": lambda n: np.full((n, 1), 7.0),
    "zero": lambda n: np.zeros((n, 1)),
    "one class": lambda n: np.ones((n, 1)),
}


def problem_of(kernel: Array, targets: Array, scale: float = 1.0) -> Problem:
    """A problem with the training points as test points, so that both outputs must agree."""
    kernel = kernel * scale
    problem = kernel_problem(kernel, targets, kernel)
    operators = KernelOperators(
        MatrixOperator(kernel), MatrixOperator(kernel), np.maximum(np.diag(kernel), 0.0)
    )
    return replace(problem, operators=operators)


def exact(kernel: Array) -> tuple[list[Any], Any]:
    """Eigenvalues and orthonormal eigenvectors (columns) of a matrix, to 50 digits."""
    with mpmath.workdps(50):
        values, vectors = mpmath.eigsy(mpmath.matrix(kernel.tolist()))
        return [values[i] for i in range(len(kernel))], vectors


def shares(kernel: Array, residual: Array) -> tuple[Array, Array, Array]:
    """Exact eigenvalues, and the parts of a residual (N,) and start along the eigenvectors."""
    values, vectors = exact(kernel)
    with mpmath.workdps(50):
        parts = vectors.T * mpmath.matrix(residual.tolist())
        basis = np.array([[float(v) for v in row] for row in vectors.tolist()])
        return np.array([float(v) for v in values]), np.array([float(p) for p in parts]), basis


def check(kernel: Array, targets: Array, evolution: Evolution, solver: Solver) -> None:
    """Compare the residuals with the exact ones, mode by mode."""
    eigenvalues, start, basis = shares(kernel, -targets[:, 0])
    n, largest = len(kernel), float(np.abs(eigenvalues).max())
    size = max(float(np.abs(targets).max()), 1e-300)
    null = eigenvalues <= 2 * n * EPSILON * largest
    for index, time in enumerate(TIMES):
        if np.isnan(evolution.reached[index]):
            assert evolution.note
            assert np.isnan(evolution.train[index]).all()
            continue
        time = float(evolution.reached[index])
        found = basis.T @ (evolution.train[index, :, 0] - targets[:, 0])
        with np.errstate(invalid="ignore"):
            left = np.where(null, 1.0, np.exp(-np.maximum(eigenvalues, 0.0) * time))
        # Rounding of the matrix, n ε λ₁, changes e^{−λt} by at most that times the time at which
        # the mode still lives, min(t, 1/λ).
        alive = np.minimum(time, 1.0 / np.where(null, 1.0, np.abs(eigenvalues)))
        # It turns a null vector towards a resolved mode by n ε λ₁/λ.
        turned = largest * alive[~null].max(initial=0.0)
        rounding = 40 * n * EPSILON * size * (1 + np.where(null, turned, largest * alive))
        allowed = np.minimum(rounding, 2 * size) + ACCURACY.get(solver.label(), 0.0) * size
        if solver is DESCENT:
            rate = evolution.learning_rate  # none for a kernel that is zero
            steps = 0.0 if rate is None else min(time / rate, 1e6)
            left = np.where(null, 1.0, np.abs(1 - (rate or 0.0) * eigenvalues) ** steps)
            left = np.where(~null & np.isinf(time), 0.0, left)
            allowed = allowed + 1e-9 * size * (time < math.inf)  # the power above is naive
        wrong = np.abs(found - left * start) > allowed
        # What is lost in rounding may be gone as far as time allows, but not otherwise.
        between = (found * np.sign(start) >= -allowed) & (np.abs(found) <= np.abs(start) + allowed)
        assert not np.any(wrong & ~(null & between)), (time, found, left * start, allowed)
        # The test points are the training points. Rounding of the weights, which grow with time,
        # shows in modes below rounding only.
        if not math.isinf(time) or not null.any():
            np.testing.assert_allclose(
                evolution.test[index], evolution.train[index], atol=float(allowed.max()) + 1e-300
            )


@pytest.mark.parametrize("solver", SOLVERS, ids=Solver.label)
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("targets", TARGETS)
def test_every_solver_is_right_on_every_kernel(name: str, targets: str, solver: Solver) -> None:
    kernel = KERNELS[name]
    y = TARGETS[targets](len(kernel))
    evolution = solver.evolve(problem_of(kernel, y), TIMES)
    assert not evolution.diverged
    check(kernel, y, evolution, solver)


@pytest.mark.parametrize("scale", [HUGE, TINY])
@pytest.mark.parametrize("solver", SOLVERS, ids=Solver.label)
@pytest.mark.parametrize("name", KERNELS)
def test_a_scale_of_the_kernel_is_a_scale_of_time(name: str, solver: Solver, scale: float) -> None:
    # A power of two changes no digit of the kernel: the outputs at t/c for cK are those at t for K.
    kernel = KERNELS[name]
    y = TARGETS["conflicting"](len(kernel))
    expected = solver.evolve(problem_of(kernel, y), TIMES)
    found = solver.evolve(problem_of(kernel, y, scale), TIMES / scale)
    tolerance = max(10 * ACCURACY.get(solver.label(), 0.0), 1e-9)
    # LAPACK scales matrices of extreme size by other numbers than powers of two: modes that are
    # near rounding then get other digits at t = ∞.
    last = -1 if name.startswith(("ill", "Hilbert")) else None
    lost = np.isnan(found.reached)
    if solver.label() == "krylov":  # it may say of more times that it cannot be certain
        assert found.note or not lost.any()
    else:
        assert np.array_equal(lost, np.isnan(expected.reached))
    for part in ("train", "test"):
        one, other = getattr(found, part)[:last], getattr(expected, part)[:last]
        assert np.isnan(one[lost[:last]]).all()
        np.testing.assert_allclose(
            one[~lost[:last]], other[~lost[:last]], atol=tolerance, rtol=1e-9
        )


@pytest.mark.parametrize("scale", [HUGE, TINY])
@pytest.mark.parametrize("solver", SOLVERS, ids=Solver.label)
def test_a_scale_of_the_targets_is_a_scale_of_the_outputs(solver: Solver, scale: float) -> None:
    kernel = KERNELS["duplicates among others"]
    y = TARGETS["conflicting"](3)
    expected = solver.evolve(problem_of(kernel, y), TIMES)
    found = solver.evolve(problem_of(kernel, y * scale), TIMES)
    for part in ("train", "test"):
        np.testing.assert_allclose(
            getattr(found, part) / scale,
            getattr(expected, part),
            atol=max(10 * ACCURACY.get(solver.label(), 0.0), 1e-12),
        )


@pytest.mark.parametrize("of_targets", [2.0**-900, 1.0, 2.0**890])
@pytest.mark.parametrize("of_kernel", [TINY**2, TINY, HUGE**2])
@pytest.mark.parametrize("solver", SOLVERS, ids=Solver.label)
def test_kernel_and_targets_of_extreme_sizes_together(
    solver: Solver, of_kernel: float, of_targets: float
) -> None:
    # Products of kernels and residuals, and quotients, may be no floats where the outputs are.
    kernel = KERNELS["duplicates among others"]
    y = TARGETS["conflicting"](3)
    expected = solver.evolve(problem_of(kernel, y), TIMES)
    problem = problem_of(kernel, y * of_targets, of_kernel)
    if solver.label() == "krylov" and of_kernel == TINY**2:
        with pytest.raises(OverflowError):  # which the engine says in words
            solver.evolve(problem, TIMES / of_kernel)
        return
    found = solver.evolve(problem, TIMES / of_kernel)
    lost = np.isnan(found.reached)
    assert found.note or not lost.any()
    assert not lost[0]
    if solver.label() != "krylov":  # of which squares of kernels are numbers
        assert np.array_equal(lost, np.isnan(expected.reached))
    for part in ("train", "test"):
        np.testing.assert_allclose(
            getattr(found, part)[~lost] / of_targets,
            getattr(expected, part)[~lost],
            atol=max(10 * ACCURACY.get(solver.label(), 0.0), 1e-12),
        )


@pytest.mark.parametrize("of_targets", [2.0**-900, 1.0, 2.0**890])
def test_an_unstable_rate_diverges_whatever_the_size_of_the_targets(of_targets: float) -> None:
    y = TARGETS["conflicting"](3) * of_targets
    found = GradientDescent(learning_rate=1.0).evolve(
        problem_of(KERNELS["duplicates among others"], y), np.array([0.0, 5.0])
    )
    assert found.diverged
    # A mode without residual has no reason to: (1, 1, 0) is none of this kernel's eigenvectors.
    still = GradientDescent(learning_rate=1.0).evolve(
        problem_of(np.diag([4.0, 1.0]), np.array([[0.0], [1.0]]) * of_targets), np.array([0.0, 5.0])
    )
    assert not still.diverged
    np.testing.assert_allclose(still.train[1] / of_targets, [[0.0], [1.0]])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(-16, 0), min_size=1, max_size=4),
    st.integers(0, 2**16),
    st.sampled_from(SOLVERS),
)
def test_any_spectrum(exponents: list[float], seed: int, solver: Solver) -> None:
    kernel = _with_spectrum(*(10.0**e for e in sorted(exponents, reverse=True)), seed=seed)
    y = np.random.default_rng(seed).standard_normal((len(kernel), 1))
    check(kernel, y, solver.evolve(problem_of(kernel, y), TIMES), solver)


@pytest.mark.parametrize("value", [1e-150, 1.0, 1e150])
@pytest.mark.parametrize("solver", SOLVERS, ids=Solver.label)
def test_one_sample_has_one_exponential(solver: Solver, value: float) -> None:
    times = np.array([0.0, 1e-8, 0.3, 4.0, 50.0]) / value
    y = np.array([[3.0]])
    found = solver.evolve(problem_of(np.array([[value]]), y), times)
    with mpmath.workdps(50):
        k = mpmath.mpf(value)
        if solver is DESCENT:  # the rate is 1/k: one step is enough
            expected = [0.0 if round(t * value) == 0 else 3.0 for t in times]
        else:
            expected = [float(-3 * mpmath.expm1(-k * mpmath.mpf(float(t)))) for t in times]
    # Half a unit in the last place of λt is 25 ε of the exponential at λt = 50.
    tolerance = {"ode": 1e-9, "ode-BDF": 1e-8, "krylov": 1e-6}.get(solver.label(), 1e-14)
    np.testing.assert_allclose(found.train[:, 0, 0], expected, atol=3 * tolerance)


def test_a_kernel_that_is_indefinite_by_more_than_rounding_is_refused() -> None:
    for kernel in (np.diag([1.0, -1e-3]), np.array([[0.0, 1.0], [1.0, 0.0]]), -np.eye(2)):
        for scale in (1.0, HUGE, TINY):
            with pytest.raises(ValueError, match="a tangent kernel has none below 0"):
                eigendecomposition(kernel * scale)
            with pytest.raises(ValueError, match="not symmetric positive semi-definite"):
                semidefinite_factor(kernel * scale)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_kernel_that_is_not_finite_is_refused(bad: float) -> None:
    kernel = np.eye(3)
    kernel[0, 2] = kernel[2, 0] = bad
    with pytest.raises(ValueError, match=r"holds .*(nan|inf) at \(0, 2\); it must be finite"):
        eigendecomposition(kernel)


@pytest.mark.parametrize("rate", [1e-150, 1e150])
def test_extreme_learning_rates_reach_their_limits_or_say_that_they_diverge(rate: float) -> None:
    kernel = KERNELS["one large mode"] / 30
    y = TARGETS["conflicting"](3)
    times = np.array([0.0, 1.0, math.inf])
    found = GradientDescent(learning_rate=rate).evolve(problem_of(kernel, y), times)
    if rate < 1:
        # So many small steps are gradient flow.
        flow = Eigh().evolve(problem_of(kernel, y), times)
        np.testing.assert_allclose(found.train, flow.train, atol=1e-9)
        assert not found.diverged
    else:
        # t = 1 is less than half a step away from none at all.
        assert found.diverged
        assert "not stable" in found.note
        np.testing.assert_array_equal(found.reached, [0.0, 0.0, np.nan])
        assert np.isnan(found.train[2]).all()
        np.testing.assert_array_equal(found.train[1], found.train[0])


@pytest.mark.parametrize("ridge", [1e-150, 1e150])
@pytest.mark.parametrize("cls", [Eigh, Expm, GradientDescent])
def test_extreme_ridges(cls: Any, ridge: float) -> None:
    kernel = KERNELS["singular, more points than parameters"]
    y = TARGETS["conflicting"](4)
    found = cls(ridge=ridge).evolve(problem_of(kernel, y), np.array([0.0, 1.0, math.inf]))
    if cls is Expm and ridge > 1:
        assert "lost in the rounding" in found.note
        assert np.isnan(found.train[1]).all()
        np.testing.assert_allclose(found.train[[0, 2]], 0.0, atol=1e-14)
    elif ridge > 1:
        # Nothing can move: f(∞) = K (K + ρ)⁻¹ y is of the order 1e-149, beside rounding of y.
        np.testing.assert_allclose(found.train, 0.0, atol=1e-14)
    else:
        # As without a ridge: the least-squares fit, by its exact projector.
        project = TALL @ np.linalg.solve(TALL.T @ TALL, TALL.T)
        np.testing.assert_allclose(found.train[-1], project @ y, atol=1e-12)
