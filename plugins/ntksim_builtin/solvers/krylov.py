"""Gradient flow through products with the tangent kernel: for more points than a matrix allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim.linalg import (
    KrylovFlow,
    KrylovSpace,
    SpectralPreconditioner,
    conjugate_gradients,
    krylov_flow,
)
from ntksim.types import (
    Array,
    Evolution,
    Extra,
    KernelOperators,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Problem,
    Requirement,
    Solver,
)
from numpy.typing import NDArray

from ntksim_builtin.solvers.krylov_solution import KrylovSolution, solution_in
from ntksim_builtin.solvers.labels import label
from ntksim_builtin.solvers.linear_path import LinearisedPath
from ntksim_builtin.solvers.targets import at_own_size, ordinary_targets

CONVERGED = 0.1
"""Residual of a Ritz pair, relative to its value, up to which it preconditions."""

GROWTH = 1.25
"""Factor by which the Krylov space has grown when it is looked at again."""


@dataclass(frozen=True)
class Krylov(Solver):
    """Gradient flow of the linearised network, of any size, by products with the tangent kernel.

    Solves what ``eigh`` solves, at all times at once, in the block Krylov space of the kernel and
    the initial residuals (Lanczos). The kernel matrix is never formed where nothing else needs it:
    its tiles are computed, kept in memory or on disk, and multiplied. For t = ∞, where the space
    is not enough, conjugate gradients go on, preconditioned by its Ritz vectors.

    ``tolerance`` bounds the error of the outputs, relative to the root mean square of the initial
    residual: that of their root mean square over training points and that at every test point.
    The bounds (``ntksim.linalg.krylov_flow``) are computed from the residual, checked against
    products with the kernel, and recorded as ``solver_error``. A time where they are above the
    tolerance is not reached: its outputs are NaN and the note says how far it got. Without a ridge
    the bounds at late times use an estimate of the smallest eigenvalue, and kernels of a condition
    beyond about 1/ε have no certain limit at t = ∞.
    """

    name: ClassVar[str] = "krylov"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"operator"})
    provides: ClassVar[frozenset[Extra]] = frozenset({"parameters"})

    tolerance: PositiveFloat = 1e-6
    """Largest error of an output, relative to the root mean square of the initial residual."""
    ridge: NonNegativeFloat = 0.0
    """Strength of the pull to the initial parameters, added to every eigenvalue."""
    max_products: PositiveInt = 2000
    """Most products of the kernel with a column for each output."""
    max_vectors: PositiveInt = 3000
    """Most basis vectors of the Krylov space that are held, one number a training point each."""

    def evolve(self, problem: Problem, times: Array) -> Evolution:
        """Return the outputs at ``times``, NaN where the tolerance is not reached."""
        # Of a kernel so small or large that squares overflow no bound is finite: nothing is kept.
        with np.errstate(over="ignore", invalid="ignore"):
            exponent, problem = ordinary_targets(problem)
            return at_own_size(self._evolve(problem, times, exponent), exponent)

    def _evolve(self, problem: Problem, times: Array, exponent: int) -> Evolution:
        operators = problem.operators
        if operators is None:
            raise ValueError("the problem has no kernel operator, which this solver requires")
        rows = operators.train.shape[0]
        columns = problem.y_train.size // rows
        if operators.train.shape != (rows, rows) or columns * rows != problem.y_train.size:
            raise ValueError(
                f"a kernel of shape {operators.train.shape} does not fit training targets of "
                f"shape {problem.y_train.shape}"
            )
        start = problem.f0_train.reshape(rows, columns)
        residual = problem.y_train.reshape(rows, columns) - start
        size = float(np.linalg.norm(residual))
        if size == 0:
            return _at_rest(problem, times)
        allowed = self.tolerance * size / np.sqrt(len(problem.y_train))
        bounds = _Bounds(np.sqrt(len(problem.y_train)), operators.test_diagonal)
        space, flow, products = self._space(operators, residual, times, bounds, allowed)
        solution = solution_in(space, flow)
        error_train, error_test = bounds.of(flow.error_train, flow.error_energy)
        excess = _excess(operators, solution, flow, residual, times)
        error_train, error_test = excess * error_train, excess * error_test
        last = int(np.searchsorted(times, np.inf))
        if last < len(times) and max(error_train[last], error_test[last]) > allowed:
            limit = self._limit(
                operators, space, flow, residual, solution, bounds, allowed, products
            )
            if limit is not None:
                weights, error, used = limit
                solution = solution.with_limit(last, weights, self.ridge * weights)
                error_train[last:], error_test[last:] = error
                products += used
        train = problem.y_train.reshape(rows, columns) - solution.residuals()
        train[times == 0] = start
        moved = solution.moved(operators.test_train)
        test = problem.f0_test.reshape(len(moved[0]), columns) + moved
        weights = None
        if "parameters" in problem.extras:
            weights = np.ldexp(solution.weights(), exponent)  # parameters are at their own size
        lost = ~(np.maximum(error_train, error_test) <= allowed)
        for values in (train, test, *([] if weights is None else [weights])):
            values[lost] = np.nan
        return Evolution(
            reached=np.where(lost, np.nan, times),
            train=train.reshape(len(times), *problem.f0_train.shape),
            test=test.reshape(len(times), *problem.f0_test.shape),
            parameters=_path(problem, weights),
            error_train=error_train,
            error_test=error_test,
            note=self._note(times, lost, np.maximum(error_train, error_test) / allowed, products),
        )

    def _space(
        self,
        operators: KernelOperators,
        residual: Array,
        times: Array,
        bounds: _Bounds,
        allowed: float,
    ) -> tuple[KrylovSpace, KrylovFlow, int]:
        """Grow a space until it is enough for all times, or as large as it may be."""
        space = KrylovSpace(operators.train.matmul, residual)
        products, look_at, flow = 0, 1.0, None
        while flow is None or not space.is_complete:
            space.grow()
            products += 1
            width = space.last.stop - space.last.start
            is_last = products == self.max_products or space.size + width > self.max_vectors
            if space.size >= look_at or is_last or space.is_complete:
                flow = krylov_flow(space, times, self.ridge)
                errors = np.maximum(*bounds.of(flow.error_train, flow.error_energy))
                if is_last or (errors <= allowed).all():
                    break
                look_at = GROWTH * space.size
        return space, flow, products

    def _limit(
        self,
        operators: KernelOperators,
        space: KrylovSpace,
        flow: KrylovFlow,
        residual: Array,
        solution: KrylovSolution,
        bounds: _Bounds,
        allowed: float,
        products: int,
    ) -> tuple[Array, tuple[float, float], int] | None:
        """Return (K + ridge)⁻¹ (y − f₀), its bounds and the products used; ``None`` if singular."""
        values = flow.ritz.eigenvalues
        if space.is_complete or flow.smallest <= 0 or products >= self.max_products:
            return None
        if self.ridge == 0 and (values <= flow.ritz.null_tolerance).any():
            return None
        scale = np.array([1.0, 1.0 / np.sqrt(flow.smallest)])
        per_residual = max(float(part[0]) for part in bounds.of(scale[:1], scale[1:]))
        vectors = flow.ritz.eigenvectors
        missed = np.linalg.norm(space.coupling @ vectors[space.last], axis=0)
        known = missed <= CONVERGED * values
        preconditioner = SpectralPreconditioner(
            space.basis.T @ vectors[:, known], values[known] + self.ridge
        )
        found = conjugate_gradients(
            lambda x: operators.train.matmul(x) + self.ridge * x,
            residual,
            solution.weights(slice(-1, None))[0],
            preconditioner.apply,
            allowed / per_residual,
            self.max_products - products,
        )
        size = float(np.linalg.norm(found.residual))
        train, test = bounds.of(size * scale[:1], size * scale[1:])
        return found.solution, (float(train[0]), float(test[0])), found.products

    def _note(self, times: Array, lost: NDArray[np.bool_], quotient: Array, products: int) -> str:
        if not lost.any():
            return ""
        return (
            f"the tolerance {self.tolerance:g} is not certain at {lost.sum()} of {len(times)} "
            f"times, from {times[lost][0]:g} on, after {products} products: the error may be up to "
            f"{quotient[lost].max():.3g} times as large; raise max_products, max_vectors or the "
            "tolerance, or set a ridge"
        )

    def label(self) -> str:
        """Return ``krylov`` with the options that are set."""
        return label(
            self.name,
            ("tolerance", self.tolerance, 1e-6),
            ("ridge", self.ridge, 0.0),
            ("products", self.max_products, 2000),
            ("vectors", self.max_vectors, 3000),
        )


@dataclass(frozen=True)
class _Bounds:
    """Turns errors in norms over all points into those of outputs; ``root`` is √N."""

    root: float
    test_diagonal: Array

    def of(self, train: Array, energy: Array) -> tuple[Array, Array]:
        """Return the root mean square over training points, and the largest at test points."""
        largest = float(self.test_diagonal.max(initial=0.0))
        return train / self.root, np.sqrt(largest) * energy


def _excess(
    operators: KernelOperators,
    solution: KrylovSolution,
    flow: KrylovFlow,
    residual: Array,
    times: Array,
) -> float:
    """Compare the defect with R − K a, by a product with the kernel; 1 where it is as claimed."""
    chosen = sorted({len(times) - 1, max(0, int(np.searchsorted(times, np.inf)) - 1)})
    weights = np.concatenate([solution.weights(slice(i, i + 1)) for i in chosen]).swapaxes(0, 1)
    images = operators.train.matmul(weights.reshape(len(weights), -1)).reshape(weights.shape)
    excess = 1.0
    for at, index in enumerate(chosen):
        its = solution.residuals(slice(index, index + 1))
        missed = float(np.linalg.norm(residual - images[:, at] - its[0]))
        if flow.defect[index] > 0:
            excess = max(excess, missed / float(flow.defect[index]))
    return excess


def _path(problem: Problem, weights: Array | None) -> LinearisedPath | None:
    if weights is None:
        return None
    if problem.model is None:
        raise ValueError("the problem has no network, whose parameters are asked for")
    return LinearisedPath(
        problem.model.network,
        problem.model.params,
        problem.x_train,
        weights.reshape(len(weights), *problem.y_train.shape),
    )


def _at_rest(problem: Problem, times: Array) -> Evolution:
    shape = (len(times), *problem.y_train.shape)
    wanted = "parameters" in problem.extras
    return Evolution(
        reached=np.array(times, dtype=np.float64),
        train=np.tile(problem.f0_train, (len(times), 1, 1)),
        test=np.tile(problem.f0_test, (len(times), 1, 1)),
        parameters=_path(problem, np.zeros(shape) if wanted else None),
        error_train=np.zeros(len(times)),
        error_test=np.zeros(len(times)),
    )
