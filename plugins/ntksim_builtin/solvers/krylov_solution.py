"""Outputs and weights of gradient flow at many times, as combinations of few functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ntksim.linalg import KrylovFlow, KrylovSpace, expanded
from ntksim.types import Array, KernelOperator


@dataclass(frozen=True, eq=False)
class KrylovSolution:
    """Residuals y − f and weights a at all times, each as (T, s) times (s, n, c)."""

    remaining: Array
    remaining_functions: Array
    mixing: Array
    functions: Array

    def residuals(self, at: slice = slice(None)) -> Array:
        """Return y − f at some times; (T, n, c)."""
        return _mixed(self.remaining[at], self.remaining_functions)

    def weights(self, at: slice = slice(None)) -> Array:
        """Return a at some times; (T, n, c)."""
        return _mixed(self.mixing[at], self.functions)

    def moved(self, kernel: KernelOperator) -> Array:
        """Return k a at all times by one product; (T, m, c)."""
        count, rows, columns = self.functions.shape
        together = self.functions.transpose(1, 0, 2).reshape(rows, count * columns)
        products = kernel.matmul(together).reshape(kernel.shape[0], count, columns)
        return _mixed(self.mixing, products.transpose(1, 0, 2))

    def with_limit(self, first: int, weights: Array, residual: Array) -> KrylovSolution:
        """Return it with other weights and residuals from one time on."""
        mixing, remaining = (np.pad(m, ((0, 0), (0, 1))) for m in (self.mixing, self.remaining))
        for matrix in (mixing, remaining):
            matrix[first:] = 0.0
            matrix[first:, -1] = 1.0
        return KrylovSolution(
            remaining,
            np.concatenate([self.remaining_functions, residual[None]]),
            mixing,
            np.concatenate([self.functions, weights[None]]),
        )


def solution_in(space: KrylovSpace, flow: KrylovFlow) -> KrylovSolution:
    """Return the solution as it is in a Krylov space."""
    return KrylovSolution(
        *expanded(space, flow, flow.factors.residual), *expanded(space, flow, flow.factors.growth)
    )


def _mixed(mixing: Array, functions: Array) -> Array:
    product = mixing @ functions.reshape(len(functions), -1)
    return product.reshape(len(mixing), *functions.shape[1:])
