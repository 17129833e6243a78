"""Layers on positions, written here: the interfaces carry a convolution without a change."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from ntksim.nn import (
    ActivationLayer,
    ComposedNetwork,
    Dense,
    Erf,
    FixedLayer,
    Flatten,
    Moments,
    Relu,
    Residual,
    Serial,
)
from ntksim.nn.layers import Shape
from ntksim.types import Array, Network, NoClosedForm, SecondMoments

from small_networks import assert_close, difference_jacobian, gradient_jacobian, nngp, ntk

POSITIONS, CHANNELS = 4, 2


@dataclass(frozen=True)
class CircularPatches(FixedLayer):
    """Collect the features of neighbouring positions on a ring, (N, S, C) → (N, S, size·C).

    A dense layer behind it is a circular convolution.
    """

    size: int = 3

    def output_shape(self, input_shape: Shape, width: int | None) -> Shape:
        del width
        positions, features = input_shape
        return (positions, None if features is None else self.size * features)

    def forward(self, params: object, x: Array) -> tuple[Array, None]:
        del params
        return np.concatenate([np.roll(x, -s, axis=-2) for s in range(self.size)], axis=-1), None

    def tangent(self, tape: None, input_tangent: Array) -> Array:
        del tape
        return self.forward({}, input_tangent)[0]

    def pullback(self, tape: None, cotangent: Array) -> Array:
        del tape
        parts = np.split(cotangent, self.size, axis=-1)
        if cotangent.shape[-2] == 1:  # the same at all positions
            return np.sum(parts, axis=0)
        return np.sum([np.roll(part, s, axis=-2) for s, part in enumerate(parts)], axis=0)

    def moments(self, moments: Moments) -> Moments:
        def shifted(array: Array, s: int) -> Array:
            for axis in (2, 3):
                if array.shape[axis] > 1:
                    array = np.roll(array, -s, axis)
            return array

        def change(second: SecondMoments) -> SecondMoments:
            shares = [
                SecondMoments(
                    shifted(second.std1, s),
                    shifted(second.std2, s),
                    shifted(second.deficit, s),
                    shifted(second.surplus, s),
                ).scaled(1.0 / math.sqrt(self.size))
                for s in range(self.size)
            ]
            total = shares[0]
            for share in shares[1:]:
                total = total.plus(share)
            return total

        mean_ntk = np.mean([shifted(moments.ntk, s) for s in range(self.size)], axis=0)
        fan_in = None if moments.fan_in is None else self.size * moments.fan_in
        return moments.mapped(
            change, mean_ntk, law="fixed" if moments.law == "fixed" else "random", fan_in=fan_in
        )


@dataclass(frozen=True)
class AveragePool(FixedLayer):
    """Average over positions, (N, S, C) → (N, C)."""

    def output_shape(self, input_shape: Shape, width: int | None) -> Shape:
        del width
        return input_shape[-1:]

    def forward(self, params: object, x: Array) -> tuple[Array, int]:
        del params
        return x.mean(axis=-2), x.shape[-2]

    def tangent(self, tape: int, input_tangent: Array) -> Array:
        del tape
        return input_tangent.mean(axis=-2)

    def pullback(self, tape: int, cotangent: Array) -> Array:
        return cotangent[..., None, :] / tape

    def moments(self, moments: Moments) -> Moments:
        assert moments.within1 is not None
        assert moments.within2 is not None
        covariance = moments.second.covariance.mean(axis=(2, 3))
        std1 = np.sqrt(moments.within1.covariance.mean(axis=(2, 3)))
        std2 = np.sqrt(moments.within2.covariance.mean(axis=(2, 3))).T
        product = std1 * std2
        second = SecondMoments(
            std1,
            std2,
            np.maximum(product - covariance, 0.0),
            np.maximum(product + covariance, 0.0),
        )
        return Moments(second, moments.ntk.mean(axis=(2, 3)), moments.fan_in, moments.law)


RELU, ERF = ActivationLayer(Relu()), ActivationLayer(Erf())


def convolution(weight_std: float, bias_std: float = 0.0) -> Serial:
    return Serial(CircularPatches(), Dense(weight_std, bias_std))


NETWORKS = {
    "pooled": (convolution(1.5, 0.2), RELU, AveragePool(), Dense(units=2, bias_std=0.1)),
    "pooled, then dense": (
        *(convolution(1.5), RELU, AveragePool(), Dense(1.2, 0.3), ERF, Dense(units=2)),
    ),
    "linear read-out before pooling": (
        *(convolution(1.3, 0.1), ERF, Dense(units=2), AveragePool()),
    ),
    "two convolutions, flattened": (
        *(convolution(1.5, 0.2), RELU, convolution(1.2), ERF, Flatten(), Dense(units=2)),
    ),
    "residual": (
        convolution(1.3),
        Residual(RELU, CircularPatches(), Dense(0.7, 0.1)),
        *(ERF, AveragePool(), Dense(units=2)),
    ),
    "raw patches": (CircularPatches(), Flatten(), Dense(), RELU, Dense(units=2)),
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> ComposedNetwork:
    return ComposedNetwork(NETWORKS[request.param], (POSITIONS, CHANNELS), 2)


def images(number: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal((number, POSITIONS, CHANNELS))


def test_derivatives_and_structured_kernel(network: ComposedNetwork) -> None:
    params = network.initialise(3, np.random.default_rng(0))
    x, z = images(3, 1), images(2, 2)
    first, second = gradient_jacobian(network, params, x), gradient_jacobian(network, params, z)
    # Central differences with step 1e-5: truncation ~1e-10, rounding ~1e-16/1e-5.
    assert_close(first, difference_jacobian(network, params, x, list(params)), atol=1e-9)
    full = np.einsum("ikp,jmp->ikjm", first, second)
    assert_close(network.tangent_kernel(params, x, z, full=True), full)
    assert_close(network.tangent_kernel(params, x, z), np.einsum("ikjk->ij", full) / 2)
    symmetric = np.einsum("ikp,jkp->ij", first, first) / 2
    assert_close(network.tangent_kernel(params, x), symmetric)
    small = ComposedNetwork(network.layers, network.input_shape, 2, block_bytes=1)
    assert_close(small.tangent_kernel(params, x), symmetric)
    tangent = network.initialise(3, np.random.default_rng(3))
    flat = np.concatenate([tangent[name].ravel() for name in sorted(tangent)])
    assert_close(network.jvp(params, x, tangent), first @ flat)
    assert_close(network.tangent_kernel(params, x), Network.tangent_kernel(network, params, x))


def test_infinite_width_against_networks_of_many_channels(network: ComposedNetwork) -> None:
    x, z = images(3, 1), images(2, 2)
    width, samples, rng = 128, 40, np.random.default_rng(4)
    tangents, priors = [], []
    for _ in range(samples):
        params = network.initialise(width, rng)
        tangents.append(network.tangent_kernel(params, x, z))
        priors.append(network.prior_kernel(params, x, z))
    for limit, drawn in ((ntk(network, x, z), tangents), (nngp(network, x, z), priors)):
        mean, spread = np.mean(drawn, axis=0), np.std(drawn, axis=0, ddof=1)
        error = spread / math.sqrt(samples)
        # Four standard errors for sampling; the expectation at finite width differs from the limit
        # by O(1/width) of the size of the kernel (a factor of a few, as for dense networks).
        assert np.all(np.abs(mean - limit) < 4.0 * error + 3.0 / width * np.abs(limit).max())
        assert np.all(error < 0.2 * np.abs(limit).max())


def test_tiles_and_symmetry_of_infinite_width(network: ComposedNetwork) -> None:
    x = images(40, 5)
    kernel = ntk(network, x)
    np.testing.assert_array_equal(kernel, kernel.T)
    assert_close(kernel[:7, 30:], ntk(network, x[:7], x[30:]))
    assert np.linalg.eigvalsh(kernel)[0] > -1e-13


def test_pooled_network_does_not_see_rotations_of_the_ring() -> None:
    network = ComposedNetwork(NETWORKS["pooled"], (POSITIONS, CHANNELS), 2)
    x = images(3, 1)
    rotated = np.roll(x, 1, axis=1)
    assert_close(ntk(network, x, rotated), ntk(network, x))
    assert_close(nngp(network, x, rotated), nngp(network, x))


def test_an_activation_behind_a_mixture_of_positions_has_no_dual() -> None:
    layers = (*convolution(1.0).layers, Flatten(), RELU, Dense(units=1))
    network = ComposedNetwork(layers, (POSITIONS, CHANNELS), 1)
    with pytest.raises(NoClosedForm, match="not Gaussian"):
        network.kernels(images(2, 1))
