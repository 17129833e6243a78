"""Second moments: angles at both ends, sums and multiples, in exact arithmetic."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st
from ntksim.types import SecondMoments

from gaussian_pairs import EPS, exact_pi, pairs

PI = exact_pi()
ANGLES: list[Any] = [
    *(mpmath.mpf(10) ** -k for k in (1, 3, 6, 9, 12)),
    1.0,
    PI / 2,
    2.5,
    *(PI - mpmath.mpf(10) ** -k for k in (1, 3, 6, 9, 12)),
]

sizes = st.floats(1e-3, 1e3)
cosines = st.floats(-1.0, 1.0)


def moments(std1: float, std2: float, deficit: float, surplus: float) -> SecondMoments:
    return SecondMoments(*(np.array([[value]]) for value in (std1, std2, deficit, surplus)))


def from_cosine(std1: float, std2: float, cosine: float) -> SecondMoments:
    product = std1 * std2
    return moments(std1, std2, product * (1.0 - cosine), product * (1.0 + cosine))


def exact_sum(first: SecondMoments, second: SecondMoments) -> tuple[Any, Any, Any]:
    """Exact product of the deviations, deficit and surplus of the sum of two independent pairs.

    The four floats of a pair say the same thing twice; the exact deficit is that of the exact
    deviations and the given deficits, and so with the surplus.
    """
    a1, a2, a_deficit, a_surplus = (
        Fraction(float(v.item())) for v in (first.std1, first.std2, first.deficit, first.surplus)
    )
    b1, b2, b_deficit, b_surplus = (
        Fraction(float(v.item()))
        for v in (second.std1, second.std2, second.deficit, second.surplus)
    )
    square1, square2, mixed = a1**2 + b1**2, a2**2 + b2**2, a1 * a2 + b1 * b2

    def root(x: Fraction) -> Any:
        return mpmath.sqrt(mpmath.mpf(x.numerator) / x.denominator)

    def number(x: Fraction) -> Any:
        return mpmath.mpf(x.numerator) / x.denominator

    product = root(square1) * root(square2)
    more = product - number(mixed)
    return product, number(a_deficit + b_deficit) + more, number(a_surplus + b_surplus) + more


def test_angles_are_accurate_at_both_ends() -> None:
    found = pairs([0.3] * len(ANGLES), [70.0] * len(ANGLES), ANGLES)
    exact = [[float(angle)] for angle in ANGLES]
    rest = [[float(PI - angle)] for angle in ANGLES]
    # A root, a quotient and an arc tangent of numbers rounded once.
    np.testing.assert_allclose(found.angle, exact, rtol=4 * EPS)
    np.testing.assert_allclose(found.complementary_angle, rest, rtol=4 * EPS)
    np.testing.assert_allclose(
        found.covariance, 21.0 * np.cos(np.array(exact)), atol=4 * EPS * 21.0
    )
    np.testing.assert_array_equal(found.std_product, 0.3 * np.full((len(ANGLES), 1), 70.0))


def test_ends_and_zeros_are_exact() -> None:
    assert moments(2.0, 3.0, 0.0, 12.0).angle.item() == 0.0
    assert moments(2.0, 3.0, 0.0, 12.0).complementary_angle.item() == np.pi
    assert moments(2.0, 3.0, 12.0, 0.0).angle.item() == np.pi
    assert moments(2.0, 3.0, 12.0, 0.0).complementary_angle.item() == 0.0
    for std1, std2 in ((0.0, 3.0), (2.0, 0.0), (0.0, 0.0)):
        vanishing = moments(std1, std2, 0.0, 0.0)
        assert vanishing.angle.item() == 0.0
        assert vanishing.complementary_angle.item() == np.pi


@given(sizes, sizes, cosines, sizes, sizes, cosines)
def test_a_sum_is_the_sum_of_covariances(
    a1: float, a2: float, a: float, b1: float, b2: float, b: float
) -> None:
    first, second = from_cosine(a1, a2, a), from_cosine(b1, b2, b)
    found = first.plus(second)
    with mpmath.workdps(60):
        product, deficit, surplus = exact_sum(first, second)
        assert abs(found.std_product.item() / product - 1) <= 4 * EPS
        # a₁b₂ − a₂b₁ cancels, which moves the angle by the rounding of the deviations, so deficit
        # and surplus are exact to EPS relative, plus EPS of an angle.
        for small, exact in ((found.deficit.item(), deficit), (found.surplus.item(), surplus)):
            assert (
                abs(small - exact)
                <= 20 * EPS * exact
                + 20 * EPS * mpmath.sqrt(exact * product)
                + (20 * EPS) ** 2 * product
            )
        covariance = (surplus - deficit) / 2
        assert abs(found.covariance.item() - covariance) <= 20 * EPS * product


@given(sizes, sizes, cosines, sizes, sizes, cosines)
def test_a_sum_does_not_depend_on_the_order(
    a1: float, a2: float, a: float, b1: float, b2: float, b: float
) -> None:
    first, second = from_cosine(a1, a2, a), from_cosine(b1, b2, b)
    for name, one in vars(first.plus(second)).items():
        np.testing.assert_array_equal(one, getattr(second.plus(first), name))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((1.0, 1e8), (1.0, 1.0)),
        ((1e-8, 1e8), (1.0, 1.0)),
        ((1.0, 1.0 + 1e-9), (0.5, 0.5)),
        ((1.0, 1.0 + 2**-52), (0.25, 0.25)),
        ((3.0, 1e-5), (1e-5, 3.0)),
        ((1.0, 0.0), (0.0, 1.0)),
        ((1.0, 0.0), (1.0, 1.0)),
    ],
)
def test_sums_of_parallel_vectors_keep_their_relative_accuracy(
    a: tuple[float, float], b: tuple[float, float]
) -> None:
    """Parallel summands of unequal norms, such as a bias: the angle between the sums is theirs."""
    first = moments(*a, 0.0, 2.0 * a[0] * a[1])
    second = moments(*b, 0.0, 2.0 * b[0] * b[1])
    found = first.plus(second)
    with mpmath.workdps(60):
        _, deficit, surplus = exact_sum(first, second)
        # The difference a₁b₂ − a₂b₁ is exact in these cases or far from cancelling.
        assert abs(found.deficit.item() / deficit - 1) <= 10 * EPS
        assert abs(found.surplus.item() / surplus - 1) <= 10 * EPS


def test_sums_of_the_same_shape_of_points_stay_parallel_exactly() -> None:
    """Equal points with equal biases are equal; multiples by powers of two are parallel."""
    for factor in (1.0, 0.5, 2.0**40):
        first = moments(0.1, 0.1 * factor, 0.0, 0.02 * factor)
        second = moments(0.7, 0.7 * factor, 0.0, 0.98 * factor)
        assert first.plus(second).deficit.item() == 0.0


@given(sizes, sizes, cosines)
def test_nothing_added_changes_nothing(std1: float, std2: float, cosine: float) -> None:
    first = from_cosine(std1, std2, cosine)
    for other in (moments(0.0, 0.0, 0.0, 0.0),):
        for name, one in vars(first.plus(other)).items():
            np.testing.assert_array_equal(one, getattr(first, name))


@given(sizes, sizes, cosines, st.floats(-1e3, 1e3).filter(lambda a: a == 0.0 or abs(a) > 1e-3))
def test_multiples(std1: float, std2: float, cosine: float, factor: float) -> None:
    first = from_cosine(std1, std2, cosine)
    found = first.scaled(factor)
    assert found.std1.item() == abs(factor) * std1
    assert found.std2.item() == abs(factor) * std2
    for name in ("deficit", "surplus"):
        np.testing.assert_allclose(
            getattr(found, name), Fraction(factor) ** 2 * 1.0 * getattr(first, name), rtol=4 * EPS
        )
    if factor:
        np.testing.assert_allclose(found.angle, first.angle, rtol=4 * EPS, atol=0.0)


@pytest.mark.parametrize("size", [1e150, 1e-150])
def test_sums_near_the_ends_of_the_range(size: float) -> None:
    usual = from_cosine(1.0, 2.0, 0.3).plus(from_cosine(3.0, 0.5, -0.7))
    large = SecondMoments(
        usual.std1 * size, usual.std2 * size, usual.deficit * size * size, usual.surplus * size**2
    )
    first = from_cosine(1.0 * size, 2.0 * size, 0.3)
    found = first.plus(from_cosine(3.0 * size, 0.5 * size, -0.7))
    for name, exact in vars(large).items():
        np.testing.assert_allclose(getattr(found, name), exact, rtol=20 * EPS)
    np.testing.assert_allclose(found.angle, usual.angle, rtol=20 * EPS)
    mixed = first.plus(from_cosine(1.0 / size, 1.0, 0.5))
    assert all(np.isfinite(value).all() for value in vars(mixed).values())


def test_shapes_broadcast_and_moments_are_frozen() -> None:
    rng = np.random.default_rng(0)
    std1, std2 = rng.lognormal(size=(4, 1, 2, 1)), rng.lognormal(size=(1, 3, 1, 2))
    rho = rng.uniform(-1.0, 1.0, (4, 3, 2, 2))
    product = std1 * std2
    whole = SecondMoments(std1, std2, product * (1 - rho), product * (1 + rho))
    total = whole.plus(whole.scaled(0.5))
    assert total.std1.shape == std1.shape
    assert total.std2.shape == std2.shape
    one = SecondMoments(
        std1[2:3, :, :1],
        std2[:, 1:2, ..., 1:],
        *(product[2:3, 1:2, :1, 1:] * (1 + s * rho[2:3, 1:2, :1, 1:]) for s in (-1, 1)),
    )
    alone = one.plus(one.scaled(0.5))
    assert total.deficit[2, 1, 0, 1] == alone.deficit.item()
    assert total.angle.shape == total.complementary_angle.shape == rho.shape
    with pytest.raises(dataclasses.FrozenInstanceError):
        whole.std1 = std1  # type: ignore[misc]
