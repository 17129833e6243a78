from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given, settings, strategies as st
from ntksim.linalg import decay, discrete_decay, discrete_growth, growth

EPSILON = float(np.finfo(float).eps)
INF = float("inf")

rates = st.floats(-300, 300).map(lambda e: 10.0**e)
times = st.floats(-300, 300).map(lambda e: 10.0**e)


@given(rates, times)
@example(1e-18, 1.0)  # (1 - exp(-1e-18))/1e-18 is 0 in the textbook form
@example(5e-324, 3.0)
@settings(max_examples=200, deadline=None)
def test_growth_to_the_last_places(rate: float, time: float) -> None:
    with mpmath.workdps(40):
        exact = -mpmath.expm1(-mpmath.mpf(rate) * time) / rate
        assume(1e-300 < exact < 1e300)
        error = abs(mpmath.mpf(float(growth(rate, time))) / exact - 1)
    # The product, expm1, the quotient and the factor round once each; d log g/d log z <= 1.
    assert error <= 6 * EPSILON


@given(rates, times)
@settings(max_examples=200, deadline=None)
def test_decay_to_the_last_places(rate: float, time: float) -> None:
    with mpmath.workdps(40):
        exponent = mpmath.mpf(rate) * time
        assume(exponent < 700)
        error = abs(mpmath.mpf(float(decay(rate, time))) / mpmath.exp(-exponent) - 1)
    # The rounded exponent is off by eps/2 of itself, exp by one place.
    assert error <= EPSILON * (2 + exponent)


@pytest.mark.parametrize(
    ("rate", "time", "left", "grown"),
    [
        (0.0, 0.0, 1.0, 0.0),
        (0.0, 5.0, 1.0, 5.0),
        (0.0, INF, 1.0, INF),
        (2.0, 0.0, 1.0, 0.0),
        (2.0, INF, 0.0, 0.5),
        (1e-300, INF, 0.0, 1e300),
        (1e300, INF, 0.0, 1e-300),
        (1e200, 1e200, 0.0, 1e-200),
    ],
)
def test_oracle_24_corners_of_flow(rate: float, time: float, left: float, grown: float) -> None:
    """At λ = 0 the kernel factor G is t; at t = ∞ it is 1/λ."""
    assert float(decay(rate, time)) == left
    np.testing.assert_allclose(growth(rate, time), grown, rtol=EPSILON)  # one division


def test_functions_broadcast() -> None:
    values, t = np.array([0.0, 1.0, 2.0]), np.array([[0.0], [1.0]])
    for function in (decay, growth):
        assert function(values, t).shape == (2, 3)
    for function in (discrete_decay, discrete_growth):
        assert function(values, 0.1, t).shape == (2, 3)


def test_decay_and_growth_obey_their_equations() -> None:
    values, t = np.array([0.3, 1.7, 20.0]), np.array([[0.2], [1.0], [4.0]])
    # lambda g + e^{-lambda t} = 1, each term within a few eps of itself.
    np.testing.assert_allclose(
        values * growth(values, t) + decay(values, t), 1.0, rtol=10 * EPSILON
    )


@given(
    st.floats(-12, 0.9).map(lambda e: 10.0**e),
    st.floats(1e-3, 10.0),
    st.integers(0, 10**6),
)
@example(0.5, 2.0, 7)
@example(1.0, 8.765625, 5)  # eta lambda is 1 when rounded, but not exactly
@example(1.5, 1.0, 10**6 + 1)
@example(3.0, 1.0, 41)
@settings(max_examples=300, deadline=None)
def test_discrete_factors_against_high_precision(product: float, eta: float, steps: int) -> None:
    rate = product / eta
    with mpmath.workdps(60):
        exact_product = mpmath.mpf(eta) * mpmath.mpf(rate)
        base = 1 - exact_product
        power = base**steps
        total = (1 - power) / rate if rate else eta * steps
        assume(abs(power) < 1e300)
        # eta*lambda is rounded by eps/2 of itself, which moves the base by as much; and
        # exp(k log|base|) is off by eps of its argument.
        moved = (abs(base) + EPSILON * exact_product) ** steps - abs(base) ** steps
        logarithm = steps * abs(mpmath.log(abs(base))) if base else mpmath.mpf(0)
        slack = moved + EPSILON * abs(power) * (2 + 2 * logarithm)
        left = mpmath.mpf(float(discrete_decay(rate, eta, float(steps))))
        grown = mpmath.mpf(float(discrete_growth(rate, eta, float(steps))))
        assert abs(left - power) <= slack + mpmath.mpf(10) ** -300
        if exact_product < 1:
            # The sum is well conditioned in eta*lambda: |d log S/d log x| <= 1.
            assert abs(grown - total) <= 8 * EPSILON * abs(total)
        else:
            assert abs(grown - total) <= slack / rate + 8 * EPSILON * abs(total)


@pytest.mark.parametrize(
    ("rate", "steps", "left", "grown"),
    [
        # learning rate 0.5 throughout
        (0.0, 0.0, 1.0, 0.0),
        (0.0, 3.0, 1.0, 1.5),
        (0.0, INF, 1.0, INF),
        (1.0, INF, 0.0, 1.0),
        (2.0, 0.0, 1.0, 0.0),  # eta lambda = 1: one step is enough
        (2.0, 1.0, 0.0, 0.5),
        (2.0, INF, 0.0, 0.5),
        (3.0, 1.0, -0.5, 0.5),
        (3.0, 2.0, 0.25, 0.25),
        (3.0, INF, 0.0, 1.0 / 3.0),
        (4.0, 1.0, -1.0, 0.5),  # eta lambda = 2: it oscillates
        (4.0, 2.0, 1.0, 0.0),
        (4.0, INF, np.nan, np.nan),
        (6.0, 1.0, -2.0, 0.5),
        (6.0, 3.0, -8.0, 1.5),
        (6.0, 2000.0, INF, -INF),
        (6.0, 2001.0, -INF, INF),
        (6.0, INF, np.nan, np.nan),
    ],
)
def test_corners_of_descent(rate: float, steps: float, left: float, grown: float) -> None:
    # Small integers and their quotients: a few roundings of exp and log.
    tolerance = 8 * EPSILON
    np.testing.assert_allclose(discrete_decay(rate, 0.5, steps), left, rtol=tolerance)
    np.testing.assert_allclose(discrete_growth(rate, 0.5, steps), grown, rtol=tolerance)


def test_oracle_18_descent_approaches_flow_at_first_order() -> None:
    rate, time = 0.7, 3.0
    etas = 0.1 * 0.5 ** np.arange(6)
    errors = [abs(float(discrete_decay(rate, eta, time / eta) - decay(rate, time))) for eta in etas]
    orders = np.diff(np.log(errors)) / np.diff(np.log(etas))
    # The next term of the expansion is of relative size eta*lambda <= 0.07, halved each time.
    np.testing.assert_allclose(orders, 1.0, rtol=0, atol=0.05)
    assert abs(orders[-1] - 1) < 0.003
