"""What a cell takes is estimated from shapes alone, and refused before any of it is allocated."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from ntksim.study import StudyError, load_study, plan_cells
from ntksim.study.memory import estimate_memory
from ntksim.types import Dataset, VariableSpec

N, M, K, T = 7, 5, 3, 11
DATA = Dataset(np.zeros((N, 2)), np.zeros((N, K)), np.zeros((M, 2)), np.zeros((M, K)))


def numbers(**changes: Any) -> dict[str, float]:
    """Return the estimated count of float64 numbers of each part."""
    arguments: dict[str, Any] = {"needs": set(), "extras": set(), "variables": []} | changes
    found = estimate_memory(DATA, T, **arguments)
    parts = ("kernels", "trajectories", "recorded", "network")
    assert found.total == sum(getattr(found, part) for part in parts)
    return {part: getattr(found, part) / 8 for part in parts}


def test_kernels_that_keep_the_outputs_apart() -> None:
    both = 2 * (N * N + M * N)  # NNGP and averaged tangent kernel, train-train and test-train
    full = N * K * N * K + M * K * N * K
    assert numbers(needs={"ntk"})["kernels"] == both
    assert numbers(needs={"ntk"}, outputs_apart=True)["kernels"] == both + full
    # The matrix and its eigenvectors.
    spectrum = numbers(needs={"ntk", "spectrum"}, outputs_apart=True)["kernels"]
    assert spectrum == both + full + 2 * (N * K) ** 2
    compared = numbers(needs={"ntk"}, references=2, references_apart=1)["kernels"]
    assert compared == 3 * both + full
    # A kernel that nothing looks at is not computed.
    assert numbers(outputs_apart=True)["kernels"] == 0


def test_there_are_as_many_modes_as_the_kernel_has_rows() -> None:
    mode = [VariableSpec(("mode",), "eigenvalues")]
    assert numbers(variables=mode)["recorded"] == N
    assert numbers(variables=mode, outputs_apart=True)["recorded"] == N * K


def study(**changes: Any) -> dict[str, Any]:
    return {
        "study": "large",
        "dataset": {"name": "linear_teacher", "train": 3000, "test": 10, "outputs": 10},
        "architecture": "shallow_relu",
        "width": 8,
        "time": [0, 1],
        "kernel": {"name": "empirical", "outputs": "full"},
        "solver": "eigh",
        "record": ["loss"],
    } | changes


@pytest.mark.parametrize(
    ("changes", "least"),
    [
        ({}, 3 * (3000 * 10) ** 2 * 8),
        ({"kernel": "empirical"}, 4 * 3000**2 * 8),
        ({"width": 10**8, "kernel": "analytic"}, 10**8 * 2 * 8),
    ],
)
def test_a_cell_that_takes_too_much_is_refused_before_anything_of_it_is_allocated(
    changes: dict[str, Any], least: int
) -> None:
    found = load_study(study(**changes))
    (task,) = plan_cells(found).tasks.values()
    assert task.memory > least
    tracemalloc.start()
    try:
        with pytest.raises(StudyError, match=r"takes about .* at most 100 MB are allowed: use "):
            plan_cells(found, memory=100_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The data, and next to nothing else.
    assert peak < 20_000_000
    plan_cells(found, memory=2 * task.memory)
