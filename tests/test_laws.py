"""Laws over the grid: exponents in width and number of points, and spreads over seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ntksim.laws import SeedVariance, SizeLaw, WidthLaw
from ntksim.linalg import fit_power_law
from ntksim.types import GridScales, Summary, VariableSpec
from scipy.stats import chi2, linregress

SCALES = GridScales(np.array([16.0, 64.0, 256.0, np.inf]), np.arange(6.0), np.array([5.0]))
OVER_TIME = VariableSpec(("time",), "gap")
OUTPUTS = VariableSpec(("time", "test_point", "output"), "outputs")


def generated(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def test_exponents_in_the_width_are_those_of_the_finite_widths() -> None:
    values = np.exp(generated(4, 6, 2))
    said = WidthLaw("gap").summarise(values, SCALES)
    assert said.keys() == WidthLaw("gap").variables(OVER_TIME, SCALES).keys()
    for time in range(2):
        seen = values[:3, :, time]
        law = fit_power_law(np.repeat(SCALES.width[:3], 6), seen.ravel())
        assert said["gap_width_exponent"][time] == pytest.approx(law.exponent, rel=1e-12)
        error = said["gap_width_exponent_standard_error"][time]
        assert error == pytest.approx(law.standard_error, rel=1e-12)


def test_a_missing_cell_is_left_out_and_too_few_widths_have_no_law() -> None:
    values = np.exp(generated(4, 6))
    values[0, 1] = np.nan
    there = np.isfinite(values[:3])
    law = fit_power_law(np.repeat(SCALES.width[:3], 6)[there.ravel()], values[:3][there])
    said = WidthLaw("gap").summarise(values, SCALES)
    assert said["gap_width_exponent"] == pytest.approx(law.exponent, rel=1e-12)
    values[0] = np.nan
    said = WidthLaw("gap").summarise(values, SCALES)
    assert np.isnan(said["gap_width_exponent"])


def test_datasets_of_one_size_are_draws() -> None:
    sizes = np.array([30.0, 10.0, 30.0, 100.0, 10.0, 30.0])
    scales = GridScales(SCALES.width, SCALES.seed, sizes)
    values = np.exp(generated(6))
    said = SizeLaw("error").summarise(values, scales)
    law = fit_power_law(sizes, values)
    assert said["error_train_points_exponent"] == pytest.approx(law.exponent, rel=1e-12)
    error = said["error_train_points_exponent_standard_error"]
    assert error == pytest.approx(law.standard_error, rel=1e-12)


def test_variance_over_seeds_is_that_of_a_sample() -> None:
    values = generated(4, 6, 2, 3, 1) / np.sqrt([16.0, 64.0, 256.0, 1.0]).reshape(4, 1, 1, 1, 1)
    values[1, 2] = np.nan  # a failed cell
    said = SeedVariance("outputs", named="spread").summarise(values, SCALES)
    expected = np.nanvar(values, axis=1, ddof=1).mean(axis=(-2, -1))
    np.testing.assert_allclose(said["spread"], expected, rtol=1e-12)
    slope: Any = linregress(np.log(SCALES.width[:3]), np.log(expected[:3, 0]))
    assert said["spread_width_exponent"][0] == pytest.approx(slope.slope, rel=1e-10)


def test_the_error_of_a_variance_is_that_of_leaving_out_seeds() -> None:
    """The jackknife as it is written in books, seed by seed."""
    values = generated(4, 6, 1, 3, 1)
    spread = SeedVariance("outputs", named="spread")
    left = np.array(
        [
            np.log(np.delete(values[:3], seed, axis=1).var(axis=1, ddof=1).mean(axis=(-3, -2, -1)))
            for seed in range(6)
        ]
    )
    errors = np.sqrt(5 / 6 * np.square(left - left.mean(axis=0)).sum(axis=0))
    x = np.log(SCALES.width[:3]) - np.log(SCALES.width[:3]).mean()
    drawn = np.sqrt(np.square(x * errors).sum()) / (x @ x)
    said = spread.summarise(values, SCALES)
    found = said["spread_width_exponent_standard_error"][0]
    level: Any = linregress(x, np.log(said["spread"][:3, 0]))
    assert found == pytest.approx(max(drawn, level.stderr), rel=1e-10)


def test_the_jackknife_knows_the_scatter_of_a_variance() -> None:
    """Over many samples log variances scatter by what their standard errors say, √(2/(n − 1))."""
    rng = np.random.default_rng(1)
    scales = GridScales(np.array([1.0, 2.0, 4.0]), np.arange(40.0), np.array([5.0]))
    spread = SeedVariance("outputs", named="spread")
    found = [
        spread.summarise(rng.normal(size=(3, 40, 1, 1)), scales)["spread_width_exponent"][0]
        for _ in range(200)
    ]
    x = np.log(scales.width) - np.log(scales.width).mean()
    expected = np.sqrt(2 / 39 / (x @ x))
    # A deviation of 200 values is known to 5 %; 39 degrees of freedom are nearly normal.
    assert np.std(found) == pytest.approx(expected, rel=0.2)
    errors = [
        spread.summarise(rng.normal(size=(3, 40, 1, 1)), scales)[
            "spread_width_exponent_standard_error"
        ][0]
        for _ in range(200)
    ]
    # The larger of two: no smaller than the truth in most samples, and not much larger.
    assert 0.8 * expected < np.median(errors) < 1.5 * expected
    assert chi2.cdf(39 * 0.8**2, 39) < 0.1  # a sample this far off is rare


def test_seeds_that_agree_have_no_variance_and_no_law() -> None:
    """Exactly 0, not what rounding leaves of a mean."""
    values = np.broadcast_to(generated(4, 1, 2, 3, 1), (4, 6, 2, 3, 1))
    said = SeedVariance("outputs", named="spread").summarise(values, SCALES)
    assert not said["spread"].any()
    assert np.isnan(said["spread_width_exponent"]).all()


SMALL = GridScales(np.array([16.0, 64.0, np.inf]), np.arange(2.0), np.array([5.0, 5.0, 9.0]))


@pytest.mark.parametrize("summary", [WidthLaw("a"), SizeLaw("a"), SeedVariance("a", named="b")])
def test_a_small_grid_has_no_laws(summary: Summary) -> None:
    assert not summary.variables(OVER_TIME, SMALL)


def test_a_variance_alone_needs_no_widths() -> None:
    scales = GridScales(np.array([16.0]), np.arange(6.0), np.array([5.0]))
    spread = SeedVariance("outputs", named="spread")
    assert spread.variables(OUTPUTS, scales).keys() == {"spread"}
    assert spread.summarise(generated(1, 6, 2, 3, 1), scales).keys() == {"spread"}


def test_a_variance_is_of_something_over_time() -> None:
    spec = VariableSpec(("test_point",), "outputs")
    with pytest.raises(ValueError, match="the first must be time"):
        SeedVariance("outputs", named="spread").variables(spec, SCALES)
