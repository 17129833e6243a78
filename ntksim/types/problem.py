"""What a solver is given, and what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ntksim.types.arrays import Array
from ntksim.types.network import Kernels, Model, Params
from ntksim.types.operator import KernelOperators

Requirement: TypeAlias = Literal["ntk", "spectrum", "nngp", "network", "operator"]
"""What a solver or diagnostic can ask for: the tangent kernel, its eigendecomposition, the NNGP
kernel with its test block, the finite network with its parameters, or products with the tangent
kernel. Where a solver asks for products and for no matrix, the kernel may have any size, and
nothing that needs its matrix is recorded."""

MATRICES: frozenset[Requirement] = frozenset({"ntk", "spectrum", "nngp"})
"""What is a kernel as a matrix, which has to be held."""

Extra: TypeAlias = Literal["variance", "covariance", "parameters"]
"""What can be asked of a solver beyond its outputs: their spread over initialisations, which needs
the NNGP kernel with its test block, or the trained parameters, which need a finite network."""

SPREADS: frozenset[Extra] = frozenset({"variance", "covariance"})
"""The extras that need the NNGP kernel."""


@dataclass(frozen=True)
class Spectrum:
    """Eigendecomposition K = V diag(λ) Vᵀ of the training tangent kernel, λ₁ ≥ λ₂ ≥ … ≥ 0.

    ``eigenvalues`` (n,) with negative rounding errors set to 0, ``eigenvectors`` (n, n) in columns.
    n = N for a kernel shared by the outputs, n = N·K for the full kernel, whose rows are ordered
    (point, output). ``null_tolerance`` = n ε λ₁ is what rounding leaves of an eigenvalue 0.
    """

    eigenvalues: Array
    eigenvectors: Array
    null_tolerance: float


@dataclass(frozen=True)
class KernelBlocks:
    """Kernels of one model on one dataset: N training points, M test points.

    ``train`` (N, N), ``test_train`` (M, N) and, where a variance is wanted, the NNGP of ``test``
    (M, M).
    """

    train: Kernels
    test_train: Kernels
    test: Kernels | None = None


@dataclass(frozen=True)
class Problem:
    """Training on N points with K outputs, watched at M test points.

    Only what the solver ``requires`` is sure to be there. ``f0_train`` (N, K) and ``f0_test``
    (M, K) are the initial outputs, zero where ``zero_initial_output`` is set: then a solver that
    trains the network trains f(x; θ) − f(x; θ₀), and there is no spread over initialisations. At
    infinite width they are zero too: the mean, around which the outputs spread as the NNGP says.
    """

    x_train: Array
    y_train: Array
    x_test: Array
    f0_train: Array
    f0_test: Array
    zero_initial_output: bool
    kernels: KernelBlocks | None = None
    spectrum: Spectrum | None = None
    model: Model | None = None
    extras: frozenset[Extra] = frozenset()
    operators: KernelOperators | None = None


@dataclass(frozen=True)
class Evolution:
    """Outputs at T requested times.

    Time is that of gradient flow on L = ½ Σ (f − y)², without 1/N. ``reached`` (T,) are the times
    that the solver really reached: k·learning_rate for discrete steps, NaN where it did not get
    there. ``train`` (T, N, K), ``test`` (T, M, K); where a solver diverged beyond the largest
    float or did not get to a time they hold NaN, and ``diverged`` or ``note`` says so.
    ``variance_test`` (T, M) and ``covariance_test`` (T, M, M) are those of one output.
    ``learning_rate`` is that of discrete steps. ``parameters`` (T) are all parameters of the
    network at every time, where ``problem.extras`` asks for them; they may be computed when they
    are read, and hold NaN where ``train`` does. Solvers that iterate say how far off they may be,
    (T,) in units of the outputs: ``error_train`` bounds the root mean square over training points,
    ``error_test`` the error at every test point, both in the Euclidean norm over outputs.
    """

    reached: Array
    train: Array
    test: Array
    diverged: bool = False
    note: str = ""
    variance_test: Array | None = None
    covariance_test: Array | None = None
    learning_rate: float | None = None
    parameters: Sequence[Params] | None = None
    error_train: Array | None = None
    error_test: Array | None = None
