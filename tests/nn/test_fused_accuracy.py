"""Compiled loops against arithmetic of sixty digits, for every form that they have."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ntksim.nn import (
    Abs,
    ActivationLayer,
    AppendOne,
    ComposedNetwork,
    Cos,
    Dense,
    Erf,
    Gelu,
    Identity,
    Layer,
    LeakyRelu,
    Relu,
    Sigmoid,
    Sin,
    Softplus,
    Tanh,
)
from ntksim.nn.fused.operations import Kind
from ntksim.nn.fused.program import lowered
from ntksim.nn.inputs import Directions
from ntksim.types import Activation, Array

from exact_kernels import ExactDual, erf, exact_kernels, gelu, piecewise, relative_error
from small_networks import chain

EXACT = 1e-14
"""What is promised: fifty roundings."""

FORMS: dict[str, tuple[Activation, ExactDual]] = {
    "relu": (Relu(), piecewise(0.0)),
    "leaky_relu": (LeakyRelu(0.1), piecewise(0.1)),
    "steep leaky_relu": (LeakyRelu(0.7), piecewise(0.7)),
    "abs": (Abs(), piecewise(-1.0)),
    "identity": (Identity(), piecewise(1.0)),
    "erf": (Erf(), erf),
    "gelu": (Gelu(), gelu),
}


def close_points(unit: bool = False) -> Array:
    """A point, points at angles from 1e-2 to 1e-10 of it and of its opposite, and multiples."""
    rng = np.random.default_rng(7)
    x = rng.standard_normal(5)
    x /= np.linalg.norm(x)
    side = rng.standard_normal(5)
    side -= (side @ x) * x
    side /= np.linalg.norm(side)
    rows = [x]
    for angle in (1e-2, 1e-5, 1e-8, 1e-10):
        rows += [math.cos(angle) * x + math.sin(angle) * side]
        rows += [-math.cos(angle) * x + math.sin(angle) * side]
    rows += [x, -x] if unit else [x, -x, 3.0 * x, -0.2 * x]
    return np.array(rows)


def spread_points() -> Array:
    return np.random.default_rng(3).standard_normal((7, 5)) * np.linspace(0.2, 3.0, 7)[:, None]


def kinds(network: ComposedNetwork, x: Array) -> set[Kind]:
    program = lowered(network.layers, Directions.of(x).std, x.shape[1])
    assert program is not None
    return {operation.kind for operation in program.operations}


@pytest.mark.parametrize("bias_std", [0.0, 0.3])
@pytest.mark.parametrize("depth", [1, 3, 10])
@pytest.mark.parametrize("form", FORMS)
def test_entries_are_exact(form: str, depth: int, bias_std: float) -> None:
    activation, dual = FORMS[form]
    network = chain(activation, depth, inputs=5, weight_std=1.3, bias_std=bias_std)
    x = spread_points()
    found = network.kernels(x, path="fused")
    for kernel, exact in zip(
        (found.nngp, found.ntk), exact_kernels(x, dual, depth, 1.3, bias_std), strict=True
    ):
        assert kernel is not None
        # An entry that nearly vanishes, as between orthogonal points, is exact to the rounding of
        # its inputs: relative to the sizes of the points.
        error = relative_error(kernel, exact, smallest=0.1)
        assert error.max() < EXACT


@pytest.mark.parametrize("bias_std", [0.0, 0.3])
@pytest.mark.parametrize("depth", [1, 3, 10])
@pytest.mark.parametrize("form", FORMS)
def test_entries_next_to_parallel_and_antiparallel_are_exact(
    form: str, depth: int, bias_std: float
) -> None:
    """Oracle 3's ends: relative to the entries themselves, however small they are."""
    activation, dual = FORMS[form]
    network = chain(activation, depth, inputs=5, weight_std=1.3, bias_std=bias_std)
    x = close_points()
    found = network.kernels(x, path="fused")
    for kernel, exact in zip(
        (found.nngp, found.ntk), exact_kernels(x, dual, depth, 1.3, bias_std), strict=True
    ):
        assert kernel is not None
        # With a bias, covariances of opposite points change their sign somewhere.
        error = relative_error(kernel, exact, smallest=0.1 if bias_std else 0.0)
        # The rounded antipode of a rounded point has a true entry of 1e-48; found is 0 or that.
        negligible = np.abs(exact.astype(float)) < 1e-40
        assert error[~negligible].max() < EXACT
        assert np.abs(kernel[negligible]).max(initial=0.0) < 1e-40


@pytest.mark.parametrize("bias_std", [0.0, 0.3])
@pytest.mark.parametrize("depth", [3, 10])
@pytest.mark.parametrize("form", ["relu", "leaky_relu", "abs"])
def test_functions_of_the_angle_are_exact(form: str, depth: int, bias_std: float) -> None:
    """Points of one length, with a bias and without; also without bias at any length."""
    activation, dual = FORMS[form]
    network = chain(activation, depth, inputs=5, weight_std=math.sqrt(2.0), bias_std=bias_std)
    x = np.concatenate([close_points(unit=True), spread_points()])
    if bias_std:
        x /= np.linalg.norm(x, axis=1)[:, None]
    known = {("leaky_relu", 3), ("abs", 10)}  # nearly vanishing entries, too many terms
    if bias_std == 0.0:
        assert (kinds(network, x) == {Kind.ANGLE}) == ((form, depth) not in known)
    found = network.kernels(x, path="fused")
    exact = exact_kernels(x, dual, depth, math.sqrt(2.0), bias_std)
    for kernel, expected in zip((found.nngp, found.ntk), exact, strict=True):
        assert kernel is not None
        assert relative_error(kernel, expected, smallest=0.02).max() < EXACT


def test_cost_of_the_angle_form_does_not_depend_on_depth() -> None:
    x = spread_points()
    terms = []
    for depth in (3, 10):
        network = chain(Relu(), depth, inputs=5, weight_std=math.sqrt(2.0))
        program = lowered(network.layers, Directions.of(x).std, 5)
        assert program is not None
        assert [operation.kind for operation in program.operations] == [Kind.ANGLE]
        terms.append(program.polynomials.shape[1])
    assert terms[1] <= terms[0] + 8


def test_oracle_01_the_diagonal_is_that_of_the_layers() -> None:
    """Bit for bit: it does not pass through the loops."""
    x = np.random.default_rng(0).standard_normal((300, 11))
    for activation in (Relu(), Erf(), Gelu(), Tanh()):
        network = chain(activation, 2, inputs=11, weight_std=1.3, bias_std=0.2)
        fused, layers = (network.kernels(x, path=path) for path in ("fused", "layers"))
        for one, other in ((fused.nngp, layers.nngp), (fused.ntk, layers.ntk)):
            assert one is not None
            assert other is not None
            difference = np.diagonal(one) - np.diagonal(other)
            # Tile by tile, deviations are squared and rooted in another order.
            np.testing.assert_allclose(difference / np.diagonal(other), 0.0, atol=4e-16)


def test_equal_points_have_equal_rows() -> None:
    x = np.random.default_rng(0).standard_normal((40, 3))
    x[7], x[11], x[20], x[30] = x[3], x[3], 0.0, 0.0
    for network in (
        chain(Relu(), 3, weight_std=1.2),
        chain(Relu(), 3, weight_std=1.2, bias_std=0.3),
        chain(Gelu(), 2, weight_std=1.2, bias_std=0.3),
    ):
        found = network.kernels(x, path="fused")
        for kernel in (found.nngp, found.ntk):
            assert kernel is not None
            np.testing.assert_array_equal(kernel, kernel.T)
            for pair in ((3, 7), (7, 11), (20, 30)):
                block = kernel[np.ix_(pair, pair)]
                np.testing.assert_array_equal(block, np.full((2, 2), block[0, 0]))


@pytest.mark.parametrize("activation", [Tanh(), Sigmoid(), Softplus(), Sin(), Cos()])
@pytest.mark.parametrize("bias_std", [0.0, 0.3])
def test_series_keep_their_stated_error(activation: Activation, bias_std: float) -> None:
    """1e-12 a layer, beside closed forms, or quadratures that are exact to 1e-10."""
    network = chain(activation, 2, inputs=5, weight_std=1.3, bias_std=bias_std)
    x = 0.4 * np.concatenate([close_points()[[0, 1, 2, 7, 8]], spread_points()])
    assert kinds(network, x) >= {Kind.SERIES}
    fused, layers = (network.kernels(x, path=path) for path in ("fused", "layers"))
    closed = isinstance(activation, Sin | Cos)
    for one, other in ((fused.nngp, layers.nngp), (fused.ntk, layers.ntk)):
        assert one is not None
        assert other is not None
        size = np.sqrt(np.outer(np.diagonal(other), np.diagonal(other)))
        assert np.max(np.abs(one - other) / size) < (1e-11 if closed else 3e-10)


@pytest.mark.parametrize("scale", [1e150, 1e-150])
@pytest.mark.parametrize("depth", [1, 4])
def test_extreme_sizes_are_exact_too(scale: float, depth: int) -> None:
    network = chain(LeakyRelu(0.1), depth, inputs=5, weight_std=1.3)
    x = spread_points()
    large, usual = network.kernels(scale * x, path="fused"), network.kernels(x, path="fused")
    for one, other in ((large.nngp, usual.nngp), (large.ntk, usual.ntk)):
        assert one is not None
        assert other is not None
        size = np.sqrt(np.outer(np.diagonal(other), np.diagonal(other)))
        assert np.max(np.abs(one / scale / scale - other) / size) < EXACT


def every_convention(
    bias_inside: bool, appended: bool, trained: tuple[bool, ...]
) -> ComposedNetwork:
    layers = (
        *((AppendOne(),) if appended else ()),
        Dense(0.8, 0.4, fan_in_scaling=False, initial_weight_std=1.7, trained=trained[0]),
        ActivationLayer(Relu()),
        Dense(1.2, 0.3, initial_bias_std=0.0, trained=trained[1]),
        ActivationLayer(Erf()),
        Dense(1.1, 0.5, initial_weight_std=0.6, trained=trained[2]),
        ActivationLayer(LeakyRelu(0.2)),
        Dense(0.9, 0.7, units=2, bias_inside=bias_inside, initial_bias_std=0.2, trained=trained[3]),
    )
    return ComposedNetwork(layers, (5,), 2)


@pytest.mark.parametrize("bias_inside", [True, False])
@pytest.mark.parametrize("appended", [True, False])
@pytest.mark.parametrize(
    "trained",
    [(True,) * 4, (True, False, False, False), (False, True, True, False), (False,) * 3 + (True,)],
)
def test_every_convention_agrees_with_the_layers(
    bias_inside: bool, appended: bool, trained: tuple[bool, ...]
) -> None:
    network = every_convention(bias_inside, appended, trained)
    # No preactivation of erf has a deviation above 8.
    x, z = 0.4 * spread_points(), 0.4 * np.concatenate([close_points(), np.zeros((1, 5))])
    for points in ((x,), (z, x)):
        fused = network.kernels(*points, path="fused")
        layers = network.kernels(*points, path="layers")
        for one, other in ((fused.nngp, layers.nngp), (fused.ntk, layers.ntk)):
            assert one is not None
            assert other is not None
            # Both are exact to roundings of the largest entries, four layers deep.
            assert np.max(np.abs(one - other)) < EXACT * np.abs(other).max()


@pytest.mark.parametrize("biases", [(1, 0, 1, 1), (0, 1, 0, 1), (1, 1, 0, 0), (1, 0, 0, 1)])
@pytest.mark.parametrize("slope", [0.0, 0.3, -0.5])
def test_layers_with_and_without_a_bias_may_take_turns(
    biases: tuple[int, ...], slope: float
) -> None:
    layers: list[Layer] = []
    for bias in biases[:-1]:
        layers += [Dense(1.2, 0.4 * bias), ActivationLayer(LeakyRelu(slope))]
    network = ComposedNetwork((*layers, Dense(0.9, 0.3 * biases[-1], units=1)), (5,), 1)
    x = np.concatenate([spread_points(), close_points()])
    for points in ((x,), (x[:9], x)):
        fused = network.kernels(*points, path="fused")
        by_layers = network.kernels(*points, path="layers")
        for one, other in ((fused.nngp, by_layers.nngp), (fused.ntk, by_layers.ntk)):
            assert one is not None
            assert other is not None
            assert np.max(np.abs(one - other)) < EXACT * np.abs(other).max()
