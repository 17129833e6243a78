"""The linear system that a problem poses: matrices that act on columns of outputs."""

from __future__ import annotations

from dataclasses import dataclass

from ntksim.linalg import flatten_kernel
from ntksim.types import Array, Problem, Spectrum


@dataclass(frozen=True)
class LinearSystem:
    """Kernels and outputs of a problem, flattened so that one matrix acts on every column.

    Where the outputs share a kernel, ``train`` is (N, N), ``test_train`` (M, N), and ``targets``
    (N, K), ``start`` (N, K) and ``test_start`` (M, K) have a column for each output. Where the full
    kernel couples them, it is (N·K, N·K) and (M·K, N·K) in the order (point, output), and there is
    one column.
    """

    train: Array
    test_train: Array
    targets: Array
    start: Array
    test_start: Array


def linear_system(problem: Problem) -> LinearSystem:
    """Return the system of the full tangent kernel where the problem has one, else of the shared.

    Raises
    ------
    ValueError
        If the problem has no tangent kernel, or its shape does not fit the data.
    """
    blocks = problem.kernels
    if blocks is None:
        raise ValueError("the problem has no kernels, which this solver requires")
    train, test_train = blocks.train.ntk_full, blocks.test_train.ntk_full
    columns = 1
    if train is None or test_train is None:
        train, test_train = blocks.train.ntk, blocks.test_train.ntk
        columns = problem.y_train.shape[1]
    if train is None or test_train is None:
        raise ValueError("the problem has no tangent kernel, which this solver requires")
    train, test_train = flatten_kernel(train), flatten_kernel(test_train)
    rows = problem.y_train.size // columns
    test_rows = problem.f0_test.size // columns
    if train.shape != (rows, rows) or test_train.shape != (test_rows, rows):
        raise ValueError(
            f"tangent kernels of shapes {train.shape} and {test_train.shape} do not fit training "
            f"targets of shape {problem.y_train.shape} and test outputs of {problem.f0_test.shape}"
        )
    return LinearSystem(
        train=train,
        test_train=test_train,
        targets=problem.y_train.reshape(rows, columns),
        start=problem.f0_train.reshape(rows, columns),
        test_start=problem.f0_test.reshape(test_rows, columns),
    )


def spectrum_of(problem: Problem, system: LinearSystem) -> Spectrum:
    """Return the problem's spectrum, having checked that it belongs to the system.

    Raises
    ------
    ValueError
        If there is none, or it is the spectrum of a matrix of another size.
    """
    spectrum = problem.spectrum
    if spectrum is None:
        raise ValueError("the problem has no spectrum, which this solver requires")
    if len(spectrum.eigenvalues) != len(system.train):
        raise ValueError(
            f"the spectrum has {len(spectrum.eigenvalues)} modes but the training kernel "
            f"{len(system.train)} rows"
        )
    return spectrum
