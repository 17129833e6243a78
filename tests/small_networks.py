"""Networks and explicit Jacobians for the tests of layers, architectures and kernels."""

from __future__ import annotations

import numpy as np
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Layer
from ntksim.types import Activation, Array, Network, Params


def chain(
    activation: Activation,
    depth: int = 2,
    *,
    inputs: int = 3,
    outputs: int = 1,
    weight_std: float = 1.0,
    bias_std: float = 0.0,
    block_bytes: int = 2**27,
) -> ComposedNetwork:
    """Depth × (dense, activation) and a read-out, all with the same standard deviations."""
    layers: list[Layer] = []
    for _ in range(depth):
        layers += [Dense(weight_std, bias_std), ActivationLayer(activation)]
    layers.append(Dense(weight_std, bias_std, units=outputs))
    return ComposedNetwork(tuple(layers), (inputs,), outputs, block_bytes)


def ntk(network: Network, x1: Array, x2: Array | None = None) -> Array:
    """Infinite-width tangent kernel."""
    kernel = network.kernels(x1, x2).ntk
    assert kernel is not None
    return kernel


def nngp(network: Network, x1: Array, x2: Array | None = None) -> Array:
    """Infinite-width covariance of the outputs."""
    kernel = network.kernels(x1, x2).nngp
    assert kernel is not None
    return kernel


def assert_close(actual: Array, expected: Array, rtol: float = 1e-12, atol: float = 1e-13) -> None:
    """Equal up to rounding of sums of some dozens of terms of order one."""
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)


def gradient_jacobian(network: Network, params: Params, x: Array) -> Array:
    """J (N, K, trained parameters) from one vjp a row."""
    rows = []
    for i in range(len(x)):
        for k in range(network.outputs):
            cotangent = np.zeros((len(x), network.outputs))
            cotangent[i, k] = 1.0
            gradient = network.vjp(params, x, cotangent)
            rows.append(np.concatenate([gradient[name].ravel() for name in sorted(gradient)]))
    return np.array(rows).reshape(len(x), network.outputs, -1)


def difference_jacobian(
    network: Network, params: Params, x: Array, names: list[str], step: float = 1e-5
) -> Array:
    """J (N, K, parameters in ``names``) from central differences of ``apply`` alone."""
    columns = []
    for name in sorted(names):
        for index in np.ndindex(params[name].shape):
            ends = []
            for sign in (1.0, -1.0):
                moved = params[name].copy()
                moved[index] += sign * step
                ends.append(network.apply({**params, name: moved}, x))
            columns.append((ends[0] - ends[1]) / (2 * step))
    return np.stack(columns, axis=-1)
