"""The fitted exponent and its standard error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from ntksim.linalg import fit_exponent, fit_power_law, logarithmic_means
from scipy.stats import linregress

WIDTH = np.array([10.0, 100.0, 1000.0, 1e4])


@given(st.floats(-3, 3), st.floats(1e-6, 1e6))
def test_an_exact_law_is_found(exponent: float, prefactor: float) -> None:
    law = fit_power_law(WIDTH, prefactor * WIDTH**exponent)
    # Logarithms up to 40 with 16 digits, divided by a spread of widths of order one.
    assert law.exponent == pytest.approx(exponent, abs=1e-12)
    assert law.prefactor == pytest.approx(prefactor, rel=1e-11)
    assert law.standard_error < 1e-12
    np.testing.assert_allclose(law(WIDTH), prefactor * WIDTH**exponent, rtol=1e-11)


def test_with_one_draw_a_width_it_is_linear_regression() -> None:
    value = WIDTH**-0.5 * np.exp(np.random.default_rng(3).normal(scale=0.3, size=4))
    law = fit_power_law(WIDTH, value)
    other: Any = linregress(np.log(WIDTH), np.log(value))
    # The same sums in another order.
    assert law.exponent == pytest.approx(other.slope, rel=1e-10)
    assert law.standard_error == pytest.approx(other.stderr, rel=1e-10)
    assert law.prefactor == pytest.approx(np.exp(other.intercept), rel=1e-10)


def test_draws_are_joined_in_their_geometric_mean() -> None:
    """As many draws at each width: the line is that of regression through all of them."""
    width = np.repeat(WIDTH, 5)
    value = width**-0.5 * np.exp(np.random.default_rng(3).normal(scale=0.3, size=20))
    other: Any = linregress(np.log(width), np.log(value))
    assert fit_power_law(width, value).exponent == pytest.approx(other.slope, rel=1e-10)
    # In any order.
    order = np.random.default_rng(0).permutation(20)
    assert fit_power_law(width[order], value[order]).exponent == pytest.approx(other.slope)


def test_the_standard_error_covers_the_scatter_of_the_exponent() -> None:
    """Over many draws the fitted exponents scatter by no more than their standard errors say.

    It is the larger of two estimates, so that scores are a little smaller than those of Student.
    """
    generator = np.random.default_rng(4)
    width = np.repeat([16.0, 64.0, 256.0, 1024.0], 8)
    fits = [
        fit_power_law(width, width**-0.5 * np.exp(generator.normal(scale=0.5, size=32)))
        for _ in range(400)
    ]
    scores = np.array([(fit.exponent + 0.5) / fit.standard_error for fit in fits])
    # Of the larger of a sharp estimate and one of two degrees of freedom: about 0.75, and the
    # variance of 400 scores is known to 8 %.
    assert 0.5 < scores.var() < 1.1
    assert abs(scores.mean()) < 4 / np.sqrt(400)


def test_a_law_that_does_not_hold_has_a_standard_error_that_says_so() -> None:
    """Draws that agree to a per mille about a curve: the error is that of the curve."""
    width = np.repeat(WIDTH, 8)
    bend = 0.3 * (np.log(width) - np.log(WIDTH).mean()) ** 2
    noise = 1e-3 * np.random.default_rng(5).normal(size=32)
    law = fit_power_law(width, np.exp(bend + noise))
    other: Any = linregress(np.log(WIDTH), bend[::8])
    assert law.standard_error == pytest.approx(other.stderr, rel=0.01)


def test_scatter_of_the_draws_is_propagated() -> None:
    """Two widths, whose line has no distance from them: what the draws say is left."""
    draws = np.random.default_rng(6).normal(size=(2, 10))
    law = fit_power_law(np.repeat([1.0, np.e], 10), np.exp(draws).ravel())
    variances = draws.var(axis=1, ddof=1) / 10
    assert law.standard_error == pytest.approx(np.sqrt(variances.sum()), rel=1e-12)
    assert law.exponent == pytest.approx(draws[1].mean() - draws[0].mean(), rel=1e-12)


def test_what_is_missing_is_left_out() -> None:
    """Missing draws and widths change nothing but themselves, in many laws at once."""
    values = np.exp(np.random.default_rng(7).normal(size=(4, 6, 3)))
    values[0, 2, 0] = np.nan  # a draw
    values[1, :, 1] = np.nan  # a width
    values[:, :, 2] = 0.0  # all
    level, error = logarithmic_means(values)
    exponent, standard_error, _ = fit_exponent(WIDTH, level, error)
    first = values[..., 0]
    there = np.isfinite(first)
    expected = fit_power_law(np.repeat(WIDTH, 6)[there.ravel()], first[there])
    assert exponent[0] == pytest.approx(expected.exponent, rel=1e-12)
    assert standard_error[0] == pytest.approx(expected.standard_error, rel=1e-12)
    kept = [0, 2, 3]
    expected = fit_power_law(np.repeat(WIDTH[kept], 6), values[kept, :, 1].ravel())
    assert exponent[1] == pytest.approx(expected.exponent, rel=1e-12)
    assert standard_error[1] == pytest.approx(expected.standard_error, rel=1e-12)
    assert np.isnan(exponent[2])
    assert np.isnan(standard_error[2])


@pytest.mark.parametrize(
    ("width", "value"), [([10.0, 10.0], [1.0, 2.0]), ([10.0, 20.0], [1.0, 0.0])]
)
def test_what_has_no_law_is_refused(width: list[float], value: list[float]) -> None:
    with pytest.raises(ValueError, match="positive values at two places"):
        fit_power_law(np.array(width), np.array(value))
