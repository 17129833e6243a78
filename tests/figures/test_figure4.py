"""Figure 4, from its store: the full network at the parameters of its linearisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.stats import linregress

from stored_studies import Run, Stored


@pytest.fixture(scope="module")
def figure4(stored: Run) -> Stored:
    return stored("figure4", width=[10, 100, 1000, 10_000])


def misfit(group: xr.Dataset) -> xr.DataArray:
    """Largest distance of the full network from the linearised outputs at training points."""
    return np.abs(group.prediction_full_train - group.prediction_train).max("train_point")


def test_f4_all_times_are_there(figure4: Stored) -> None:
    np.testing.assert_array_equal(figure4.root.time, [0, 0.1, 0.5, 1.5, 5, 25, 5000])
    assert figure4["three_points"].prediction_full_test.notnull().all()


def test_c17_published_misfit_at_ten_thousand_units(figure4: Stored) -> None:
    """3.5/√width: 0.033, where the linearised network is met exactly."""
    group = figure4["three_points"].sel(width=10_000, time=5000)
    np.testing.assert_allclose(misfit(group), 0.033, rtol=0, atol=5e-4)
    targets = np.abs(group.prediction_full_train - group.y_train).max()
    np.testing.assert_allclose(targets, 0.033, rtol=0, atol=5e-4)
    assert np.abs(group.prediction_train - group.y_train).max() < 1e-13


@pytest.mark.parametrize(("time", "least"), [(5, 0.02), (25, 0.7), (5000, 1.5)])
def test_f4_misfit_is_of_the_order_of_the_root_of_the_width(
    figure4: Stored, time: float, least: float
) -> None:
    """misfit·√width is about 3.5 in the end; the law itself takes more than one network a width."""
    found = misfit(figure4["three_points"]).sel(time=time, width=[100, 1000, 10_000])
    scaled = found * np.sqrt(found.width)
    assert ((scaled > least) & (scaled < 5)).all()


def test_f4_the_stored_misfit_is_this_one(figure4: Stored) -> None:
    np.testing.assert_allclose(
        figure4.root.prediction_full_misfit_train, misfit(figure4["three_points"]), rtol=1e-12
    )


def test_f4_the_store_has_an_exponent_of_one_network_a_width(figure4: Stored) -> None:
    """One seed: its standard error is that of the distances from the line."""
    at = {"time": 5000}
    fitted = figure4.root.prediction_full_misfit_train_width_exponent.sel(at)
    error = figure4.root.prediction_full_misfit_train_width_exponent_standard_error.sel(at)
    found = figure4.root.prediction_full_misfit_train.sel(at)
    expected: Any = linregress(np.log(found.width), np.log(found))
    np.testing.assert_allclose(fitted, expected.slope, rtol=1e-10)
    np.testing.assert_allclose(error, expected.stderr, rtol=1e-8)
    assert abs(fitted + 0.5) < 4.3 * error  # Student's t with 2 degrees of freedom, 5 %


def test_f4_both_networks_start_as_one(figure4: Stored) -> None:
    start = figure4["three_points"].sel(time=0)
    np.testing.assert_allclose(
        start.prediction_full_test, start.prediction_test, rtol=0, atol=1e-14
    )


@pytest.mark.slow
def test_f4_at_full_size(stored: Run) -> None:
    """Up to 100,000 units."""
    found = misfit(stored("figure4")["three_points"]).sel(time=5000)
    scaled = (found * np.sqrt(found.width)).sel(width=slice(100, None))
    assert ((scaled > 1.5) & (scaled < 5)).all()
    assert found.sel(width=100_000) < 0.02
