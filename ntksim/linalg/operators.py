"""Kernels as operators, of matrices that are there."""

from __future__ import annotations

from dataclasses import dataclass

from ntksim.linalg.spectrum import flatten_kernel
from ntksim.types import Array, KernelOperator


@dataclass(frozen=True, eq=False)
class MatrixOperator(KernelOperator):
    """Products with a kernel (n, m) that is held, or full (N, K, M, K)."""

    matrix: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", flatten_kernel(self.matrix))
        object.__setattr__(self, "shape", self.matrix.shape)

    def matmul(self, vectors: Array) -> Array:
        """K V by one product."""
        return self.matrix @ vectors
