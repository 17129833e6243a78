"""Figure 5, from its store: three predictors, and beside them the network really trained."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from stored_studies import Run, Stored

pytestmark = pytest.mark.figures

INF = float("inf")
TENTHS = slice(None, None, 10)
"""The grid of 101 points at x = 0, 0.1, …, 1."""

REGRESSION = [-0.088972, -0.07069, -0.05, -0.127733, -0.2, -0.079754, 0.045241, 0.17245, 0.3]
REGRESSION += [0.344144, 0.387457]
"""Kernel regression at these points."""


@pytest.fixture(scope="module")
def figure5(stored: Run) -> Stored:
    """With training of a narrow network only: the wider ones take a minute."""
    trained = {"name": "network_gradient_descent", "learning_rate": 0.25, "label": "trained"}
    times = [0, 500, 4000]
    return stored("figure5", width=[100, INF], time=times, solver=["eigh", trained])


@pytest.fixture(scope="module")
def published(stored: Run) -> xr.Dataset:
    """The published network of 10,000 units, in closed form."""
    return stored("figure5", width=[10_000, INF], solver="eigh")["three_points"]


def test_f5_c_infinite_width_ends_as_kernel_regression(published: xr.Dataset) -> None:
    limit = published.sel(width=INF, kernel="analytic")
    np.testing.assert_allclose(limit.x_test[TENTHS], np.arange(11) / 10, rtol=0, atol=1e-15)
    # At t = 500 the slowest mode has fallen by e^{−14.5} = 5e-7.
    for time, digits in ((500, 1e-6), (4000, 5.1e-7)):
        found = limit.prediction_test.sel(time=time)[TENTHS]
        np.testing.assert_allclose(found, REGRESSION, rtol=0, atol=digits)


def test_f5_a_full_network_misses_and_b_linearised_network_meets_the_points(
    published: xr.Dataset,
) -> None:
    group = published.sel(width=10_000, kernel="empirical", time=500)
    full = np.abs(group.prediction_full_train - group.y_train)
    np.testing.assert_allclose(full.max(), 0.033, rtol=0, atol=5e-4)
    # What is left of the slowest mode at t = 500 is 1e-7 of it.
    assert np.abs(group.prediction_train - group.y_train).max() < 1e-6


def test_c18_at_t_25_no_predictor_fits(published: xr.Dataset) -> None:
    group = published.sel(width=10_000, kernel="empirical", time=25)
    linear = np.abs(group.prediction_train - group.y_train).max()
    np.testing.assert_allclose(linear, 0.067, rtol=0, atol=5e-4)


def test_f5_the_infinite_kernel_from_a_finite_start_meets_the_points_too(
    published: xr.Dataset,
) -> None:
    """The published panel c: the infinite-width kernel from the outputs of a finite network."""
    hybrid = published.sel(width=10_000, kernel="analytic", time=4000)
    assert np.abs(hybrid.prediction_train - hybrid.y_train).max() < 1e-13
    # It is not kernel regression: what the start holds elsewhere is only partly unlearnt.
    gap = np.abs(hybrid.prediction_test[TENTHS] - REGRESSION)
    assert gap.max() > 0.01


def check_training(group: xr.Dataset) -> None:
    """Real training meets the points to 1e-6 at t = 4000, and at t = 500 it lags behind."""
    misfit = np.abs(group.prediction_train - group.y_train).max("train_point")
    trained, linear = misfit.sel(solver="trained"), misfit.sel(solver="eigh")
    assert trained.sel(time=4000) < 1e-6
    assert trained.sel(time=500) > 10 * linear.sel(time=500)
    # The full network at linearised parameters stays away for good.
    full = np.abs(group.prediction_full_train - group.y_train).max("train_point")
    assert full.sel(solver="eigh", time=4000) > 0.03
    assert full.sel(solver="trained", time=4000) < 1e-6


def test_c17_trained_networks_fit_but_more_slowly(figure5: Stored) -> None:
    check_training(figure5["three_points"].sel(width=100, kernel="empirical"))


def test_f5_training_the_network_knows_no_kernel(figure5: Stored) -> None:
    trained = figure5["three_points"].prediction_test.sel(solver="trained", width=100)
    np.testing.assert_array_equal(trained.sel(kernel="empirical"), trained.sel(kernel="analytic"))


@pytest.mark.slow
def test_f5_at_full_size(stored: Run) -> None:
    """The published width really trained: it fits, where the published full network does not."""
    group = stored("figure5")["three_points"].sel(kernel="empirical")
    for width in (100, 1000, 10_000):
        check_training(group.sel(width=width))
    outputs = group.prediction_test.sel(time=4000)
    gap = np.abs(outputs.sel(solver="trained") - outputs.sel(solver="eigh")).max("test_point")
    gap = gap.sel(width=[100, 1000, 10_000])
    assert (gap.diff("width") < 0).all()
