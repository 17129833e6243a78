"""Gaps between predictors, and the powers of the width that they follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from ntksim.analysis import AnalysisError, predictor_gap, width_exponent


def test_a_gap_is_the_root_mean_square_difference(points: xr.Dataset) -> None:
    gap = predictor_gap(points, "empirical", "analytic")
    assert gap.dims == ("architecture", "width", "seed", "solver", "time")
    part = points.prediction_test.sel(width=512, seed=1, solver="eigh", time=2).squeeze()
    one, other = (part.sel(kernel=kernel).values for kernel in ("empirical", "analytic"))
    expected = np.sqrt(np.mean((one - other) ** 2))
    assert expected > 1e-3
    found = gap.sel(width=512, seed=1, solver="eigh", time=2).squeeze()
    # The same sum in another order.
    assert float(found) == pytest.approx(expected, rel=1e-12)
    assert gap.attrs["long_name"] == "root mean square difference of the output at test points"
    assert gap.attrs["description"] == "empirical − analytic"


def test_other_measures_are_of_the_same_difference(points: xr.Dataset) -> None:
    difference = predictor_gap(points, "empirical", "analytic", measure="difference")
    assert {"test_point", "output"} <= set(difference.dims)
    largest = predictor_gap(points, "empirical", "analytic", measure="max")
    inner = ["test_point", "output"]
    xr.testing.assert_equal(largest, abs(difference).max(inner, skipna=False))
    backwards = predictor_gap(points, "analytic", "empirical", measure="difference")
    np.testing.assert_array_equal(backwards.values, -difference.values)


def test_predictors_can_be_positions_on_several_axes(points: xr.Dataset) -> None:
    limit = {"kernel": "analytic", "width": np.inf, "solver": "eigh"}
    gap = predictor_gap(points, {"solver": "trained"}, limit)
    assert gap.dims == ("architecture", "width", "seed", "kernel", "time")
    trained = points.prediction_test.sel(solver="trained", kernel="empirical", width=32, seed=0)
    infinite = points.prediction_test.sel(limit | {"seed": 0})
    expected = np.sqrt(((trained - infinite) ** 2).mean(["test_point", "output"]))
    found = gap.sel(kernel="empirical", width=32, seed=0)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_where_one_is_not_there_is_no_gap(points: xr.Dataset) -> None:
    gap = predictor_gap(points, "empirical", "analytic")
    assert gap.sel(width=np.inf).isnull().all()
    assert gap.sel(width=32).notnull().all()


def test_the_law_of_a_gap_is_the_line_through_mean_logarithms(points: xr.Dataset) -> None:
    gap = predictor_gap(points, "empirical", "analytic").sel(solver="eigh", time=1).squeeze()
    law = width_exponent(points, gap)
    finite = gap.sel(width=[32, 512]).transpose("width", "seed").values
    slope, constant = np.polyfit(np.log([32, 512]), np.log(finite).mean(axis=1), 1)
    assert slope < -0.1  # kernels of wider networks are closer to their limit
    assert float(law.exponent) == pytest.approx(slope, rel=1e-10)
    assert float(law.prefactor) == pytest.approx(np.exp(constant), rel=1e-10)
    assert law.attrs["variable"] == "prediction_test_gap"


def made(values: Any, widths: Any) -> xr.Dataset:
    return xr.Dataset(
        {"quantity": (("kernel", "width", "seed"), values, {"long_name": "thing", "units": "m"})},
        coords={"width": widths, "kernel": ["a", "b"]},
    )


def test_a_law_is_found_exactly_on_every_other_axis() -> None:
    widths = np.array([8.0, 32.0, 128.0, np.inf])
    law = np.array([3.0 * widths**-0.5, 0.2 * widths**1.5])
    values = np.repeat(law[..., None], 2, axis=2)
    values[:, -1] = 7.0  # whatever the limit is, it is no point of the law
    found = width_exponent(made(values, widths), "quantity")
    np.testing.assert_allclose(found.exponent, [-0.5, 1.5], rtol=1e-12)
    np.testing.assert_allclose(found.prefactor, [3.0, 0.2], rtol=1e-12)
    np.testing.assert_allclose(found.standard_error, 0, atol=1e-12)
    assert found.prefactor.attrs["units"] == "m"
    assert found.exponent.attrs["long_name"] == "exponent of the width in the thing"


def test_the_standard_error_is_how_far_exponents_scatter() -> None:
    """Over 2000 draws of a law with scatter, the exponents' own deviation is the stated one."""
    rng = np.random.default_rng(0)
    widths = np.array([10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0])
    draws, seeds = 2000, 20
    scatter = 0.3 * rng.standard_normal((draws, len(widths), seeds))
    values = 2.0 * widths[:, None] ** -0.5 * np.exp(scatter)
    data = xr.Dataset({"q": (("draw", "width", "seed"), values)}, coords={"width": widths})
    found = width_exponent(data, "q")
    centred = np.log(widths) - np.log(widths).mean()
    # Of a straight line through means over seeds.
    expected = 0.3 / np.sqrt(seeds * np.sum(centred**2))
    # A deviation of 2000 draws is known to 1/√4000 = 1.6 %.
    assert float(found.exponent.std()) == pytest.approx(expected, rel=0.06)
    # The stated one is the larger of two estimates of it, and as such a little too large.
    assert expected < float(found.standard_error.mean()) < 1.5 * expected


def test_cells_that_are_not_done_are_no_points_of_a_law(failing: xr.Dataset) -> None:
    law = width_exponent(failing, "steps")  # whole numbers, 0 where the cell failed
    level = [np.log([1, 2, 6]).mean(), np.log(4)]
    assert float(law.exponent) == pytest.approx((level[1] - level[0]) / np.log(2), rel=1e-12)


def test_too_few_widths_are_refused_or_give_nan(failing: xr.Dataset) -> None:
    with pytest.raises(AnalysisError, match="'loss' has fewer than two finite widths"):
        width_exponent(failing.isel(width=[0]), "loss")
    law = width_exponent(failing, failing.loss.where(failing.width < 10))
    assert np.isnan(law.exponent)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("empirical", "analitic"), "no axis has the value 'analitic'; .*did you mean 'analytic'"),
        (("empirical", {"kernels": "analytic"}), "no axis 'kernels'; .*did you mean 'kernel'"),
        (("empirical", {"width": 100}), "width has no value 100; it has 32, 512, inf"),
        (("empirical", {"width": "wide"}), "width has no value wide"),
        ((32, 512), '32 does not say which axis; write {"width": 32}'),
        (("empirical", {"kernel": "analytics"}), "kernel has no value analytics; .*did you mean"),
    ],
)
def test_what_is_not_there_is_named(points: xr.Dataset, arguments: Any, message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        predictor_gap(points, *arguments)


def test_other_mistakes_are_named(points: xr.Dataset, failing: xr.Dataset) -> None:
    with pytest.raises(AnalysisError, match="did you mean 'prediction_test'"):
        predictor_gap(points, "empirical", "analytic", variable_name="predictions_test")
    with pytest.raises(AnalysisError, match="measure is 'mean'; it must be rms, max, difference"):
        predictor_gap(points, "empirical", "analytic", measure="mean")  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match="'message' is no number; choose from diverged, loss"):
        predictor_gap(failing, {"width": 8}, {"width": 16}, variable_name="message")
    twice = points.assign_coords(solver=["analytic", "trained"])
    with pytest.raises(AnalysisError, match="'analytic' is a value of kernel and of solver"):
        predictor_gap(twice, "analytic", "empirical")
