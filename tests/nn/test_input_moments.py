"""Second moments of inputs: exact at every angle, size and shape."""

from __future__ import annotations

import math
import tracemalloc

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from ntksim.nn import inputs
from ntksim.nn.inputs import input_moments

EPS = np.finfo(np.float64).eps


def exact_deficit(x: np.ndarray, z: np.ndarray, sign: int = 1) -> float:
    """|x||z| ∓ x·z over the number of features, with 60 digits."""
    with mpmath.workdps(60):
        dot = mpmath.fdot(x.tolist(), z.tolist())
        norms = mpmath.sqrt(mpmath.fdot(x.tolist(), x.tolist())) * mpmath.sqrt(
            mpmath.fdot(z.tolist(), z.tolist())
        )
        return float((norms - sign * dot) / len(x))


@pytest.mark.parametrize("features", [2, 7, 50])
@pytest.mark.parametrize("length", [1.0, 3.7, 1e-4])
@pytest.mark.parametrize("sign", [1, -1])
def test_nearly_parallel_pairs_keep_all_digits(features: int, length: float, sign: int) -> None:
    rng = np.random.default_rng(features)
    x = rng.standard_normal(features)
    z = np.array(
        [
            sign * length * (x + angle * rng.standard_normal(features))
            for angle in 10.0 ** -np.arange(16.0)
        ]
    )
    second = input_moments(x[None], z).second
    small = (second.deficit if sign > 0 else second.surplus)[0]
    exact = np.array([exact_deficit(x, row, sign) for row in z])
    # A few roundings where pairs are recomputed; where 1 − |cos| > 1e-3 the cosine, good to a few
    # EPS, is subtracted from 1, and 1e3 · EPS remains.
    np.testing.assert_allclose(small, exact, rtol=4e3 * EPS)
    assert np.all(small[4:] > 0.0)
    np.testing.assert_allclose(small[4:], exact[4:], rtol=30 * EPS)


@given(
    arrays(np.float64, (4, 3), elements=st.floats(-1e3, 1e3, width=32)),
    arrays(np.float64, (3, 3), elements=st.floats(-1e3, 1e3, width=32)),
)
def test_deficit_and_surplus_belong_to_the_covariance(x: np.ndarray, z: np.ndarray) -> None:
    moments = input_moments(x, z)
    second = moments.second
    assert np.all(second.deficit >= 0.0)
    assert np.all(second.surplus >= 0.0)
    scale = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(z, axis=1)
    # Rounding of three coordinates, relative to the product of the norms (Cauchy–Schwarz).
    assert np.all(np.abs(second.covariance - x @ z.T / 3) <= 20 * EPS * scale)
    assert np.all(np.abs(second.deficit + second.surplus - 2 * scale / 3) <= 20 * EPS * scale)
    assert moments.fan_in == 3
    assert moments.law == "fixed"
    assert not moments.ntk.any()


def test_equal_and_opposite_rows_are_exactly_so() -> None:
    x = np.random.default_rng(0).standard_normal((5, 11))
    between = input_moments(x, np.concatenate([x, -x, 4.0 * x])).second
    assert np.diagonal(between.deficit[:, :5]).tolist() == [0.0] * 5
    assert np.diagonal(between.surplus[:, 5:10]).tolist() == [0.0] * 5
    assert np.diagonal(between.deficit[:, 10:]).tolist() == [0.0] * 5
    symmetric = input_moments(x).second
    assert np.diagonal(symmetric.deficit).tolist() == [0.0] * 5
    np.testing.assert_array_equal(
        np.diagonal(symmetric.surplus), 2.0 * symmetric.std1[:, 0] * symmetric.std2[0]
    )
    np.testing.assert_array_equal(symmetric.deficit, symmetric.deficit.T)


def test_one_feature_has_only_two_angles() -> None:
    x = np.array([[0.3], [-1e-9], [0.1 + 0.2], [7.0], [0.0]])
    second = input_moments(x, x).second
    product = np.abs(x) @ np.abs(x).T
    np.testing.assert_array_equal(second.deficit == 0.0, x @ x.T >= 0.0)
    np.testing.assert_array_equal(second.surplus == 0.0, x @ x.T <= 0.0)
    np.testing.assert_allclose(second.deficit + second.surplus, 2 * product, rtol=4 * EPS)


@pytest.mark.parametrize("scale", [1e150, 1e-150])
def test_sizes_near_the_ends_of_the_range(scale: float) -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((6, 5))
    x[3] = x[2] + 1e-8 * x[1]
    usual, extreme = input_moments(x).second, input_moments(scale * x).second
    # The rows themselves are rounded when they are scaled: that moves the angle 1e-8 by EPS/1e-8.
    np.testing.assert_allclose(extreme.angle, usual.angle, rtol=1e-7)
    np.testing.assert_allclose(extreme.std1, scale * usual.std1, rtol=4 * EPS)
    mixed = input_moments(x, scale * x).second
    np.testing.assert_allclose(mixed.angle, usual.angle, rtol=1e-7, atol=4 * EPS)
    assert np.isfinite(extreme.deficit).all()


def test_sizes_whose_squares_leave_the_range() -> None:
    rng = np.random.default_rng(3)
    x, z = rng.standard_normal((4, 5)), rng.standard_normal((3, 5))
    z[0] = 2.0 * x[0]
    usual, extreme = input_moments(x, z).second, input_moments(1e200 * x, 1e-200 * z).second
    np.testing.assert_allclose(extreme.angle, usual.angle, rtol=1e-13, atol=4 * EPS)
    np.testing.assert_allclose(extreme.covariance, usual.covariance, rtol=1e-13)


def test_zero_rows_have_no_moments_and_no_points_no_pairs() -> None:
    x = np.array([[0.0, 0.0], [1.0, 2.0]])
    second = input_moments(x).second
    assert second.std1[:, 0].tolist()[0] == 0.0
    assert second.deficit[0].tolist() == second.surplus[0].tolist() == [0.0, 0.0]
    assert input_moments(x, np.zeros((0, 2))).second.deficit.shape == (2, 0)
    assert input_moments(np.zeros((0, 2))).ntk.shape == (0, 0)


def test_many_nearly_parallel_pairs_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    x = 1.0 + 1e-6 * rng.standard_normal((256, 200))
    tracemalloc.start()
    second = input_moments(x).second
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All 65,536 pairs at once would hold 105 MB in each of several arrays.
    assert peak < 40e6
    for i, j in ((0, 1), (17, 203), (255, 254)):
        assert math.isclose(second.deficit[i, j], exact_deficit(x[i], x[j]), rel_tol=100 * EPS)
    monkeypatch.setattr(inputs, "CHUNK", 1)
    one_at_a_time = input_moments(x[:20]).second
    np.testing.assert_array_equal(one_at_a_time.deficit, second.deficit[:20, :20])


def test_positions_are_trailing_axes() -> None:
    rng = np.random.default_rng(2)
    x, z = rng.standard_normal((3, 2, 4, 5)), rng.standard_normal((2, 2, 4, 5))
    moments = input_moments(x, z)
    second = moments.second
    covariance = np.einsum("iabf,jcdf->ijabcd", x, z) / 5
    np.testing.assert_allclose(second.covariance, covariance, atol=20 * EPS)
    np.testing.assert_allclose(
        second.std_product,
        np.sqrt(
            np.einsum("iabf,iabf->iab", x, x)[:, None, :, :, None, None]
            * np.einsum("jcdf,jcdf->jcd", z, z)[None, :, None, None]
        )
        / 5,
        rtol=20 * EPS,
    )
    within1, within2 = moments.within1, moments.within2
    assert within1 is not None
    assert within2 is not None
    for within, points in ((within1, x), (within2, z)):
        expected = np.einsum("iabf,icdf->iabcd", points, points)[:, None] / 5
        np.testing.assert_allclose(within.covariance, expected, atol=20 * EPS)
        assert within.std_product.shape == expected.shape
