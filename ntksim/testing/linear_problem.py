"""A problem whose solution is known: a network linear in its parameters, with a given spectrum.

f(x) = θᵀ x for N inputs X = V diag(√λ) Wᵀ with V and W orthonormal has the tangent kernel
X Xᵀ = V diag(λ) Vᵀ at every θ: training the network itself and solving with its kernel are the
same. A solver that multiplies the residual of mode i by r_i has

    f(X) = y + V diag(r) Vᵀ (f₀ − y),      f(x) = f₀(x) + x W diag((1 − r)/√λ) Vᵀ (y − f₀),

where a mode with λ = 0 moves nothing. θ₀ ~ N(0, 1) makes X Xᵀ the NNGP kernel too.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np

from ntksim.linalg import MatrixOperator, eigendecomposition
from ntksim.types import (
    Array,
    Extra,
    KernelBlocks,
    KernelOperators,
    Kernels,
    Model,
    Network,
    Params,
    Problem,
    SeedTree,
)


@dataclass(frozen=True, eq=False)
class LinearNetwork(Network):
    """f(x) = θᵀ x from a given θ (P, K)."""

    theta: Array
    input_shape: tuple[int, ...] = field(init=False)
    outputs: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_shape", self.theta.shape[:1])
        object.__setattr__(self, "outputs", self.theta.shape[1])

    def initialise(self, width: int, rng: np.random.Generator) -> Params:
        """Return the given θ."""
        del width, rng
        return {"theta": self.theta}

    def apply(self, params: Params, x: Array) -> Array:
        """Return θᵀ x."""
        return x @ params["theta"]

    def vjp(self, params: Params, x: Array, cotangent: Array) -> Params:
        """Return xᵀ c."""
        del params
        return {"theta": x.T @ cotangent}

    def jvp(self, params: Params, x: Array, tangent: Params) -> Array:
        """Return the outputs of the tangent."""
        del params
        return self.apply(tangent, x) if "theta" in tangent else np.zeros((len(x), self.outputs))


@dataclass(frozen=True, eq=False)
class LinearProblem:
    """N points with eigenvalues λ (N,), M test points, K outputs."""

    eigenvalues: Array
    vectors: Array
    right: Array
    x_test: Array
    targets: Array
    theta: Array
    zero_initial_output: bool = False

    @classmethod
    def draw(
        cls, eigenvalues: Collection[float], outputs: int = 2, tests: int = 3, seed: int = 0
    ) -> LinearProblem:
        """Draw a problem with the given eigenvalues, in descending order."""
        rng = np.random.default_rng(seed)
        n = len(eigenvalues)
        vectors, _ = np.linalg.qr(rng.standard_normal((n, n)))
        right, _ = np.linalg.qr(rng.standard_normal((n + 2, n)))
        return cls(
            np.array(list(eigenvalues), dtype=np.float64),
            vectors,
            right,
            rng.standard_normal((tests, n + 2)),
            rng.standard_normal((n, outputs)),
            rng.standard_normal((n + 2, outputs)),
        )

    @property
    def x(self) -> Array:
        """Training inputs."""
        return self.vectors @ (np.sqrt(self.eigenvalues)[:, None] * self.right.T)

    def problem(self, extras: Collection[Extra] = (), width: float = 8.0) -> Problem:
        """Return what a solver gets."""
        network, x = LinearNetwork(self.theta), self.x
        train, test_train = x @ x.T, self.x_test @ x.T
        train = 0.5 * (train + train.T)
        start, test_start = self.start()
        return Problem(
            x_train=x,
            y_train=self.targets,
            x_test=self.x_test,
            f0_train=start,
            f0_test=test_start,
            zero_initial_output=self.zero_initial_output,
            kernels=KernelBlocks(
                Kernels(nngp=train, ntk=train),
                Kernels(nngp=test_train, ntk=test_train),
                Kernels(nngp=self.x_test @ self.x_test.T),
            ),
            spectrum=eigendecomposition(train),
            model=Model(network, width, SeedTree(0)),
            extras=frozenset(extras),
            operators=KernelOperators(
                MatrixOperator(train),
                MatrixOperator(test_train),
                np.vecdot(self.x_test, self.x_test),
            ),
        )

    def start(self) -> tuple[Array, Array]:
        """Return the initial outputs at training and test points."""
        scale = 0.0 if self.zero_initial_output else 1.0
        return scale * self.x @ self.theta, scale * self.x_test @ self.theta

    def readout(self, factors: Array) -> Array:
        """Z (T, M, N) with f(x*) = f₀(x*) + Z (y − f₀) for factors r (T, N) on the residuals."""
        roots = np.sqrt(self.eigenvalues)
        moved = np.divide(1.0 - factors, roots, out=np.zeros_like(factors), where=roots > 0)
        return np.einsum("mi,ti,ni->tmn", self.x_test @ self.right, moved, self.vectors)

    def solution(self, factors: Array) -> tuple[Array, Array]:
        """Return outputs (T, N, K) and (T, M, K) for factors r (T, N) on the residuals."""
        start, test_start = self.start()
        factors = np.where(self.eigenvalues == 0, 1.0, factors)
        residual = self.vectors.T @ (start - self.targets)
        train = self.targets + np.einsum("ni,ti,ik->tnk", self.vectors, factors, residual)
        return train, test_start + self.readout(factors) @ (self.targets - start)

    def restarted(self, outputs: Array) -> LinearProblem:
        """Return the problem whose training starts from outputs (N, K) that training reached."""
        start, _ = self.start()
        roots = np.sqrt(self.eigenvalues)[:, None]
        moved = self.right @ ((self.vectors.T @ (outputs - start)) / roots)
        return self._with(theta=self.theta + moved)

    def tested_at_training_points(self) -> LinearProblem:
        """Return the problem whose test points are the training points."""
        return self._with(x_test=self.x)

    def without_tests(self) -> LinearProblem:
        """Return the problem without test points."""
        return self._with(x_test=self.x_test[:0])

    def from_zero(self) -> LinearProblem:
        """Return the problem that starts at zero output."""
        return self._with(zero_initial_output=True)

    def reordered(self, order: list[int]) -> LinearProblem:
        """Return the problem with its training points in another order."""
        return self._with(vectors=self.vectors[order], targets=self.targets[order])

    def with_output(self, k: int) -> LinearProblem:
        """Return the problem of one of the outputs."""
        return self._with(targets=self.targets[:, k : k + 1], theta=self.theta[:, k : k + 1])

    def _with(self, **changes: object) -> LinearProblem:
        return replace(self, **changes)  # pyright: ignore[reportArgumentType]


WELL_POSED = (2.0, 1.0, 0.5, 0.2)
SINGULAR = (2.0, 0.7, 0.3, 0.0, 0.0)
TIMES = np.array([0.0, 0.3, 1.0, 4.0, 20.0, math.inf])
