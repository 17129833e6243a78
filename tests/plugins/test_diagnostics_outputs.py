"""What is measured on the outputs of a cell."""

import numpy as np
import pytest
from ntksim import Dataset, Diagnostic, Evolution, FinishedCell, Problem

from ntksim_builtin.diagnostics import (
    DIAGNOSTICS,
    Accuracy,
    Covariance,
    Loss,
    Predictions,
    Residuals,
    Variance,
)

TIMES = np.array([0.0, 1.0, np.inf])

X_TRAIN, X_TEST = np.array([[0.0], [1.0]]), np.array([[2.0], [3.0], [4.0]])
Y_TRAIN = np.array([[1.0, 0.0], [0.0, 1.0]])
Y_TEST = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])

TRAIN = np.array(
    [
        [[0.0, 0.0], [0.0, 0.0]],
        [[0.5, 0.25], [0.5, 0.25]],
        [[1.0, 0.0], [0.0, 1.0]],
    ]
)
TEST = np.array(
    [
        [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]],
        [[2.0, 1.0], [1.0, 2.0], [0.0, 0.5]],
        [[1.0, 0.0], [1.0, 0.5], [1.0, 1.0]],
    ]
)


def cell(
    dataset: Dataset, train: np.ndarray, test: np.ndarray, **extras: np.ndarray
) -> FinishedCell:
    problem = Problem(
        x_train=dataset.x_train,
        y_train=dataset.y_train,
        x_test=dataset.x_test,
        f0_train=np.zeros_like(dataset.y_train),
        f0_test=np.zeros_like(dataset.y_test),
        zero_initial_output=True,
    )
    times = TIMES[: len(train)]
    return FinishedCell(dataset, problem, times, Evolution(times, train, test, **extras))  # type: ignore[arg-type]


def example(*, classification: bool = True) -> FinishedCell:
    data = Dataset(X_TRAIN, Y_TRAIN, X_TEST, Y_TEST, classification=classification)
    return cell(data, TRAIN, TEST)


def one_output(outputs: list[float], targets: list[float]) -> FinishedCell:
    y = np.array(targets)[:, None]
    data = Dataset(np.ones((len(y), 1)), y, np.empty((0, 1)), y[:0], classification=True)
    return cell(data, np.array(outputs)[None, :, None], np.empty((1, 0, 1)))


def without_test_points() -> FinishedCell:
    data = Dataset(X_TRAIN, Y_TRAIN, X_TEST[:0], Y_TEST[:0], classification=True)
    return cell(
        data,
        TRAIN,
        TEST[:, :0],
        variance_test=np.empty((3, 0)),
        covariance_test=np.empty((3, 0, 0)),
    )


def without_test_targets() -> FinishedCell:
    unknown = np.full((3, 2), np.nan)
    data = Dataset(X_TRAIN, Y_TRAIN, X_TEST, unknown, classification=True, test_targets=False)
    return cell(data, TRAIN, TEST)


def test_predictions_are_the_outputs() -> None:
    measured = Predictions().measure(example())
    np.testing.assert_array_equal(measured["prediction_train"], TRAIN)
    np.testing.assert_array_equal(measured["prediction_test"], TEST)


def test_residuals_by_hand() -> None:
    measured = Residuals().measure(example())
    np.testing.assert_array_equal(
        measured["residual_train"],
        [[[-1, 0], [0, -1]], [[-0.5, 0.25], [0.5, -0.75]], [[0, 0], [0, 0]]],
    )
    np.testing.assert_array_equal(
        np.asarray(measured["residual_test"])[1], [[1, 1], [0, 2], [0, -0.5]]
    )


def test_loss_by_hand() -> None:
    measured = Loss().measure(example())
    # At time 1: ½ (¼ + 1/16 + ¼ + 9/16) = 9/16 and ½ (1 + 1 + 0 + 4 + 0 + ¼) = 25/8.
    np.testing.assert_array_equal(measured["loss_train"], [1, 0.5625, 0])
    np.testing.assert_array_equal(measured["loss_test"], [1.5, 3.125, 0.625])
    np.testing.assert_allclose(measured["mean_squared_error_train"], [0.5, 0.28125, 0])
    np.testing.assert_allclose(measured["mean_squared_error_test"], [0.5, 6.25 / 6, 1.25 / 6])


def test_accuracy_by_hand() -> None:
    measured = Accuracy().measure(example())
    # A tie is not correct: nothing is at time 0, nor the last test point at infinite time.
    np.testing.assert_array_equal(measured["accuracy_train"], [0, 0.5, 1])
    np.testing.assert_allclose(measured["accuracy_test"], [0, 2 / 3, 2 / 3])


def test_accuracy_of_one_output_is_that_of_its_sign() -> None:
    finished = one_output([0.1, -3.0, 2.0, 0.0], [1.0, -1.0, -1.0, 1.0])
    np.testing.assert_array_equal(Accuracy().measure(finished)["accuracy_train"], [0.5])


def test_a_regression_has_no_accuracy() -> None:
    assert Accuracy().measure(example(classification=False)) == {}


@pytest.mark.parametrize("kind", [Predictions, Residuals, Loss, Accuracy, Variance, Covariance])
def test_without_test_points_nothing_is_said_about_them(kind: type[Diagnostic]) -> None:
    measured = kind().measure(without_test_points())
    assert set(measured) == {name for name in kind.variables if name.endswith("_train")}


@pytest.mark.parametrize("kind", [Residuals, Loss, Accuracy])
def test_without_test_targets_nothing_is_compared_with_them(kind: type[Diagnostic]) -> None:
    measured = kind().measure(without_test_targets())
    assert set(measured) == {name for name in kind.variables if name.endswith("_train")}


def test_test_points_without_targets_are_still_predicted() -> None:
    measured = Predictions().measure(without_test_targets())
    np.testing.assert_array_equal(measured["prediction_test"], TEST)


def test_a_diverged_trajectory_is_measured_without_a_warning() -> None:
    # 1e200 is a float, its square is not; after it the solver gave up.
    train = np.array([[[1.0], [-1.0]], [[1e200], [-1e200]], [[np.nan], [np.nan]]])
    data = Dataset(X_TRAIN, np.array([[1.0], [-1.0]]), X_TEST, np.ones((3, 1)), True)
    finished = cell(data, train, np.concatenate([train, train[:, :1]], axis=1))
    loss = Loss().measure(finished)
    np.testing.assert_array_equal(loss["loss_train"], [0, np.inf, np.nan])
    np.testing.assert_array_equal(loss["mean_squared_error_test"], [4 / 3, np.inf, np.nan])
    np.testing.assert_array_equal(Accuracy().measure(finished)["accuracy_train"], [1, 1, np.nan])
    assert np.isnan(Residuals().measure(finished)["residual_train"]).sum() == 2


def test_accuracy_of_several_outputs_is_nan_where_one_is() -> None:
    test = TEST.copy()
    test[1, 2, 0] = np.nan
    data = Dataset(X_TRAIN, Y_TRAIN, X_TEST, Y_TEST, classification=True)
    measured = Accuracy().measure(cell(data, TRAIN, test))
    assert np.isnan(measured["accuracy_test"]).tolist() == [False, True, False]
    np.testing.assert_array_equal(measured["accuracy_train"], [0, 0.5, 1])


def test_uncertainties_are_those_of_the_solver() -> None:
    data = Dataset(X_TRAIN, Y_TRAIN, X_TEST, Y_TEST)
    variance, covariance = np.arange(9.0).reshape(3, 3), np.arange(27.0).reshape(3, 3, 3)
    finished = cell(data, TRAIN, TEST, variance_test=variance, covariance_test=covariance)
    assert Variance().measure(finished) == {"prediction_variance_test": variance}
    assert Covariance().measure(finished) == {"prediction_covariance_test": covariance}
    assert Variance.extras == {"variance"}
    assert Covariance.extras == {"covariance"}
    assert Variance().measure(example()) == {}
    assert Covariance().measure(example()) == {}


def test_every_variable_has_one_diagnostic_and_a_name_for_readers() -> None:
    names = [name for kind in DIAGNOSTICS for name in kind.variables]
    assert len(set(names)) == len(names)
    for kind in DIAGNOSTICS:
        assert kind.description().endswith((".", ":")), kind
        for name, spec in kind.variables.items():
            assert spec.long_name, name
            assert spec.units in {"1", "1 / gradient-flow time", "degree"}, name


@pytest.mark.parametrize("kind", DIAGNOSTICS)
@pytest.mark.parametrize("make", [example, without_test_points, without_test_targets])
def test_every_diagnostic_measures_a_cell_without_kernels(kind: type[Diagnostic], make) -> None:
    measured = kind().measure(make())
    assert set(measured) <= set(kind.variables)
    for name, value in measured.items():
        assert np.ndim(value) == len(kind.variables[name].dims), name
