"""Closed-form duals against 50-digit arithmetic from exact angles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
import pytest
from ntksim.nn import Abs, Cos, Erf, Gelu, Identity, LeakyRelu, Relu, Sin, dual
from ntksim.nn.angles import sine_minus_angle_cosine
from ntksim.types import Activation, Array, Dual, SecondMoments

from gaussian_pairs import DIGITS, EPS, conditioned, exact_pi, pairs

PI = exact_pi()
SMALL = [mpmath.mpf(10) ** -k for k in range(2, 11)]
MIDDLE: list[Any] = [0.3, 0.89, 0.91, 1.0, PI / 2, 2.0, 2.3]
ANGLES = [*SMALL, *MIDDLE, *(PI - angle for angle in SMALL)]

PIECEWISE_LINEAR = [
    Relu(),
    Abs(),
    *(LeakyRelu(negative_slope=slope) for slope in (0.01, 0.3, -0.5, 1.0, 3.0)),
]
SMOOTH = [Identity(), Erf(), Gelu(), Sin(), Cos()]


def show(activation: Activation) -> str:
    slope = getattr(activation, "negative_slope", "")
    return f"{activation.name}{slope}"


def slope_of(activation: Activation) -> Any:
    """Slope for negative arguments."""
    return mpmath.mpf({"relu": 0.0, "abs": -1.0}.get(activation.name, 0.0)) + mpmath.mpf(
        getattr(activation, "negative_slope", 0.0)
    )


def exact_piecewise_linear(slope: Any, std1: Any, std2: Any, angle: Any) -> tuple[Any, ...]:
    """Standard deviations, covariance and E[φ′φ′] from φ = (1+b)/2 x + (1−b)/2 |x|.

    The two parts are uncorrelated, and E|u||v| = (2σ₁σ₂/π)(sin θ + (π/2 − θ) cos θ).
    """
    even, odd = (1 + slope) / 2, (1 - slope) / 2
    absolute = 2 / PI * (mpmath.sin(angle) + (PI / 2 - angle) * mpmath.cos(angle))
    gain = mpmath.sqrt((1 + slope**2) / 2)
    return (
        gain * std1,
        gain * std2,
        std1 * std2 * (even**2 * mpmath.cos(angle) + odd**2 * absolute),
        even**2 + odd**2 * (1 - 2 * angle / PI),
    )


def exact_erf(std1: Any, std2: Any, angle: Any) -> tuple[Any, ...]:
    a, b, c = std1**2, std2**2, std1 * std2 * mpmath.cos(angle)
    square = (1 + 2 * a) * (1 + 2 * b)
    return (
        mpmath.sqrt(2 / PI * mpmath.asin(2 * a / (1 + 2 * a))),
        mpmath.sqrt(2 / PI * mpmath.asin(2 * b / (1 + 2 * b))),
        2 / PI * mpmath.asin(2 * c / mpmath.sqrt(square)),
        4 / PI / mpmath.sqrt(square - 4 * c**2),
    )


def exact_gelu(std1: Any, std2: Any, angle: Any) -> tuple[Any, ...]:
    """Stein's identity; that it is right is tested by integration below."""
    a, b, c = std1**2, std2**2, std1 * std2 * mpmath.cos(angle)

    def covariance(a: Any, b: Any, c: Any) -> Any:
        square = (1 + a) * (1 + b) - c**2
        both = mpmath.mpf(1) / 4 + mpmath.asin(c / mpmath.sqrt((1 + a) * (1 + b))) / (2 * PI)
        rest = a * b - c**2 + c**2 * (1 / (1 + a) + 1 / (1 + b))
        return c * both + rest / (2 * PI * mpmath.sqrt(square))

    square = (1 + a) * (1 + b) - c**2
    both = mpmath.mpf(1) / 4 + mpmath.asin(c / mpmath.sqrt((1 + a) * (1 + b))) / (2 * PI)
    slope = both + c / (2 * PI * mpmath.sqrt(square)) * (1 / (1 + a) + 1 / (1 + b) + 1 / square)
    std = [mpmath.sqrt(covariance(x, x, x)) for x in (a, b)]
    return std[0], std[1], covariance(a, b, c), slope


def exact_trigonometric(name: str, std1: Any, std2: Any, angle: Any) -> tuple[Any, ...]:
    a, b, c = std1**2, std2**2, std1 * std2 * mpmath.cos(angle)
    # Written with exponentials of sums, which neither overflow nor are inf · 0.
    near, far = mpmath.exp(c - (a + b) / 2) / 2, mpmath.exp(-c - (a + b) / 2) / 2
    sine, cosine = near - far, near + far
    if name == "sin":
        std = [mpmath.sqrt(-mpmath.expm1(-2 * x) / 2) for x in (a, b)]
        return std[0], std[1], sine, cosine
    std = [mpmath.sqrt((1 + mpmath.exp(-2 * x)) / 2) for x in (a, b)]
    return std[0], std[1], cosine, sine


def exact_dual(activation: Activation, std1: Any, std2: Any, angle: Any) -> tuple[Any, ...]:
    if activation in PIECEWISE_LINEAR:
        return exact_piecewise_linear(slope_of(activation), std1, std2, angle)
    if activation.name == "identity":
        return std1, std2, std1 * std2 * mpmath.cos(angle), mpmath.mpf(1)
    if activation.name == "erf":
        return exact_erf(std1, std2, angle)
    if activation.name == "gelu":
        return exact_gelu(std1, std2, angle)
    return exact_trigonometric(activation.name, std1, std2, angle)


def exact_columns(
    activation: Activation,
    std1: Sequence[Any],
    std2: Sequence[Any],
    angles: Sequence[Any],
    digits: int = DIGITS,
) -> dict[str, Array]:
    """All parts of the exact dual, (P, 1), rounded to floats at the end."""
    rows = []
    with mpmath.workdps(digits):
        for first, second, angle in zip(std1, std2, angles, strict=True):
            s1, s2, covariance, derivative = exact_dual(
                activation, mpmath.mpf(first), mpmath.mpf(second), mpmath.mpf(angle)
            )
            product = s1 * s2
            rows.append(
                [s1, s2, product - covariance, product + covariance, covariance, derivative]
            )
    names = ("std1", "std2", "deficit", "surplus", "covariance", "derivative")
    columns = np.array([[float(value) for value in row] for row in rows]).T[:, :, None]
    return dict(zip(names, columns, strict=True))


def grid(stds: Sequence[tuple[float, float]]) -> tuple[list[float], list[float], list[Any]]:
    cells = [(s1, s2, angle) for s1, s2 in stds for angle in ANGLES]
    first, second, angles = zip(*cells, strict=True)
    return list(first), list(second), list(angles)


@pytest.mark.parametrize("activation", PIECEWISE_LINEAR, ids=show)
def test_piecewise_linear_duals_keep_their_relative_accuracy(activation: Activation) -> None:
    """Deficit, surplus and E[φ′φ′] to the last digits, whatever the angle."""
    cells = grid([(1.0, 1.0), (0.3, 7.0), (1e-3, 2e4)])
    found = dual(activation, pairs(*cells))
    exact = exact_columns(activation, *cells)
    # The moments are given to ½ EPS each, and each step rounds; nothing cancels but q(θ) at
    # θ ≈ 0.9, which loses a factor 4.
    tolerance = 30 * EPS
    for name in ("std1", "std2", "deficit", "surplus"):
        np.testing.assert_allclose(
            getattr(found.features, name), exact[name], rtol=tolerance, err_msg=name
        )
    if activation in (Abs(), LeakyRelu(negative_slope=-0.5)):
        # A sum of slopes of both signs: relative to the largest.
        np.testing.assert_allclose(found.derivative, exact["derivative"], atol=tolerance)
    else:
        np.testing.assert_allclose(found.derivative, exact["derivative"], rtol=tolerance)


@pytest.mark.parametrize("activation", SMOOTH, ids=show)
def test_smooth_duals_are_accurate_to_rounding(activation: Activation) -> None:
    cells = grid([(1.0, 1.0), (0.3, 7.0), (1e-3, 2.0), (20.0, 15.0), (1e-8, 1e-8)])
    found = dual(activation, pairs(*cells))
    exact = exact_columns(activation, *cells)
    features = found.features
    for name in ("std1", "std2"):
        np.testing.assert_allclose(getattr(features, name), exact[name], rtol=20 * EPS)
    scale = exact["std1"] * exact["std2"]
    # A variance of sin or cos of e⁻²⁰⁰ comes from an exponent of 200, rounded to EPS.
    tolerance = 1e-14
    for name in ("deficit", "surplus", "covariance"):
        assert np.all(np.abs(getattr(features, name) - exact[name]) <= tolerance * scale), name
    # The derivative of erf is far from its maximum, where it is a ratio without cancellation; the
    # others are sums, accurate relative to max φ′² = 1 or so.
    if activation.name == "erf":
        np.testing.assert_allclose(found.derivative, exact["derivative"], rtol=tolerance)
    else:
        np.testing.assert_allclose(found.derivative, exact["derivative"], atol=tolerance)


def test_gelu_against_integration() -> None:
    """E[vΦ(v)] and E[(vΦ(v))′] of v ~ N(m, s²), and one more integral over u."""

    def value(m: Any, s: Any) -> Any:
        q = mpmath.sqrt(1 + s**2)
        return m * mpmath.ncdf(m / q) + s**2 / q * mpmath.npdf(m / q)

    def slope(m: Any, s: Any) -> Any:
        q = mpmath.sqrt(1 + s**2)
        return mpmath.ncdf(m / q) + m / q**3 * mpmath.npdf(m / q)

    def gelu(x: Any) -> Any:
        return x * mpmath.ncdf(x)

    def gelu_slope(x: Any) -> Any:
        return mpmath.ncdf(x) + x * mpmath.npdf(x)

    std1, std2, angles = [0.3, 2.0, 2.0], [5.0, 3.0, 1.0], [2.5, 1e-6, 3.1415]
    found = dual(Gelu(), pairs(std1, std2, angles))
    cells = list(zip(std1, std2, angles, strict=True))
    values = [conditioned(gelu, value, *cell) for cell in cells]
    slopes = [conditioned(gelu_slope, slope, *cell) for cell in cells]
    # mpmath works with 20 digits; at opposite points the covariance is a small rest.
    scale = found.features.std_product[:, 0]
    np.testing.assert_array_less(np.abs(found.features.covariance[:, 0] - values), 5e-15 * scale)
    np.testing.assert_allclose(found.derivative[:, 0], slopes, rtol=1e-14, atol=5e-15)


def test_oracle_03_arc_cosine_functions() -> None:
    """κ₁(1) = 1, κ₁(0) = 1/π, κ₁(−1) = 0, κ₀(0) = 1/2, κ₁′ = κ₀."""
    one = np.ones((1, 1))

    def kappa(rho: float) -> tuple[float, float]:
        found = dual(Relu(), SecondMoments(one, one, one * (1 - rho), one * (1 + rho)))
        return 2.0 * found.features.covariance.item(), 2.0 * found.derivative.item()

    assert kappa(1.0) == (1.0, 1.0)
    assert kappa(-1.0) == (0.0, 0.0)
    np.testing.assert_allclose(kappa(0.0), (1.0 / math.pi, 0.5), rtol=2 * EPS)
    step = 1e-3
    for rho in (-0.8, -0.3, 0.0, 0.4, 0.7):
        near, far = (kappa(rho + k * step)[0] - kappa(rho - k * step)[0] for k in (1, 2))
        # Five points: step⁴/30 times a fifth derivative below 2e3 at |ρ| ≤ 0.8.
        slope = (8.0 * near - far) / (12.0 * step)
        assert math.isclose(slope, kappa(rho)[1], abs_tol=1e-10)


@pytest.mark.parametrize("activation", [*PIECEWISE_LINEAR, *SMOOTH], ids=show)
def test_deviations_near_the_ends_of_the_range(activation: Activation) -> None:
    """1e±150: right values, no NaN, no warning (warnings are errors in these tests)."""
    angles: list[Any] = [0.0, 1e-3, 1.0, PI / 2, PI - mpmath.mpf("1e-3"), PI]
    for s1, s2 in ((1e150, 1e150), (1e-150, 1e-150), (1e150, 1e-150), (1e150, 2.0)):
        cells = [s1] * len(angles), [s2] * len(angles), angles
        found = dual(activation, pairs(*cells))
        # 350 digits: 1e300 beside 1 and their difference.
        exact = exact_columns(activation, *cells, digits=350)
        features = found.features
        np.testing.assert_allclose(features.std1, exact["std1"], rtol=30 * EPS)
        np.testing.assert_allclose(features.std2, exact["std2"], rtol=30 * EPS)
        scale = exact["std1"] * exact["std2"]
        # A phase of 1e150 has no digits: sin and cos of equal points stay 1, others vanish.
        for name in ("deficit", "surplus", "covariance"):
            assert np.all(np.abs(getattr(features, name) - exact[name]) <= 1e-14 * scale), name
        size = np.maximum(np.abs(exact["derivative"]), 1.0 if activation.name != "erf" else 0.0)
        assert np.all(np.abs(found.derivative - exact["derivative"]) <= 1e-13 * size)


@pytest.mark.parametrize("activation", [*PIECEWISE_LINEAR, *SMOOTH], ids=show)
@pytest.mark.parametrize("std", [0.0, 1e-150, 0.7, 20.0, 1e150])
def test_a_pair_with_a_zero(activation: Activation, std: float) -> None:
    """u = 0: E[φ(u)φ(v)] = φ(0) E[φ(v)], E[φ′(u)φ′(v)] = φ′(0) E[φ′(v)]."""
    zero = np.zeros((1, 1))
    deviation = np.full((1, 1), std)
    at_zero = activation.value(zero).item(), activation.derivative(zero).item()
    with mpmath.workdps(DIGITS):
        square = mpmath.mpf(std) ** 2
        mean_slope = {
            "identity": mpmath.mpf(1),
            "erf": 2 / mpmath.sqrt(PI * (1 + 2 * square)),
            "gelu": mpmath.mpf(0.5),
            "sin": mpmath.exp(-square / 2),
            "cos": mpmath.mpf(0),
        }
        mean = mpmath.exp(-square / 2)  # of the cosine: the only value that is not 0 at 0
        slope = mean_slope.get(activation.name, (1 + slope_of(activation)) / 2)
    if std == 0.0:
        mean, slope = 1.0, at_zero[1]
    for first, second in ((zero, deviation), (deviation, zero)):
        found = dual(activation, SecondMoments(first, second, zero, zero))
        expected = at_zero[0] * float(mean)
        assert abs(found.features.covariance.item() - expected) <= 1e-15
        assert math.isclose(
            found.derivative.item(), at_zero[1] * float(slope), rel_tol=1e-14, abs_tol=1e-300
        )
        which = found.features.std1 if first is zero else found.features.std2
        assert which.item() == abs(at_zero[0])


@pytest.mark.parametrize("activation", [*PIECEWISE_LINEAR, *SMOOTH], ids=show)
def test_equal_points_are_kept_equal_exactly(activation: Activation) -> None:
    std = np.array([[1e-3], [0.7], [30.0]])
    product = std * std.T
    same = SecondMoments(std, std.T, np.zeros((3, 3)), 2.0 * product)
    features = dual(activation, same).features
    assert np.diagonal(features.deficit).tolist() == [0.0] * 3
    # σ · σ twice, in whatever order the surplus was rounded.
    np.testing.assert_allclose(
        np.diagonal(features.surplus), 2.0 * features.std1[:, 0] ** 2, rtol=4 * EPS
    )


@pytest.mark.parametrize("activation", PIECEWISE_LINEAR, ids=show)
def test_parallel_points_of_different_norms_stay_parallel(activation: Activation) -> None:
    std1, std2 = np.array([[0.3], [7.0]]), np.array([[1.0, 1e-4]])
    zero, twice = np.zeros((2, 2)), 2.0 * std1 * std2
    assert not dual(activation, SecondMoments(std1, std2, zero, twice)).features.deficit.any()
    if activation == Relu():  # opposite points are uncorrelated behind a rectifier
        opposite = dual(activation, SecondMoments(std1, std2, twice, zero))
        assert not opposite.features.covariance.any()
        assert not opposite.derivative.any()


@pytest.mark.parametrize("activation", [*PIECEWISE_LINEAR, *SMOOTH], ids=show)
def test_exchanging_the_points_transposes_exactly(activation: Activation) -> None:
    rng = np.random.default_rng(0)
    std1, std2 = rng.lognormal(size=(4, 1)), rng.lognormal(size=(1, 5))
    rho = rng.uniform(-1.0, 1.0, (4, 5))
    deficit, surplus = std1 * std2 * (1 - rho), std1 * std2 * (1 + rho)

    def parts(found: Dual) -> list[Array]:
        features = found.features
        return [features.std1, features.std2, features.deficit, features.surplus, found.derivative]

    straight = parts(dual(activation, SecondMoments(std1, std2, deficit, surplus)))
    crossed = parts(dual(activation, SecondMoments(std2.T, std1.T, deficit.T, surplus.T)))
    crossed[0], crossed[1] = crossed[1], crossed[0]
    for one, other in zip(straight, crossed, strict=True):
        np.testing.assert_array_equal(one, other.T)


def test_the_series_of_q_meets_the_formula() -> None:
    """q(θ) = sin θ − θ cos θ to full relative accuracy on both sides of the switch."""
    angle = np.array([0.0, 1e-12, 1e-3, 0.1, 0.5, 0.899999, 0.900001, 1.5, 3.0, math.pi])
    with mpmath.workdps(DIGITS):
        exact = [float(mpmath.sin(t) - t * mpmath.cos(t)) for t in (mpmath.mpf(a) for a in angle)]
    # Above the switch at 0.9 sin θ is 3.5 q, so its rounding counts that much more.
    np.testing.assert_allclose(sine_minus_angle_cosine(angle), exact, rtol=5 * EPS)
