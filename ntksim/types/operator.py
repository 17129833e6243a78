"""A kernel matrix that need not be held: known through its products."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ntksim.types.arrays import Array


class KernelOperator(ABC):
    """A tangent kernel between n and m points, as rows and columns of a matrix.

    With outputs that share a kernel the rows are points; those of a full kernel are ordered (point,
    output). Nobody may ask for the whole matrix: for 20,000 points it takes 3.2 GB.
    """

    shape: tuple[int, int]

    @abstractmethod
    def matmul(self, vectors: Array) -> Array:
        """K V for columns V (m, c); (n, c). The same bits for the same V, wherever it is done."""


@dataclass(frozen=True)
class KernelOperators:
    """The tangent kernel of one model on one dataset, without its matrices.

    ``train`` is square and symmetric, ``test_train`` has a row for each test point (or test point
    and output), and ``test_diagonal`` is k(x, x) there: by it the outputs at x are bounded.
    """

    train: KernelOperator
    test_train: KernelOperator
    test_diagonal: Array
