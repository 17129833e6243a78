"""Infinite-width kernels of composed networks: closed forms, limits, spectra, symmetries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.nn import (
    ActivationLayer,
    AppendOne,
    ComposedNetwork,
    Dense,
    Erf,
    Gelu,
    Identity,
    LeakyRelu,
    Relu,
    Residual,
    Tanh,
    input_moments,
    limit,
)
from ntksim.types import Activation, Array

from small_networks import assert_close, chain, nngp, ntk

pytestmark = pytest.mark.usefixtures("kernel_path")

EPS = np.finfo(np.float64).eps
HE = math.sqrt(2.0)
RELU = ActivationLayer(Relu())


def shallow(
    *, first_std: float = 1.0, readout_std: float = 1.0, features: int = 3, **readout: float | bool
) -> ComposedNetwork:
    """f = (1/√D) w·relu(W x), weights drawn with the given deviations, no bias."""
    layers = (
        Dense(fan_in_scaling=False, initial_weight_std=first_std),
        RELU,
        Dense(units=1, initial_weight_std=readout_std, **readout),  # pyright: ignore[reportArgumentType]
    )
    return ComposedNetwork(layers, (features,), 1)


def points(number: int, features: int = 3, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((number, features))


def angles(x: Array, z: Array) -> tuple[Array, Array]:
    """Product of norms and angle; random points are far from parallel."""
    norms = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(z, axis=1)
    return norms, np.arccos(np.clip(x @ z.T / norms, -1, 1))


def both(network: ComposedNetwork, x: Array, z: Array | None = None) -> tuple[Array, Array]:
    return nngp(network, x, z), ntk(network, x, z)


def test_one_hidden_layer_is_its_closed_form() -> None:
    s0, s1 = 0.7, 1.9
    x, z = points(6), points(5, seed=1)
    norms, theta = angles(x, z)
    base = (np.sin(theta) + (math.pi - theta) * np.cos(theta)) / (2 * math.pi)
    first = np.cos(theta) * (math.pi - theta) / (2 * math.pi)
    network = shallow(first_std=s0, readout_std=s1)
    # arccos loses a few digits of the angle in this independent form.
    assert_close(ntk(network, x, z), norms * (s1**2 * first + s0**2 * base))
    assert_close(nngp(network, x, z), norms * (s0 * s1) ** 2 * base)
    with_bias = shallow(first_std=s0, readout_std=s1, bias_std=1.0, initial_bias_std=0.0)
    assert_close(ntk(with_bias, x, z), ntk(network, x, z) + 1.0)
    assert_close(nngp(with_bias, x, z), nngp(network, x, z))


def test_prior_takes_a_product_of_variances_and_no_trained_bias() -> None:
    """Variances multiply; an output bias adds its own variance, and only that."""
    x = points(4)
    unit = nngp(shallow(), x)
    scaled = shallow(first_std=HE, readout_std=HE)
    np.testing.assert_allclose(nngp(scaled, x), 4.0 * unit, rtol=1e-13)
    biased = shallow(bias_std=1.0, initial_bias_std=0.3)
    np.testing.assert_allclose(nngp(biased, x), unit + 0.09, rtol=1e-13)


def test_one_network_gives_both_kernels() -> None:
    """A multiplier and an initial deviation give one prior and two tangent kernels."""
    x = points(4)
    drawn = shallow(first_std=HE, readout_std=HE)
    layers = (Dense(HE, fan_in_scaling=False), RELU, Dense(HE, units=1))
    multiplied = ComposedNetwork(layers, (3,), 1)
    np.testing.assert_allclose(nngp(drawn, x), nngp(multiplied, x), rtol=1e-13)
    np.testing.assert_allclose(ntk(drawn, x), 2.0 * ntk(shallow(), x), rtol=1e-13)
    np.testing.assert_allclose(ntk(multiplied, x), 4.0 * ntk(shallow(), x), rtol=1e-13)


def test_oracle_01_diagonal_is_the_squared_norm_to_the_last_digits() -> None:
    x = points(200, 11)
    squares = (x * x).sum(axis=1)
    np.testing.assert_allclose(np.diagonal(ntk(shallow(features=11), x)), squares, rtol=8 * EPS)
    between = ntk(shallow(features=11), x, x.copy())
    np.testing.assert_allclose(np.diagonal(between), squares, rtol=8 * EPS)


@pytest.mark.parametrize("depth", [1, 10, 30])
def test_oracle_04_deep_diagonal_counts_layers(depth: int) -> None:
    x = points(20, 7)
    network = chain(Relu(), depth, inputs=7, weight_std=HE)
    # He scaling, 1/√7 in the first layer: Θ(x, x) = (L+1) · 2‖x‖²/7. Rounding adds up over layers.
    expected = (depth + 1) * 2.0 * (x * x).sum(axis=1) / 7
    np.testing.assert_allclose(np.diagonal(ntk(network, x)), expected, rtol=8 * depth * EPS)


@settings(max_examples=30, deadline=None)
@given(
    a=st.floats(1e-3, 1e3), b=st.floats(1e-3, 1e3), depth=st.integers(1, 3), slope=st.floats(0, 0.9)
)
def test_oracle_02_bias_free_kernels_are_homogeneous(
    a: float, b: float, depth: int, slope: float
) -> None:
    network = chain(LeakyRelu(slope), depth, weight_std=HE)
    x, z = points(4), points(3, seed=1)
    scale = a * b * np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(z, axis=1)
    for kernel in (ntk, nngp):
        difference = kernel(network, a * x, b * z) - a * b * kernel(network, x, z)
        assert np.all(np.abs(difference) <= 100 * EPS * scale)


def test_oracle_05_recursion_of_a_deep_network() -> None:
    x = points(6)
    # Independent recursion on variances and correlations, He scaling.
    sigma = 2.0 * x @ x.T / 3
    theta = sigma.copy()
    for _ in range(3):
        norms = np.sqrt(np.outer(np.diagonal(sigma), np.diagonal(sigma)))
        angle = np.arccos(np.clip(sigma / norms, -1, 1))
        np.fill_diagonal(angle, 0.0)
        sigma = norms * (np.sin(angle) + (math.pi - angle) * np.cos(angle)) / math.pi
        theta = sigma + theta * (math.pi - angle) / math.pi
    network = chain(Relu(), 3, weight_std=HE)
    np.testing.assert_allclose(nngp(network, x), sigma, rtol=1e-12)
    np.testing.assert_allclose(ntk(network, x), theta, rtol=1e-12)


def test_oracle_06_very_deep_relu_networks_and_07_their_condition() -> None:
    angle = np.array([0.0, 1.3, 2.9])
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    gaps, ratios, conditions = [], [], []
    for depth in (500, 1000, 2000):
        network = chain(Relu(), depth, inputs=2, weight_std=HE)
        kernel = ntk(network, x)
        moments = input_moments(x[:1], x[1:2])
        for layer in network.layers[:-1]:
            moments = layer.moments(moments)
        decorrelation = float((moments.second.deficit / moments.second.std_product)[0, 0])
        gaps.append(1.0 - decorrelation * depth**2 / (4.5 * math.pi**2))
        ratios.append(kernel[0, 1] / kernel[0, 0] - 0.25)
        eigenvalues = np.linalg.eigvalsh(kernel)
        conditions.append(eigenvalues[-1] / eigenvalues[0] - 2.0)  # (n + 3)/3 for n = 3
    for errors in (gaps, ratios, conditions):
        # All approach their limits as log(L)/L: by 1.7 to 2 a doubling, in the end below 2 %.
        assert 1.6 < errors[0] / errors[1] < 2.0
        assert 1.6 < errors[1] / errors[2] < 2.0
        assert 0.0 < errors[2] < 0.02


def test_oracle_08_critical_erf_networks() -> None:
    # χ₁ = weight_std² E[φ′²] = 1 at the fixed point q = 1/2, where E[φ²] = (2/π) asin(1/2).
    weight_std = math.sqrt(math.pi * math.sqrt(3.0) / 4.0)
    bias_std = math.sqrt(0.5 - weight_std**2 * (2 / math.pi) * math.asin(0.5))
    radius = math.sqrt(2.0 * (0.5 - bias_std**2)) / weight_std
    angle = np.array([0.0, 1.3, 2.9])
    x = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    errors = []
    for depth in (1000, 2000, 4000):
        kernel = ntk(chain(Erf(), depth, inputs=2, weight_std=weight_std, bias_std=bias_std), x)
        eigenvalues = np.linalg.eigvalsh(kernel)
        errors.append((1 / 3 - kernel[0, 1] / kernel[0, 0], 2.5 - eigenvalues[-1] / eigenvalues[0]))
    for first, second, third in zip(*errors, strict=True):
        # As for ReLU; the condition number tends to (n + 2)/2 = 5/2.
        assert first > second > third > 0.0
        assert third < 0.01
        assert 1.5 < second / third < 2.0


def test_oracle_10_linear_networks() -> None:
    x, z = points(5), points(4, seed=1)
    gram = x @ z.T
    layers = (
        Dense(fan_in_scaling=False, initial_weight_std=0.7),
        ActivationLayer(Identity()),
        Dense(units=1, initial_weight_std=1.9),
    )
    both = ntk(ComposedNetwork(layers, (3,), 1), x, z)
    assert_close(both, (0.7**2 + 1.9**2) * gram)
    deep = chain(Identity(), 5, weight_std=1.0)
    assert_close(ntk(deep, x, z), 6 * gram / 3)


def circle(number: int) -> Array:
    angle = 2 * math.pi * np.arange(number) / number
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_oracle_11_spectrum_on_the_circle() -> None:
    number = 4096
    x = circle(number)
    pi2 = math.pi**2
    layers = (Dense(fan_in_scaling=False), RELU, Dense(units=1, trained=False))
    first_layer = ComposedNetwork(layers, (2,), 1)
    k = np.arange(2, 20)
    even, odd = k[k % 2 == 0], k[k % 2 == 1]
    cases = (
        (ntk(shallow(features=2), x[:1], x), 3 / pi2, 1 / 4, (even**2 + 3) / (even**2 - 1) ** 2),
        (ntk(first_layer, x[:1], x), 1 / pi2, 1 / 8, (even**2 + 1) / (even**2 - 1) ** 2),
        (nngp(shallow(features=2), x[:1], x), 2 / pi2, 1 / 8, 2.0 / (even**2 - 1) ** 2),
    )
    for row, constant, linear, quadratic in cases:
        eigenvalues = np.fft.fft(row[0]).real / number
        # Aliases: the terms k ± N, of order 1/(πN)² = 6e-9, come on top of each.
        assert math.isclose(eigenvalues[0], constant, abs_tol=4e-8)
        assert math.isclose(eigenvalues[1], linear, abs_tol=4e-8)
        np.testing.assert_allclose(eigenvalues[even], quadratic / pi2, atol=4e-8)
        np.testing.assert_allclose(eigenvalues[odd], 0.0, atol=1e-16 * 10)


@pytest.mark.parametrize("bias", [0.0, 1.0])
def test_oracle_12_even_numbers_of_points_on_the_circle_are_singular(bias: float) -> None:
    network = shallow(features=2, bias_std=bias)
    for number in (6, 8, 14):
        eigenvalues = np.linalg.eigvalsh(ntk(network, circle(number)))
        # Odd harmonics from 3 on are missing; eigenvalues are exact to rounding of the largest.
        assert abs(eigenvalues[0]) < number * EPS * eigenvalues[-1]
    smallest = np.linalg.eigvalsh(ntk(network, circle(9)))[0]
    if bias == 0.0:
        assert math.isclose(smallest, 0.0409838, abs_tol=5e-8)


def test_a_bias_free_network_cannot_tell_multiples_apart() -> None:
    """And no network without an appended 1 tells enough antipodal pairs apart."""
    x = points(1)
    kernel = ntk(shallow(), np.concatenate([x, 2.0 * x]))
    assert abs(np.linalg.eigvalsh(kernel)[0]) < 4 * EPS * kernel.max()
    half = points(4)
    antipodal = ntk(shallow(bias_std=1.0), np.concatenate([half, -half]))
    assert abs(np.linalg.eigvalsh(antipodal)[0]) < 100 * EPS * antipodal.max()
    layers = (AppendOne(), Dense(fan_in_scaling=False), RELU, Dense(units=1))
    appended = ntk(ComposedNetwork(layers, (3,), 1), np.concatenate([half, -half, 2.0 * half]))
    assert np.linalg.eigvalsh(appended)[0] > 1e-3


def test_two_points_very_close_are_still_told_apart() -> None:
    x = np.array([[0.6, 0.8], [0.6, 0.8]])
    for gap in (1e-6, 1e-8, 1e-10):
        x[1] = x[0] + gap * np.array([-0.8, 0.6])
        smallest = np.linalg.eigvalsh(ntk(shallow(features=2), x))[0]
        # k(0) − k(θ) = θ/2π (1 + πθ + …), from entries near 1 that are rounded.
        assert math.isclose(smallest, gap / (2 * math.pi), rel_tol=10 * gap + 10 * EPS / gap)


@pytest.mark.parametrize("activation", [Relu(), Erf(), Gelu(), Tanh()])
def test_oracle_28_batches_permutations_and_rotations(activation: Activation) -> None:
    network = chain(activation, 2, inputs=4, weight_std=1.3, bias_std=0.2)
    x = points(9, 4)
    kernel = ntk(network, x)
    order = np.random.default_rng(1).permutation(9)
    rtol = 1e-9  # tanh is integrated to 1e-10, in batches of its own
    assert_close(ntk(network, x[order]), kernel[np.ix_(order, order)], rtol, 0.0)
    assert_close(ntk(network, x[:3], x[5:]), kernel[:3, 5:], rtol, 0.0)
    rotation = np.linalg.qr(points(4, 4, seed=2))[0]
    assert_close(ntk(network, x @ rotation), kernel, rtol, 0.0)
    np.testing.assert_array_equal(kernel, kernel.T)


def test_tiles_are_put_together_right(monkeypatch: pytest.MonkeyPatch) -> None:
    network = chain(Relu(), 2, weight_std=1.3, bias_std=0.2)
    x, z = points(11), points(7, seed=1)
    whole = both(network, x), both(network, x, z)
    monkeypatch.setattr(limit, "TILE", 3)
    for expected, tiled in zip(whole, (both(network, x), both(network, x, z)), strict=True):
        for one, other in zip(tiled, expected, strict=True):
            assert_close(one, other)
    np.testing.assert_array_equal(ntk(network, x), ntk(network, x).T)


@pytest.mark.parametrize("activation", [Relu(), Erf(), Gelu()])
def test_degenerate_points_have_finite_kernels(activation: Activation) -> None:
    x = points(2)
    x = np.concatenate([x, x[:1], -x[:1], 3.0 * x[:1], np.zeros((2, 3))])
    for bias in (0.0, 0.4):
        for kernel in both(chain(activation, 2, weight_std=1.2, bias_std=bias), x):
            assert np.isfinite(kernel).all()
            np.testing.assert_array_equal(kernel, kernel.T)
            np.testing.assert_allclose(kernel[0], kernel[2], rtol=1e-13, atol=1e-15)
            np.testing.assert_allclose(kernel[5], kernel[6], rtol=0, atol=0)
            assert np.linalg.eigvalsh(kernel)[0] > -1e-14 * np.abs(kernel).max()


@pytest.mark.parametrize("scale", [1e150, 1e-150])
def test_extreme_sizes_are_only_a_factor(scale: float) -> None:
    network = chain(Relu(), 3, weight_std=HE)
    x = points(5)
    # Products of norms reach 1e±300: within the range, and so must be everything on the way.
    for kernel in (ntk, nngp):
        np.testing.assert_allclose(
            kernel(network, scale * x) / scale / scale, kernel(network, x), rtol=1e-12
        )


def test_one_feature_and_no_points() -> None:
    x = np.array([[0.5], [-2.0], [1.0]])
    kernel = ntk(shallow(features=1), x)
    # On a line pairs are parallel, k = x z, or antiparallel, 0.
    np.testing.assert_allclose(kernel, np.maximum(x @ x.T, 0.0), rtol=4 * EPS)
    network = chain(Relu(), 2)
    assert ntk(network, points(2), np.zeros((0, 3))).shape == (2, 0)
    assert ntk(network, np.zeros((0, 3))).shape == (0, 0)


def test_oracle_26_readout_alone_has_the_prior_as_its_tangent_kernel() -> None:
    layers = (
        Dense(1.2, 0.3, trained=False),
        Residual(ActivationLayer(Erf()), Dense(0.8, trained=False)),
        RELU,
        Dense(1.1, 0.2, units=2),
    )
    prior, tangent = both(ComposedNetwork(layers, (3,), 2), points(5))
    assert_close(tangent, prior, rtol=1e-14, atol=0.0)


def test_first_layer_alone_is_the_kernel_of_du_et_al() -> None:
    """H∞ = x·z (π − θ)/2π for output weights of variance 1, such as ±1."""
    layers = (Dense(fan_in_scaling=False), RELU, Dense(units=1, trained=False))
    x, z = points(5), points(4, seed=1)
    _, theta = angles(x, z)
    expected = x @ z.T * (math.pi - theta) / (2 * math.pi)
    kernel = ntk(ComposedNetwork(layers, (3,), 1), x, z)
    np.testing.assert_allclose(kernel, expected, rtol=1e-12, atol=1e-14)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    depth=st.integers(1, 4),
    weight_std=st.floats(0.3, 2.0),
    bias_std=st.sampled_from([0.0, 0.1, 1.0]),
    activation=st.sampled_from([Relu(), LeakyRelu(0.2), Erf(), Gelu(), Identity()]),
)
def test_kernels_are_symmetric_and_positive_semidefinite(
    seed: int, depth: int, weight_std: float, bias_std: float, activation: Activation
) -> None:
    network = chain(activation, depth, weight_std=weight_std, bias_std=bias_std)
    x = points(8, seed=seed)
    for kernel in (ntk(network, x), nngp(network, x)):
        np.testing.assert_array_equal(kernel, kernel.T)
        # Entries are exact to some rounding of their scale.
        assert np.linalg.eigvalsh(kernel)[0] >= -1e-13 * np.diagonal(kernel).max()
