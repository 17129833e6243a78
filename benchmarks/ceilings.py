"""The machine's ceilings: BLAS and LAPACK calls of a given size, as contenders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def product(rows: int, inner: int, columns: int, dtype: str = "float64") -> Callable[[], None]:
    """(rows, inner) times (inner, columns) by gemm, into an array that is there."""
    import numpy as np

    rng = np.random.default_rng(0)
    left = rng.standard_normal((rows, inner)).astype(dtype)
    right = rng.standard_normal((inner, columns)).astype(dtype)
    out = np.empty((rows, columns), dtype)

    def run() -> None:
        np.matmul(left, right, out=out)

    return run


def gemm(size: int, dtype: str = "float64") -> Callable[[], None]:
    """Return the product of two square matrices."""
    return product(size, size, size, dtype)


def inner_products(points: int, features: int, dtype: str = "float64") -> Callable[[], None]:
    """X Xᵀ of all pairs by one gemm, both triangles, into new memory as a kernel's result is."""
    import numpy as np

    left = np.random.default_rng(0).standard_normal((points, features)).astype(dtype)
    right = left.copy()  # NumPy must not see that it is the same matrix

    def run() -> None:
        np.matmul(left, right.T)

    return run


def half_inner_products(points: int, features: int, dtype: str = "float64") -> Callable[[], None]:
    """X Xᵀ by syrk: one triangle, half the work, into new memory."""
    import numpy as np
    from scipy.linalg import blas

    x = np.random.default_rng(0).standard_normal((points, features)).astype(dtype)
    syrk: Any = blas.get_blas_funcs("syrk", dtype=np.dtype(dtype))

    def run() -> None:
        syrk(1.0, x.T, trans=1, lower=1)

    return run


def evd(size: int, dtype: str = "float64") -> Callable[[], None]:
    """Eigenvalues and eigenvectors of a symmetric matrix by LAPACK's divide and conquer."""
    import numpy as np
    from scipy import linalg

    x = np.random.default_rng(0).standard_normal((size, size)).astype(dtype)
    matrix = x @ x.T

    def run() -> None:
        linalg.eigh(matrix, driver="evd", check_finite=False)

    return run
