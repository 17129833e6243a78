"""Seeds, cells, bounds, spectra and times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from ntksim.analysis import (
    AnalysisError,
    at_time,
    bounds,
    cells,
    done,
    over_seeds,
    predictor_gap,
    spectrum,
)


def test_mean_and_band_are_of_cells_that_are_done(failing: xr.Dataset) -> None:
    for name in ("loss", "steps"):  # a number that failed cells have as NaN, and one as 0
        found = over_seeds(failing, name)
        np.testing.assert_array_equal(found["count"], [3, 1])
        np.testing.assert_allclose(found["mean"], [3.0, 4.0])
        # Deviations −2, −1, 3: 14/2 = 7.
        np.testing.assert_allclose(found["std"], [np.sqrt(7), np.nan])
        np.testing.assert_allclose(found.standard_error, [np.sqrt(7 / 3), np.nan])
        np.testing.assert_allclose(found.low, [3 - np.sqrt(7), np.nan])
        np.testing.assert_allclose(found.high, [3 + np.sqrt(7), np.nan])
    assert found.attrs == {"variable": "steps", "band": "std"}
    loss = over_seeds(failing, "loss")
    assert loss["mean"].attrs == {"long_name": "mean over seeds of the loss", "units": "m"}
    # Two of three cells that are done diverged, and the one.
    np.testing.assert_allclose(over_seeds(failing, "diverged")["mean"], [2 / 3, 1])


def test_bands_can_be_standard_errors_or_quantiles(failing: xr.Dataset) -> None:
    error = over_seeds(failing, "loss", "standard_error")
    np.testing.assert_allclose(error.high - error["mean"], error.standard_error)
    quantiles = over_seeds(failing, "loss", (0.25, 1.0))
    np.testing.assert_allclose(quantiles.low, [1.5, 4.0])  # half way from 1 to 2
    np.testing.assert_allclose(quantiles.high, [6.0, 4.0])
    none = over_seeds(failing.isel(seed=[1, 2], width=[1]), "loss", (0.1, 0.9))
    assert none.low.isnull().all()
    assert none["mean"].isnull().all()
    assert int(none["count"].squeeze()) == 0


@pytest.mark.parametrize("band", ["sd", (0.9, 0.1), (0.1, 1.2), (0.5,)])
def test_bands_that_are_none_are_refused(failing: xr.Dataset, band: Any) -> None:
    with pytest.raises(AnalysisError, match=r"band is .*it must be 'std'"):
        over_seeds(failing, "loss", band)


def test_without_seeds_there_is_nothing_to_average(failing: xr.Dataset) -> None:
    with pytest.raises(AnalysisError, match="'loss' has no dimension 'seed'; it has width"):
        over_seeds(failing.isel(seed=0), "loss")


def test_data_alone_or_without_status_stay_as_they_are(points: xr.Dataset) -> None:
    targets, loss = points.y_train, points.loss_train
    assert done(points, targets) is targets
    assert done(points.drop_vars("status"), loss) is loss


def test_cells_are_a_table(tree: xr.DataTree, failing: xr.Dataset) -> None:
    root = tree.to_dataset()
    table = cells(root)
    assert table.sizes == {"cell": root.status.size}
    counted = {status: cells(root, status).sizes["cell"] for status in np.unique(table.status)}
    assert sum(counted.values()) == root.status.size
    refused = cells(root, "not applicable")
    assert refused.sizes["cell"] > 0
    assert np.isinf(refused.width).all()
    assert all(str(message) for message in refused.message.values)
    first = table.isel(cell=0)
    position = {axis: first[axis].item() for axis in root.status.dims}
    assert root.status.sel(position).item() == first.status.item()
    failed = cells(failing, "failed")
    assert (failed.width.item(), failed.seed.item(), failed.message.item()) == (16, 1, "why")
    one = cells(failing.isel(width=0, seed=0))
    assert one.sizes == {"cell": 1}


def test_cells_that_cannot_be_had_are_refused(tree: xr.DataTree, failing: xr.Dataset) -> None:
    with pytest.raises(AnalysisError, match="no status 'broken'; there are done, failed"):
        cells(failing, "broken")
    with pytest.raises(AnalysisError, match="do not say what became of their cells"):
        cells(tree["points"].to_dataset())


def test_the_loss_keeps_within_its_bounds_and_a_swap_shows(points: xr.Dataset) -> None:
    found = bounds(points).sel(solver="eigh")
    sides = dict(zip(found.bound.values.tolist(), found.side.values.tolist(), strict=True))
    assert sides == {
        "loss_lower_bound": "lower",
        "loss_upper_bound": "upper",
        "loss_bound_label_lower": "lower",
        "loss_bound_label_upper": "upper",
    }
    xr.testing.assert_equal(found.loss_upper_bound, points.loss_upper_bound.sel(solver="eigh"))
    assert found.loss_upper_bound.attrs["side"] == "upper"
    # Bound and loss are products of the same numbers in other orders.
    first = float(points.loss_train.sel(time=0).max())
    assert float(found.violation.max()) < 1e-12 * first
    assert found.violation.notnull().any()
    swapped = bounds(points, upper=["loss_lower_bound"]).sel(solver="eigh", kernel="analytic")
    expected = points.loss_train - points.loss_lower_bound
    np.testing.assert_allclose(
        swapped.violation.isel(bound=0), expected.sel(solver="eigh", kernel="analytic"), atol=1e-12
    )
    assert float(swapped.violation.max()) > 0.01


def test_other_variables_have_bounds_by_name(points: xr.Dataset) -> None:
    rate = bounds(points, "loss_rate").sel(solver="eigh")
    assert set(rate.bound.values.tolist()) == {"loss_rate_min", "loss_rate_max"}
    # Rates are quotients of losses: rounding of 1e-16 over what is left of them.
    assert float(rate.violation.max()) < 1e-8 * float(points.loss_rate_max.max())
    with pytest.raises(AnalysisError, match="no bounds of 'loss_test' were recorded"):
        bounds(points, "loss_test")


def test_a_spectrum_says_how_fast_and_how_much(points: xr.Dataset) -> None:
    found = spectrum(points)
    there = found.eigenvalue > 0  # a narrow network may have an exact 0
    np.testing.assert_array_equal(found.eigenvalue.values, points.eigenvalue.values)
    np.testing.assert_allclose((found.time_constant * found.eigenvalue).where(there, 1), 1)
    shares = found.label_share.sel(kernel="analytic", solver="eigh")
    np.testing.assert_allclose(shares.sum("mode"), 1, rtol=1e-12)
    part = points.sel(kernel="analytic", solver="eigh", seed=0, width=32).squeeze()
    expected = part.label_projection**2 / float((part.y_train**2).sum())
    own = found.sel(kernel="analytic", solver="eigh", seed=0, width=32).squeeze()
    np.testing.assert_allclose(own.label_share, expected, rtol=1e-12)
    np.testing.assert_allclose(own.label_share_cumulative, np.cumsum(expected), rtol=1e-12)


def test_an_eigenvalue_0_never_learns() -> None:
    found = spectrum(xr.Dataset({"eigenvalue": ("mode", [2.0, 0.0, np.nan])}))
    np.testing.assert_array_equal(found.time_constant, [0.5, np.inf, np.nan])
    assert "label_share" not in found
    with pytest.raises(AnalysisError, match="no variable 'eigenvalue'"):
        spectrum(xr.Dataset({"loss": 1.0}))


def test_who_opened_the_root_alone_is_told_where_the_rest_is() -> None:
    root = xr.Dataset({"loss_train": ("dataset", [1.0, 2.0])}, {"dataset": ["a", "b"]})
    with pytest.raises(AnalysisError, match=r"no variable 'prediction_test'.*in the group of a"):
        predictor_gap(root, {"dataset": "a"}, {"dataset": "b"})
    with pytest.raises(AnalysisError) as caught:
        predictor_gap(root.isel(dataset=0), {}, {})
    assert "group" not in str(caught.value)


TIMES = xr.DataArray(
    np.arange(5), dims="time", coords={"time": [0.0, 1.0, 10.0, 100.0, np.inf]}, name="n"
)


@pytest.mark.parametrize(
    ("time", "found"),
    [(0, 0), (0.4, 0), (1, 1), (6, 2), (np.inf, 4), ([np.inf, 0], [4, 0]), ([6], [2])],
)
def test_the_nearest_time_is_taken(time: Any, found: Any) -> None:
    chosen = at_time(TIMES, time)
    np.testing.assert_array_equal(chosen, found)
    assert chosen.ndim == np.ndim(time)


def test_a_time_beyond_the_last_one_is_told() -> None:
    with pytest.warns(UserWarning, match=r"times end at 100, whose .* stand for time 1e\+300"):
        assert float(at_time(TIMES, [1.0, 1e300])[1]) == 3
    with pytest.warns(UserWarning, match="times end at 100") as caught:
        at_time(TIMES.isel(time=slice(4)), 101.0)
    assert caught[0].filename == __file__


def test_infinity_is_the_latest_time_where_it_was_not_stored() -> None:
    assert float(at_time(TIMES.isel(time=slice(4)), np.inf).time) == 100
    assert float(at_time(TIMES.isel(time=[4]), 3.0).time) == np.inf


def test_times_that_are_too_far_are_refused() -> None:
    assert float(at_time(TIMES, 95, tolerance=0.1)) == 3
    assert float(at_time(TIMES, [np.inf, 0], tolerance=0.0).isel(time=0)) == 4
    with pytest.raises(AnalysisError, match=r"no time within 0.01 of 95 .*nearest is 100"):
        at_time(TIMES, 95, tolerance=0.01)
    with pytest.raises(AnalysisError, match="of inf was stored; nearest is 100"):
        at_time(TIMES.isel(time=slice(4)), np.inf, tolerance=0.5)
    with pytest.raises(AnalysisError, match="time is nan"):
        at_time(TIMES, float("nan"))
    without = TIMES.isel(time=0, drop=True)
    assert at_time(without, 3) is without
