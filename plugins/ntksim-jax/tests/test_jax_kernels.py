"""Kernels by automatic differentiation against the toolkit's structured ones, and their memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ntksim import Array, Network, Params
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Erf

from ntksim_jax import JaxNetwork
from ntksim_jax.architectures import JaxMlp
from ntksim_jax.program import Program

X = np.random.default_rng(0).standard_normal((9, 4))
OUTPUTS = 3
ARCHITECTURE = JaxMlp(depth=2, activation="erf", weight_std=1.3, bias_std=0.4)


@pytest.fixture(scope="module")
def toolkit() -> Network:
    def dense(units: int | None = None) -> Dense:
        return Dense(1.3, 0.4, units=units)

    activation = ActivationLayer(Erf())
    return ComposedNetwork((dense(), activation, dense(), activation, dense(OUTPUTS)), (4,), 3)


@pytest.fixture(scope="module")
def network() -> JaxNetwork:
    return JaxNetwork(ARCHITECTURE, (4,), OUTPUTS)


@pytest.fixture(scope="module")
def params(toolkit: Network) -> Params:
    return toolkit.initialise(33, np.random.default_rng(1))


def at_width(params: Params) -> Params:
    return {**params, "width": np.array(33.0)}


def close(value: Array, expected: Array) -> None:
    # Sums of some thousand products in another order.
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_values_and_derivatives_are_those_of_the_toolkit(
    network: JaxNetwork, toolkit: Network, params: Params
) -> None:
    rng = np.random.default_rng(2)
    cotangent = rng.standard_normal((len(X), OUTPUTS))
    tangent = {name: rng.standard_normal(value.shape) for name, value in params.items()}
    close(network.apply(at_width(params), X), toolkit.apply(params, X))
    close(network.jvp(at_width(params), X, tangent), toolkit.jvp(params, X, tangent))
    gradient = network.vjp(at_width(params), X, cotangent)
    expected = toolkit.vjp(params, X, cotangent)
    assert gradient.keys() == expected.keys()
    for name in expected:
        close(gradient[name], expected[name])


@pytest.mark.parametrize("points", [None, 5])
@pytest.mark.parametrize("full", [False, True])
def test_tangent_kernels_are_those_of_the_toolkit(
    network: JaxNetwork, toolkit: Network, params: Params, points: int | None, full: bool
) -> None:
    other = None if points is None else X[:points] + 0.1
    expected = toolkit.tangent_kernel(params, X, other, full=full)
    close(network.tangent_kernel(at_width(params), X, other, full=full), expected)


@pytest.mark.parametrize("full", [False, True])
def test_blocks_fit_the_memory_and_change_nothing(
    network: JaxNetwork, params: Params, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = network.program(33)
    # Room for the gradients and the passes of four points.
    small = replace(network, block_bytes=4 * (program.gradient_bytes + program.point_bytes))
    expected = network.tangent_kernel(at_width(params), X, full=full)
    rows: list[int] = []
    compiled = dict(program.compiled)

    def gradients(trained: Array, fixed: Array, x: Array, c: Array) -> object:
        rows.append(len(x))
        return compiled["gradients"](trained, fixed, x, c)

    monkeypatch.setitem(program.compiled, "gradients", gradients)
    close(small.tangent_kernel(at_width(params), X, full=full), expected)
    assert max(rows) * program.gradient_bytes <= small.block_bytes
    assert max(rows) <= 4 < len(X)
    assert len(set(rows)) == 1  # a program is compiled for every size


def test_passes_over_points_are_blocked_too(network: JaxNetwork, params: Params) -> None:
    small = replace(network, block_bytes=4 * network.program(33).point_bytes)
    given = at_width(params)
    cotangent = np.random.default_rng(3).standard_normal((len(X), OUTPUTS))
    close(small.apply(given, X), network.apply(given, X))
    close(small.jvp(given, X, params), network.jvp(given, X, params))
    value, gradient = small.value_and_vjp(given, X, lambda f: f * f.sum() + cotangent)
    expected = network.apply(given, X)
    close(value, expected)
    slopes = network.vjp(given, X, expected * expected.sum() + cotangent)
    for name, slope in slopes.items():
        close(gradient[name], slope)


def test_what_a_pass_holds_of_a_point_grows_with_the_network() -> None:
    def program(depth: int, width: int) -> Program:
        return JaxNetwork(JaxMlp(depth=depth), (4,), OUTPUTS).program(width)

    # Features before and after every activation at least, and no more than a few copies of them.
    for depth, width in ((1, 64), (3, 64), (3, 512)):
        features = 8 * 2 * depth * width
        assert features <= program(depth, width).point_bytes <= 5 * features


def test_the_number_of_parameters_needs_no_parameters(network: JaxNetwork, params: Params) -> None:
    assert network.parameter_count(33) == sum(v.size for v in params.values()) + 1
    width = 10**6  # 8 TB, if they were drawn
    assert network.parameter_count(width) == width**2 + (4 + OUTPUTS + 2) * width + OUTPUTS + 1
