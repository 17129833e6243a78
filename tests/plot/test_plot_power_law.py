"""The fitted exponent and its standard error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from ntksim.plot import PlotError, fit_power_law
from scipy.stats import linregress


@given(st.floats(-3, 3), st.floats(1e-6, 1e6))
def test_an_exact_law_is_found(exponent, prefactor):
    width = np.array([10.0, 100.0, 1000.0, 1e4])
    law = fit_power_law(width, prefactor * width**exponent)
    # Logarithms up to 40 with 16 digits, divided by a spread of widths of order one.
    assert law.exponent == pytest.approx(exponent, abs=1e-12)
    assert law.prefactor == pytest.approx(prefactor, rel=1e-11)
    assert law.standard_error < 1e-12


def test_exponent_and_standard_error_are_those_of_linear_regression():
    generator = np.random.default_rng(3)
    width = np.repeat([16.0, 64.0, 256.0, 1024.0], 5)
    value = width**-0.5 * np.exp(generator.normal(scale=0.3, size=width.shape))
    law = fit_power_law(width, value)
    other: Any = linregress(np.log(width), np.log(value))
    # The same sums in another order.
    assert law.exponent == pytest.approx(other.slope, rel=1e-10)
    assert law.standard_error == pytest.approx(other.stderr, rel=1e-10)
    assert law.prefactor == pytest.approx(np.exp(other.intercept), rel=1e-10)


def test_the_standard_error_covers_the_scatter_of_the_exponent():
    """Over many draws the fitted exponents scatter by what their standard error says."""
    generator = np.random.default_rng(4)
    width = np.repeat([16.0, 64.0, 256.0], 8)
    fits = [
        fit_power_law(width, width**-0.5 * np.exp(generator.normal(scale=0.5, size=24)))
        for _ in range(400)
    ]
    scores = np.array([(fit.exponent + 0.5) / fit.standard_error for fit in fits])
    # Student's t with 22 degrees of freedom has variance 1.1; of 400 draws the sample variance
    # scatters by about 8 %, and 25 % is three times that.
    assert scores.var() == pytest.approx(22 / 20, rel=0.25)
    assert abs(scores.mean()) < 4 * np.sqrt(1.1 / 400)


@pytest.mark.parametrize(
    ("width", "value"), [([10.0, 10.0], [1.0, 2.0]), ([10.0, 20.0], [1.0, 0.0])]
)
def test_what_has_no_law_is_refused(width, value):
    with pytest.raises(PlotError, match="positive values at two widths"):
        fit_power_law(np.array(width), np.array(value))
