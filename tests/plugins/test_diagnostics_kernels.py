"""What is measured on the kernels of a cell."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, strategies as st
from ntksim import (
    Array,
    Dataset,
    Evolution,
    FinishedCell,
    KernelBlocks,
    KernelProvider,
    Kernels,
    Model,
    Problem,
    Spectrum,
)

from ntksim_builtin.diagnostics import Kernel, KernelDistance, LossBounds, SpectrumDiagnostic
from ntksim_builtin.diagnostics.kernel_distance import relative_distance
from ntksim_builtin.kernels import Analytic

TIMES = np.array([0.0, 0.5, np.inf])


def decomposed(kernel: np.ndarray) -> Spectrum:
    values, vectors = np.linalg.eigh(kernel)
    values = np.maximum(values[::-1], 0)
    return Spectrum(values, vectors[:, ::-1], len(values) * np.finfo(float).eps * values[0])


def cell(
    y_train: np.ndarray,
    *,
    spectrum: Spectrum | None = None,
    kernels: KernelBlocks | None = None,
    references: dict[str, KernelBlocks] | None = None,
    test_points: int = 2,
    f0: float = 0.0,
) -> FinishedCell:
    points, outputs = y_train.shape
    x, x_test = np.ones((points, 1)), np.ones((test_points, 1))
    y_test = np.zeros((test_points, outputs))
    data = Dataset(x, y_train, x_test, y_test)
    problem = Problem(
        x_train=data.x_train,
        y_train=y_train,
        x_test=data.x_test,
        f0_train=np.full_like(y_train, f0),
        f0_test=y_test,
        zero_initial_output=False,
        kernels=kernels,
        spectrum=spectrum,
    )
    evolution = Evolution(
        TIMES, np.zeros((3, points, outputs)), np.zeros((3, test_points, outputs))
    )
    return FinishedCell(data, problem, TIMES, evolution, references or {})


def test_spectrum_by_hand() -> None:
    # [[2, 1], [1, 2]] has eigenvalues 3 and 1 along (1, 1)/√2 and (1, −1)/√2.
    finished = cell(
        np.array([[1.0, 2.0], [3.0, 2.0]]), spectrum=decomposed(np.array([[2.0, 1], [1, 2]]))
    )
    measured = SpectrumDiagnostic().measure(finished)
    np.testing.assert_allclose(measured["eigenvalue"], [3, 1], rtol=1e-14)  # rounding
    expected = np.array([[4, 4], [2, 0]]) / np.sqrt(2)
    np.testing.assert_allclose(np.abs(measured["label_projection"]), expected, atol=1e-14)
    assert measured["eigenvalue_max"] == pytest.approx(3, rel=1e-14)
    assert measured["eigenvalue_min"] == pytest.approx(1, rel=1e-14)
    assert measured["condition_number"] == pytest.approx(3, rel=1e-14)
    assert measured["numerical_rank"] == 2
    assert measured["stable_learning_rate"] == pytest.approx(2 / 3, rel=1e-14)
    assert set(measured) == set(SpectrumDiagnostic.variables)


def test_a_singular_kernel_has_an_infinite_condition_number() -> None:
    finished = cell(np.array([[0.0], [1.0]]), spectrum=decomposed(np.ones((2, 2))))
    measured = SpectrumDiagnostic().measure(finished)
    assert measured["condition_number"] == np.inf
    assert measured["numerical_rank"] == 1
    assert measured["stable_learning_rate"] == pytest.approx(1, rel=1e-14)


def test_a_kernel_that_is_zero_bounds_no_learning_rate() -> None:
    spectrum = Spectrum(np.zeros(2), np.eye(2), 0.0)
    measured = SpectrumDiagnostic().measure(cell(np.ones((2, 1)), spectrum=spectrum))
    assert measured["condition_number"] == np.inf
    assert measured["numerical_rank"] == 0
    assert measured["stable_learning_rate"] == np.inf


@given(st.integers(1, 5), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_oracle_15_projections_keep_the_norm_of_the_targets(
    points: int, outputs: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(points, outputs))
    shared, full = rng.normal(size=(points, points)), rng.normal(size=(points * outputs,) * 2)
    measured = SpectrumDiagnostic().measure(cell(y, spectrum=decomposed(shared @ shared.T)))
    assert np.sum(np.square(measured["label_projection"])) == pytest.approx(np.sum(y**2), rel=1e-12)
    spectrum = decomposed(full @ full.T)
    projection = np.asarray(
        SpectrumDiagnostic().measure(cell(y, spectrum=spectrum))["label_projection"]
    )
    assert projection.shape == (points * outputs, outputs)
    # The rows of a full kernel are ordered (point, output), as the targets are when flattened.
    whole = projection.sum(axis=1)
    np.testing.assert_allclose(whole, spectrum.eigenvectors.T @ y.ravel(), atol=1e-12)  # rounding
    assert np.sum(whole**2) == pytest.approx(np.sum(y**2), rel=1e-12)


def test_full_projections_of_a_kernel_that_is_diagonal_in_outputs() -> None:
    # Θ ⊗ 1: each mode belongs to one output, and the projections are those of the shared kernel.
    shared = np.array([[2.0, 1], [1, 2]])
    full = np.kron(shared, np.diag([1.0, 10.0]))
    y = np.array([[1.0, 5.0], [1.0, 7.0]])
    measured = SpectrumDiagnostic().measure(cell(y, spectrum=decomposed(full)))
    np.testing.assert_allclose(measured["eigenvalue"], [30, 10, 3, 1], rtol=1e-13)
    expected = np.array([[0, 12], [0, 2], [2, 0], [0, 0]]) / np.sqrt(2)
    np.testing.assert_allclose(np.abs(measured["label_projection"]), expected, atol=1e-13)


def blocks(**train: np.ndarray) -> KernelBlocks:
    test_train = {name: 2 * value for name, value in train.items()}
    return KernelBlocks(Kernels(**train), Kernels(**test_train))


def test_kernels_are_recorded_as_far_as_there_are_any() -> None:
    ntk, nngp, error = np.eye(2), np.ones((2, 2)), np.full((2, 2), 0.1)
    full = np.arange(4.0).reshape(2, 1, 2, 1)
    y = np.ones((2, 1))
    measured = Kernel().measure(
        cell(
            y,
            kernels=blocks(
                ntk=ntk,
                nngp=nngp,
                ntk_full=full,
                ntk_standard_error=error,
                nngp_standard_error=3 * error,
            ),
        )
    )
    expected = {
        "ntk_train": ntk,
        "ntk_test_train": 2 * ntk,
        "nngp_train": nngp,
        "nngp_test_train": 2 * nngp,
        "ntk_train_standard_error": error,
        "ntk_test_train_standard_error": 2 * error,
        "nngp_train_standard_error": 3 * error,
        "nngp_test_train_standard_error": 6 * error,
        "ntk_full_train": full,
        "ntk_full_test_train": 2 * full,
    }
    assert set(measured) == set(expected) == set(Kernel.variables)
    for name, value in expected.items():
        np.testing.assert_array_equal(measured[name], value, err_msg=name)
        assert np.ndim(value) == len(Kernel.variables[name].dims)
    assert set(Kernel().measure(cell(y, kernels=blocks(ntk=ntk)))) == {
        "ntk_train",
        "ntk_test_train",
    }
    alone = Kernel().measure(cell(y, kernels=blocks(ntk=ntk, nngp=nngp), test_points=0))
    assert set(alone) == {"ntk_train", "nngp_train"}
    assert Kernel().measure(cell(y)) == {}


@dataclass(frozen=True)
class Other(KernelProvider):
    """Some kernel provider."""

    name: ClassVar[str] = "other"

    def kernels(self, model: Model, x1: Array, x2: Array | None = None) -> Kernels:
        raise NotImplementedError


def test_distances_by_hand() -> None:
    # All ones against the identity: √2 off the diagonal over ‖1‖ = √2.
    own = KernelBlocks(
        Kernels(ntk=np.ones((2, 2)), nngp=2 * np.eye(2)), Kernels(ntk=np.ones((2, 2)))
    )
    other = KernelBlocks(Kernels(ntk=np.eye(2), nngp=np.eye(2)), Kernels(ntk=2 * np.ones((2, 2))))
    y = np.ones((2, 1))
    finished = cell(y, kernels=own, references={"analytic": other})
    measured = KernelDistance().measure(finished)
    assert measured == pytest.approx(
        {"ntk_distance_train": 1, "nngp_distance_train": 1, "ntk_distance_test_train": 0.5}
    )
    assert KernelDistance().references() == (Analytic(),)
    assert KernelDistance(Other()).references() == (Other(),)
    assert KernelDistance(Other()).measure(finished) == {}
    alone = cell(y, kernels=own, references={"analytic": other}, test_points=0)
    assert set(KernelDistance().measure(alone)) == {"ntk_distance_train", "nngp_distance_train"}


def test_distance_from_a_reference_that_is_zero() -> None:
    zero, one = np.zeros((2, 2)), np.ones((2, 2))
    assert relative_distance(zero, zero) == 0
    assert relative_distance(one, zero) == np.inf
    assert relative_distance(zero, one) == 1


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_gradient_flow_stays_between_the_bounds(points: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    root, y = rng.normal(size=(points, points)), rng.normal(size=(points, 2))
    spectrum = decomposed(root @ root.T / points)
    measured = LossBounds().measure(cell(y, spectrum=spectrum, f0=1.0))
    decay = np.exp(-spectrum.eigenvalues * TIMES[:2, None])
    modes = spectrum.eigenvectors.T @ (1.0 - y)
    exact = 0.5 * np.square(decay[:, :, None] * modes).sum(axis=(1, 2))
    slack = 1 + 1e-12  # rounding: with one point the three are equal
    assert (np.asarray(measured["loss_lower_bound"])[:2] <= exact * slack).all()
    assert (exact <= np.asarray(measured["loss_upper_bound"])[:2] * slack).all()


def test_bounds_by_hand() -> None:
    y = np.array([[1.0], [-1.0]])
    measured = LossBounds().measure(cell(y, spectrum=Spectrum(np.array([2.0, 1.0]), np.eye(2), 0)))
    np.testing.assert_allclose(measured["loss_lower_bound"], [1, np.exp(-2), 0], rtol=1e-14)
    np.testing.assert_allclose(measured["loss_upper_bound"], [1, np.exp(-1), 0], rtol=1e-14)


def test_a_loss_in_the_null_space_is_not_promised_to_decay() -> None:
    # Two equal inputs with targets ±1: nothing can be learnt, the loss stays 1 for ever.
    y = np.array([[1.0], [-1.0]])
    measured = LossBounds().measure(cell(y, spectrum=decomposed(np.ones((2, 2)))))
    np.testing.assert_array_equal(measured["loss_upper_bound"], [1, 1, 1])
    zero = LossBounds().measure(cell(y, spectrum=Spectrum(np.zeros(2), np.eye(2), 0.0)))
    np.testing.assert_array_equal(zero["loss_lower_bound"], [1, 1, 1])
