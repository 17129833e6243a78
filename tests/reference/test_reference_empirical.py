"""Outputs and empirical kernels of stored networks against independent ones."""

from __future__ import annotations

import numpy as np
import pytest
from ntksim.nn import Erf, Gelu, Relu
from ntksim.types import Array, Network, Params

from ntksim_builtin.architectures import Mlp
from reference_values import keys, reference
from small_networks import assert_close

ACTIVATIONS = {"relu": Relu(), "erf": Erf(), "gelu": Gelu()}


def stored_network(key: str) -> tuple[Network, Params, dict[str, Array]]:
    arrays, manifest = reference("empirical")
    options = manifest[key]
    depth = len(options["hidden_widths"])
    network = Mlp(
        depth=depth,
        activation=ACTIVATIONS[options["activation"]],
        weight_std=options["weight_std"],
        bias_std=options["bias_std"],
    ).network((7,), options["outputs"])
    params = {}
    for layer in range(depth + 1):
        params[f"{layer}.weight"] = arrays[f"{key}_W{layer}"]
        params[f"{layer}.bias"] = arrays[f"{key}_b{layer}"]
    return network, params, arrays


@pytest.mark.parametrize("key", keys("empirical"))
def test_outputs_and_tangent_kernels_agree_to_ten_digits(key: str) -> None:
    network, params, arrays = stored_network(key)
    train, test = arrays["x_train"], arrays["x_test"]
    for x, part in ((train, "train"), (test, "test")):
        assert_close(network.apply(params, x), arrays[f"{key}_f_{part}"], rtol=1e-10)
    for points, name in (((train,), "ntk_full"), ((test, train), "ntk_test_full")):
        expected = arrays[f"{key}_{name}"].transpose(0, 2, 1, 3)  # stored (N, M, K, K)
        # Entries between different outputs are sums that nearly cancel: absolute, in units of the
        # largest.
        atol = 1e-12 * np.abs(expected).max()
        full = network.tangent_kernel(params, *points, full=True)
        assert_close(full, expected, rtol=1e-10, atol=atol)
        average = np.einsum("ikjk->ij", expected) / 2
        assert_close(network.tangent_kernel(params, *points), average, rtol=1e-10, atol=atol)


@pytest.mark.parametrize("key", keys("empirical"))
def test_linearised_predictions_agree(key: str) -> None:
    network, params, arrays = stored_network(key)
    train, test = arrays["x_train"], arrays["x_test"]
    rows = 2 * len(train)
    kernel = network.tangent_kernel(params, train, full=True).reshape(rows, rows)
    across = network.tangent_kernel(params, test, train, full=True).reshape(-1, rows)
    missing = (arrays["y"] - network.apply(params, train)).ravel()
    eigenvalues, vectors = np.linalg.eigh(kernel)
    for time, name in ((1.0, "t1"), (np.inf, "tinf")):
        gain = -np.expm1(-eigenvalues * time) / eigenvalues
        change = across @ (vectors @ (gain * (vectors.T @ missing)))
        predicted = network.apply(params, test) + change.reshape(-1, 2)
        # At t = ∞ rounding is amplified by the condition number, at most 1e4 here.
        assert eigenvalues[-1] / eigenvalues[0] < 1e4
        assert_close(predicted, arrays[f"{key}_lin_test_{name}"], rtol=1e-9, atol=1e-10)
