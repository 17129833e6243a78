"""Activations by themselves, and laws that the duals of all of them obey."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable
from typing import Any

import mpmath
import ntksim.nn
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from ntksim.nn import activations as module, dual, input_moments
from ntksim.nn.activations import ACTIVATIONS
from ntksim.types import Activation, Array, SecondMoments

from gaussian_pairs import EPS

ALL = [*(cls() for cls in ACTIVATIONS), module.LeakyRelu(negative_slope=-0.4)]
every_activation = pytest.mark.parametrize(
    "activation", ALL, ids=lambda a: "".join(str(v) for v in (a.name, *vars(a).values()))
)

EXACT: dict[str, Callable[[Any], Any]] = {
    "relu": lambda x: max(x, 0),
    "leaky_relu": lambda x: x if x > 0 else x / 100,
    "abs": abs,
    "identity": lambda x: x,
    "erf": mpmath.erf,
    "gelu": lambda x: x * mpmath.ncdf(x),
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}


def test_all_activations_are_listed_named_and_described() -> None:
    defined = [
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if issubclass(cls, Activation) and cls is not Activation
    ]
    assert set(ACTIVATIONS) == set(defined)
    assert len({cls.name for cls in ACTIVATIONS}) == len(ACTIVATIONS)
    for cls in ACTIVATIONS:
        assert getattr(ntksim.nn, cls.__name__) is cls
        assert "__doc__" in vars(cls), cls  # not that of the base
        assert cls.description()
        assert cls.kind == "activation"
        assert dataclasses.is_dataclass(cls)
        assert hash(cls()) == hash(cls())  # they are options of frozen architectures
    assert set(EXACT) == {cls.name for cls in ACTIVATIONS}


@pytest.mark.parametrize("cls", ACTIVATIONS, ids=lambda cls: cls.name)
def test_values_and_derivatives_keep_their_digits_in_the_tails(cls: type[Activation]) -> None:
    """Against mpmath, derivatives by its own numerical differentiation with 450 digits."""
    activation = cls()
    x = np.array([-700.0, -26.0, -8.0, -1.3, -1e-5, 1e-300, 1e-5, 0.4, 3.0, 17.5, 26.0, 150.0])
    with mpmath.workdps(450):
        exact = [float(EXACT[cls.name](mpmath.mpf(v))) for v in x]
        smooth = np.abs(x) > 1e-100
        slope = [float(mpmath.diff(EXACT[cls.name], mpmath.mpf(v))) for v in x[smooth]]
    # scipy's erfc and exp of 700 are good to some hundred EPS; gelu′ and cos cancel near a zero,
    # where only EPS of the largest term remains; what is below 1e-300 may be flushed to 0.
    np.testing.assert_allclose(activation.value(x), exact, rtol=3e-13, atol=1e-300)
    np.testing.assert_allclose(activation.derivative(x[smooth]), slope, rtol=1e-12, atol=1e-15)
    if cls.name in ("tanh", "sigmoid", "softplus", "erf"):  # no cancellation at all
        np.testing.assert_allclose(activation.derivative(x[smooth]), slope, rtol=1e-12, atol=1e-300)


@every_activation
@settings(max_examples=40)
@given(st.floats(-30.0, 30.0))
def test_the_derivative_is_the_slope(activation: Activation, x: float) -> None:
    step = 1e-5
    assume(all(abs(x - kink) > 2 * step for kink in activation.kinks))
    ends = activation.value(np.array([x - step, x + step]))
    slope = float(ends[1] - ends[0]) / (2 * step)
    # Rounding of values up to 30 over the step, and step²/6 of a third derivative up to 2.
    tolerance = 2 * 30 * EPS / step + step**2
    assert math.isclose(slope, activation.derivative(np.array([x])).item(), abs_tol=tolerance)


@every_activation
def test_shapes_are_kept_and_arguments_left_alone(activation: Activation) -> None:
    for x in (np.linspace(-2.0, 2.0, 24).reshape(2, 3, 4), np.zeros((0, 3)), np.zeros(())):
        before = x.copy()
        value, slope = activation.value(x), activation.derivative(x)
        assert np.shape(value) == np.shape(slope) == x.shape
        assert np.asarray(value).dtype == np.asarray(slope).dtype == np.float64
        np.testing.assert_array_equal(x, before)
        assert not np.shares_memory(value, x)


def test_derivatives_at_the_kinks_are_what_the_docstrings_say() -> None:
    zero = np.zeros(1)
    assert module.Relu().derivative(zero).item() == 0.0
    assert module.Abs().derivative(zero).item() == 0.0
    assert module.LeakyRelu(negative_slope=0.3).derivative(zero).item() == 0.3


STEP = 1e-3


@every_activation
@settings(max_examples=12)
@given(st.floats(0.1, 2.5), st.floats(0.1, 2.5), st.floats(-0.85, 0.85))
def test_price_s_law(activation: Activation, std1: float, std2: float, rho: float) -> None:
    """∂E[φ(u)φ(v)]/∂c = E[φ′(u)φ′(v)] at fixed variances."""
    product = std1 * std2
    moved = rho + STEP * np.array([-2.0, -1.0, 1.0, 2.0])[:, None]
    moments = SecondMoments(
        np.full((4, 1), std1), np.array([[std2]]), product * (1 - moved), product * (1 + moved)
    )
    features = dual(activation, moments).features
    far_below, below, above, far_above = features.covariance[:, 0]
    slope = (8 * (above - below) - (far_above - far_below)) / (12 * STEP * product)
    at = SecondMoments(
        *(np.array([[v]]) for v in (std1, std2, product * (1 - rho), product * (1 + rho)))
    )
    derivative = dual(activation, at).derivative.item()
    # The duals to 2e-12 of the features' size over the step; step⁴/30 times a fifth derivative in
    # ρ, below 1e4 for the kinks at |ρ| ≤ 0.85 and smaller for the smooth ones at these deviations.
    size = features.std_product.max() / product
    assert math.isclose(slope, derivative, abs_tol=size * (2e-12 / STEP + 1e4 * STEP**4 / 30))


@every_activation
@settings(max_examples=10)
@given(arrays(np.float64, (5, 3), elements=st.floats(-3.0, 3.0, width=32)))
def test_covariances_obey_cauchy_schwarz_and_are_positive_semidefinite(
    activation: Activation, x: Array
) -> None:
    found = dual(activation, input_moments(x).second)
    features = found.features
    assert np.all(features.deficit >= 0.0)
    assert np.all(features.surplus >= 0.0)
    # The surplus and deficit belong to one covariance: they sum to 2 σ₁σ₂.
    total = features.deficit + features.surplus
    np.testing.assert_allclose(total, 2.0 * features.std_product, rtol=20 * EPS)
    for matrix in (features.covariance, found.derivative):
        # Inputs that are nearly opposite have surpluses that differ in their last digits.
        np.testing.assert_allclose(matrix, matrix.T, atol=EPS * np.diagonal(matrix).max())
        # Closed forms are right to some EPS, quadrature to 1e-11 of the largest, in five rows.
        assert np.linalg.eigvalsh(matrix)[0] >= -5e-11 * np.diagonal(matrix).max(initial=1e-300)


@every_activation
def test_exchanging_the_points_transposes(activation: Activation) -> None:
    rng = np.random.default_rng(7)
    x, z = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    straight = dual(activation, input_moments(x, z).second)
    crossed = dual(activation, input_moments(z, x).second)
    # x·z and z·x may be rounded differently.
    np.testing.assert_allclose(
        straight.features.covariance, crossed.features.covariance.T, atol=1e-14, rtol=1e-13
    )
    np.testing.assert_allclose(straight.derivative, crossed.derivative.T, atol=1e-14, rtol=1e-13)
