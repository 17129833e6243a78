"""Numbers that leave the range of float64 end a cell with a reason, and others do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ntksim.engine import run
from ntksim.engine.finite import (
    require_kernels,
    require_training_kernels,
    watched_underflow,
    within_range,
)
from ntksim.store import Journal, Places
from ntksim.types import Kernels


def kernels_of(x: np.ndarray) -> Kernels:
    """The kernel x·x′ of a linear model."""
    return Kernels(ntk=x @ x.T)


@pytest.mark.parametrize("size", [1e-170, 1e-155, 5e-324])
def test_a_training_kernel_that_is_too_small_is_refused(size: float) -> None:
    with (
        pytest.raises(FloatingPointError, match=r"tangent kernel is (.*smallest|at most)"),
        watched_underflow() as underflow,
    ):
        require_training_kernels(kernels_of(np.array([[size], [2 * size]])), underflow)


def test_small_points_beside_others_are_like_zero() -> None:
    with watched_underflow() as underflow:
        kernels = kernels_of(np.array([[1e-170], [1.0]]))
    assert underflow.seen
    assert require_training_kernels(kernels, underflow) is kernels


def test_a_kernel_that_is_zero_is_one() -> None:
    with watched_underflow() as underflow:
        kernels = kernels_of(np.zeros((3, 2)))
    assert not underflow.seen
    assert require_training_kernels(kernels, underflow) is kernels


def test_standard_errors_may_be_small() -> None:
    kernels = Kernels(ntk=np.eye(2), ntk_standard_error=np.full((2, 2), 1e-320))
    with watched_underflow() as underflow:
        assert require_training_kernels(kernels, underflow) is kernels


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["ntk", "nngp", "ntk_full", "ntk_standard_error"])
def test_what_is_not_finite_is_named_with_its_place(field: str, bad: float) -> None:
    values = np.zeros((2, 1, 2, 1)) if field == "ntk_full" else np.zeros((2, 2))
    values.reshape(-1)[1] = bad
    name = {"ntk": "tangent kernel", "nngp": "NNGP", "ntk_full": "tangent kernel full"}
    with pytest.raises(FloatingPointError, match=f"the {name.get(field, 'tangent kernel')}.*not a"):
        require_kernels(Kernels(**{field: values}))


def test_numbers_beyond_those_of_python_are_words() -> None:
    with (
        pytest.raises(FloatingPointError, match=r"beyond the largest float .* while trying"),
        within_range("trying"),
    ):
        _ = 1e200**2


def failure(folder: Path, **changes: Any) -> str:
    """Run a study of one cell; return why it failed, or nothing."""
    text = {
        "study": "tiny",
        "dataset": "{name: file, path: data.npz}",
        "architecture": "mlp",
        "width": "8",
        "time": "[0, 1, .inf]",
        "kernel": "analytic",
        "solver": "eigh",
        "record": "[predictions]",
    } | changes
    path = folder / "tiny.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in text.items()), encoding="utf-8")
    run(path, store=folder / "tiny.zarr")
    journal = Journal(Places.of(folder / "tiny.zarr").journal)
    (key,) = journal.keys()
    return str(journal.read(key).info.get("error", ""))


CASES = [
    ("analytic", "mlp"),
    ("analytic", "{name: mlp, activation: tanh}"),
    ("empirical", "residual_mlp"),
    ("{name: empirical, outputs: full}", "{name: mlp, activation: erf}"),
    ("{name: monte_carlo, samples: 2}", "mlp"),
]


@pytest.mark.parametrize("size", [1e-170, 1e-100, 1e160])
@pytest.mark.parametrize(("kernel", "architecture"), CASES)
def test_inputs_of_extreme_size(
    tmp_path: Path, kernel: str, architecture: str, size: float
) -> None:
    x = np.array([[1.0, 0.5], [-0.3, 2.0], [0.7, 0.7]]) * size
    y = np.array([[1.0], [-1.0], [2.0]])
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    error = failure(tmp_path, kernel=kernel, architecture=architecture)
    if size == 1e-100:
        assert not error
    elif size < 1:
        assert error.startswith("FloatingPointError: the ")
        assert "0 because numbers in it are smaller than the smallest float" in error
    else:
        assert error.startswith("FloatingPointError: the ")
        assert "use inputs and standard deviations of ordinary size" in error


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        ("{name: mlp, weight_std: 1e-60, depth: 4}", "the largest eigenvalue of the tangent"),
        ("{name: mlp, weight_std: 1e-100}", "the largest eigenvalue of the tangent kernel is 0"),
        ("{name: shallow_relu, weight_std: 1e+150}", "the tangent kernel of the network has"),
        ("{name: mlp, weight_std: 1e+100}", "the output of the untrained network on training"),
    ],
)
def test_training_of_extreme_deviations(tmp_path: Path, architecture: str, said: str) -> None:
    x = np.array([[1.0, 0.5], [-0.3, 2.0]])
    np.savez(tmp_path / "data.npz", x_train=x, y_train=x[:, :1], x_test=x, y_test=x[:, :1])
    solver = {"solver": "network_gradient_descent", "kernel": "empirical"}
    error = failure(tmp_path, architecture=architecture, **solver)
    assert error.startswith(f"FloatingPointError: {said}")
