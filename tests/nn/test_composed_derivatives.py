"""Derivatives and empirical kernels of composed networks, against explicit Jacobians."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.nn import (
    ActivationLayer,
    AppendOne,
    ComposedNetwork,
    Dense,
    Erf,
    Flatten,
    Gelu,
    Relu,
    Residual,
    Tanh,
    empirical,
    shallow,
)
from ntksim.nn.layers import dense
from ntksim.types import Array, Network, Params

from small_networks import assert_close, chain, difference_jacobian, gradient_jacobian

RELU, ERF = ActivationLayer(Relu()), ActivationLayer(Erf())

NETWORKS = {
    "relu": chain(Relu(), 2, outputs=2, weight_std=1.4, bias_std=0.3),
    "erf": chain(Erf(), 1, outputs=3, weight_std=1.2),
    "gelu": chain(Gelu(), 3, outputs=1, bias_std=0.1),
    "linear": ComposedNetwork((Dense(bias_std=1.0, units=2),), (3,), 2),
    "appended": ComposedNetwork(
        (AppendOne(), Dense(fan_in_scaling=False), ERF, Dense(units=2, bias_std=1.0)), (3,), 2
    ),
    "bias inside": ComposedNetwork(
        (Dense(bias_std=0.5, bias_inside=True), ERF, Dense(0.7, 2.0, units=2, bias_inside=True)),
        (3,),
        2,
    ),
    "initial deviations": ComposedNetwork(
        (
            Dense(1.3, 0.4, initial_weight_std=0.6),
            ERF,
            Dense(2.0, 1.0, units=2, initial_bias_std=0),
        ),
        (3,),
        2,
    ),
    "first trained": ComposedNetwork(
        (Dense(bias_std=0.5), ERF, Dense(units=2, bias_std=0.5, trained=False)), (3,), 2
    ),
    "readout trained": ComposedNetwork(
        (Dense(trained=False), ERF, Dense(trained=False), ERF, Dense(units=2)), (3,), 2
    ),
    "middle trained": ComposedNetwork(
        (Dense(trained=False), ERF, Dense(), ERF, Dense(units=2, trained=False)), (3,), 2
    ),
    "residual": ComposedNetwork(
        (
            Dense(),
            Residual(ERF, Dense(bias_std=0.3)),
            Residual(ERF, Dense(0.5), RELU, Dense(trained=False)),
            ERF,
            Dense(units=2, bias_std=0.1),
        ),
        (3,),
        2,
    ),
    "residual read-out": ComposedNetwork(
        (Dense(), ERF, Dense(units=2), Residual(ERF, Dense(units=2))), (3,), 2
    ),
    "activation last": ComposedNetwork((Dense(), ERF, Dense(units=2), ERF), (3,), 2),
    "bottleneck": ComposedNetwork((Dense(), ERF, Dense(units=2), ERF, Dense(units=2)), (3,), 2),
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> ComposedNetwork:
    return NETWORKS[request.param]


def drawn(network: Network, width: int = 5, seed: int = 0) -> Params:
    return network.initialise(width, np.random.default_rng(seed))


def points(number: int, seed: int = 1, features: int = 3) -> Array:
    return np.random.default_rng(seed).standard_normal((number, features))


def test_oracle_34_gradients_are_differences(network: ComposedNetwork) -> None:
    params, x = drawn(network), points(4)
    trained = list(network.vjp(params, x, np.zeros((4, network.outputs))))
    explicit = gradient_jacobian(network, params, x)
    differences = difference_jacobian(network, params, x, trained)
    # Central differences with step 1e-5: truncation ~1e-10, rounding ~1e-16/1e-5.
    np.testing.assert_allclose(explicit, differences, atol=1e-9)


def test_only_trained_parameters_have_gradients() -> None:
    cotangent = np.ones((2, 2))
    names = {
        name: set(NETWORKS[name].vjp(drawn(NETWORKS[name]), points(2), cotangent))
        for name in ("first trained", "readout trained", "middle trained")
    }
    assert names == {
        "first trained": {"0.weight", "0.bias"},
        "readout trained": {"2.weight"},
        "middle trained": {"1.weight"},
    }


def test_oracle_34_derivative_at_a_kink_is_that_from_the_left() -> None:
    network = chain(Relu(), 1)
    params, x = drawn(network), np.zeros((1, 3))
    assert not network.vjp(params, x, np.ones((1, 1)))["0.weight"].any()
    assert network.tangent_kernel(params, x).tolist() == [[0.0]]


def test_the_structured_kernel_is_that_of_the_explicit_jacobian(network: ComposedNetwork) -> None:
    params, x, z = drawn(network), points(4), points(3, seed=2)
    first, second = (gradient_jacobian(network, params, p) for p in (x, z))
    full = np.einsum("ikp,jmp->ikjm", first, second)
    # Sums of at most a hundred terms of order one.
    assert_close(network.tangent_kernel(params, x, z, full=True), full)
    assert_close(
        network.tangent_kernel(params, x, z), np.einsum("ikjk->ij", full) / network.outputs
    )
    symmetric = np.einsum("ikp,jmp->ikjm", first, first)
    assert_close(network.tangent_kernel(params, x, full=True), symmetric)


def test_both_kernels_at_once_are_those_one_by_one(network: ComposedNetwork) -> None:
    params, x, z = drawn(network), points(4), points(3, seed=2)
    for other in (None, z):
        for full in (False, True):
            ntk, nngp = network.empirical_kernels(params, x, other, full=full)
            np.testing.assert_array_equal(ntk, network.tangent_kernel(params, x, other, full=full))
            np.testing.assert_array_equal(nngp, network.prior_kernel(params, x, other))
            slow = Network.empirical_kernels(network, params, x, other, full=full)
            np.testing.assert_array_equal(slow[0], ntk)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_tiles_of_one_point_know_which_cotangents_are_shared(
    network: ComposedNetwork, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one point nothing shows whether its cotangents are those of all: 5 = 3 + 2 = 2 + 2 + 1."""
    params, x, z = drawn(network), points(5), points(4, seed=2)
    whole = {full: network.tangent_kernel(params, x, full=full) for full in (False, True)}
    across = network.tangent_kernel(params, x, z, full=True)
    monkeypatch.setattr(empirical, "POINTS", number)
    for full, expected in whole.items():
        kernel = network.tangent_kernel(params, x, full=full)
        assert_close(kernel, expected)
        order = (2, 3, 0, 1) if full else (1, 0)
        np.testing.assert_array_equal(kernel, kernel.transpose(order))
    assert_close(network.tangent_kernel(params, x, z, full=True), across)


def test_the_base_class_computes_the_same(network: ComposedNetwork) -> None:
    params, x, z = drawn(network), points(3), points(2, seed=2)
    tangent = drawn(network, seed=3)
    for full in (False, True):
        assert_close(
            network.tangent_kernel(params, x, z, full=full),
            Network.tangent_kernel(network, params, x, z, full=full),
        )
    assert_close(network.jvp(params, x, tangent), Network.jvp(network, params, x, tangent))
    value, gradients = network.value_and_vjp(params, x, np.sin)
    assert set(gradients) == set(network.vjp(params, x, np.sin(value)))
    for name, gradient in network.vjp(params, x, np.sin(network.apply(params, x))).items():
        np.testing.assert_allclose(gradients[name], gradient, rtol=1e-12, atol=1e-14)


def test_blocks_of_points_change_nothing(network: ComposedNetwork) -> None:
    small = ComposedNetwork(network.layers, (3,), network.outputs, block_bytes=1)
    params, x, z = drawn(network), points(5), points(3, seed=2)
    for other in (None, z):
        for full in (False, True):
            assert_close(
                small.tangent_kernel(params, x, other, full=full),
                network.tangent_kernel(params, x, other, full=full),
            )
        assert_close(small.prior_kernel(params, x, other), network.prior_kernel(params, x, other))
    assert_close(small.apply(params, x), network.apply(params, x))
    cotangent, tangent = np.sin(network.apply(params, x)), drawn(network, seed=3)
    assert_close(small.jvp(params, x, tangent), network.jvp(params, x, tangent))
    expected = network.vjp(params, x, cotangent)
    for gradients in (
        small.vjp(params, x, cotangent),
        small.value_and_vjp(params, x, np.sin)[1],
    ):
        for name, gradient in gradients.items():
            assert_close(gradient, expected[name])


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(NETWORKS)),
    width=st.integers(1, 6),
    number=st.integers(1, 4),
    seed=st.integers(0, 2**32),
)
def test_vjp_and_jvp_are_adjoint(name: str, width: int, number: int, seed: int) -> None:
    network, rng = NETWORKS[name], np.random.default_rng(seed)
    params, tangent = network.initialise(width, rng), network.initialise(width, rng)
    x = rng.standard_normal((number, 3))
    cotangent = rng.standard_normal((number, network.outputs))
    gradients = network.vjp(params, x, cotangent)
    left = float(np.vdot(cotangent, network.jvp(params, x, tangent)))
    terms = [float(np.vdot(gradient, tangent[key])) for key, gradient in gradients.items()]
    # Equal up to rounding of sums of products of order one to a hundred.
    assert math.isclose(left, sum(terms), rel_tol=1e-11, abs_tol=1e-11)


def test_names_missing_from_a_tangent_stand_still() -> None:
    network = NETWORKS["relu"]
    params, x, tangent = drawn(network), points(3), drawn(network, seed=4)
    parts = [network.jvp(params, x, {name: value}) for name, value in tangent.items()]
    np.testing.assert_allclose(sum(parts), network.jvp(params, x, tangent), rtol=1e-12)
    assert not network.jvp(params, x, {}).any()


@pytest.mark.parametrize("width", [1, 2])
def test_narrowest_networks_have_kernels(width: int) -> None:
    network = chain(Erf(), 2, outputs=2, bias_std=0.1)
    params, x = drawn(network, width), points(3)
    jacobian = gradient_jacobian(network, params, x).reshape(6, -1)
    np.testing.assert_allclose(
        network.tangent_kernel(params, x, full=True).reshape(6, 6),
        jacobian @ jacobian.T,
        rtol=1e-12,
        atol=1e-14,
    )


def test_the_prior_kernel_is_the_covariance_over_the_readout() -> None:
    readout = Dense(0.7, 2.0, units=2, initial_weight_std=1.5, initial_bias_std=0.25)
    network = ComposedNetwork((Dense(), ERF, readout), (3,), 2)
    params, x, z = drawn(network), points(4), points(3, seed=2)
    expected = np.zeros((4, 3))
    for name, std in (("1.weight", 1.5), ("1.bias", 0.25)):
        # The output is linear in the read-out: differences are exact, and its covariance is
        # J diag(variances) Jᵀ.
        left, right = (difference_jacobian(network, params, p, [name], 1.0)[:, 0] for p in (x, z))
        expected += std**2 * left @ right.T
    np.testing.assert_allclose(network.prior_kernel(params, x, z), expected, rtol=1e-12, atol=1e-14)
    tail = ComposedNetwork((Dense(), Dense(units=2), ERF), (3,), 2)
    outputs = tail.apply(params := drawn(tail), x)
    np.testing.assert_allclose(tail.prior_kernel(params, x), outputs @ outputs.T / 2, rtol=1e-12)


def test_readout_alone_has_the_prior_as_its_tangent_kernel() -> None:
    network = NETWORKS["readout trained"]
    params, x = drawn(network), points(4)
    np.testing.assert_allclose(
        network.tangent_kernel(params, x), network.prior_kernel(params, x), rtol=1e-13
    )


def test_nothing_is_computed_below_the_first_trained_layer() -> None:
    class Undifferentiable(Tanh):
        def derivative(self, x: Array) -> Array:
            raise AssertionError(x)

    layers = (Dense(trained=False), ActivationLayer(Undifferentiable()), Dense(units=1))
    network = ComposedNetwork(layers, (3,), 1)
    params, x = drawn(network), points(4)
    assert set(network.vjp(params, x, np.ones((4, 1)))) == {"1.weight"}
    assert network.tangent_kernel(params, x).shape == (4, 4)


def test_nothing_trained_means_no_tangent_kernel() -> None:
    network = ComposedNetwork((Dense(trained=False), ERF, Dense(units=1, trained=False)), (3,), 1)
    params, x = drawn(network), points(4)
    assert not network.tangent_kernel(params, x).any()
    assert network.vjp(params, x, np.ones((4, 1))) == {}


def test_oracle_16_euler_relation_of_homogeneous_layers() -> None:
    bias_std = 1.0
    readout = Dense(units=1, bias_std=bias_std)
    network = ComposedNetwork((AppendOne(), Dense(fan_in_scaling=False), RELU, readout), (3,), 1)
    params, x = drawn(network, width=40), points(6)
    centred = network.apply(params, x) - params["1.bias"]
    for name in ("0.weight", "1.weight"):
        derivative = network.jvp(params, x, {name: params[name]})
        np.testing.assert_allclose(derivative, centred, rtol=1e-12, atol=1e-14)


def test_structured_sum_of_one_hidden_layer_by_hand() -> None:
    """With the term of the output bias, which is often forgotten."""
    network = ComposedNetwork(
        (Dense(fan_in_scaling=False), RELU, Dense(units=1, bias_std=1.0)), (3,), 1
    )
    params, x = drawn(network, width=50), points(5)
    hidden = x @ params["0.weight"]
    active = (hidden > 0).astype(float)
    squares = params["1.weight"][:, 0] ** 2
    expected = (
        (active * squares) @ active.T * (x @ x.T) + np.maximum(hidden, 0) @ np.maximum(hidden, 0).T
    ) / 50 + 1.0
    np.testing.assert_allclose(network.tangent_kernel(params, x), expected, rtol=1e-12)


def test_no_points_give_no_rows_and_gradients_of_zero() -> None:
    network = NETWORKS["relu"]
    params, none, x = drawn(network), np.zeros((0, 3)), points(2)
    assert network.apply(params, none).shape == (0, 2)
    assert network.tangent_kernel(params, x, none).shape == (2, 0)
    assert network.tangent_kernel(params, none, x, full=True).shape == (0, 2, 2, 2)
    assert network.prior_kernel(params, x, none).shape == (2, 0)
    gradients = network.vjp(params, none, np.zeros((0, 2)))
    assert set(gradients) == set(params)
    assert not any(gradient.any() for gradient in gradients.values())


def test_inputs_of_another_shape_are_refused() -> None:
    network = NETWORKS["relu"]
    params = drawn(network)
    for wrong in (np.ones((2, 4)), np.ones(3)):
        with pytest.raises(ValueError, match=r"the network takes \(points, 3\)"):
            network.apply(params, wrong)
        with pytest.raises(ValueError, match=r"the network takes \(points, 3\)"):
            network.kernels(wrong)
    with pytest.raises(ValueError, match="width is 0"):
        network.initialise(0, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"input_shape is \(3, 0\)"):
        ComposedNetwork((Flatten(), Dense(units=1)), (3, 0), 1)


def test_memory_of_an_empirical_kernel_is_bounded() -> None:
    network = chain(Tanh(), 2, outputs=4, block_bytes=2**20)
    params, x = drawn(network, width=64), points(400)
    tracemalloc.start()
    network.tangent_kernel(params, x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The result has 1.3 MB; the Jacobian of 1,600 rows and 4,500 parameters would have 58 MB.
    assert peak < 8e6


@pytest.mark.parametrize(
    ("depth", "full", "wanted"), [(1, False, 2), (1, True, 7), (2, False, 3), (2, True, 8)]
)
def test_no_gram_matrix_is_computed_twice_or_for_each_output_in_vain(
    depth: int, full: bool, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each hidden layer: features (for both kernels) and cotangents; K(K + 1)/2 of the last.

    Gram matrices of inputs and of the three outputs' unit vectors, of three numbers each, do not
    count; cotangents of an earlier layer are one matrix, with the outputs as rows or in its rows.
    """
    network = chain(Tanh(), depth, inputs=3, outputs=3)
    params, x = drawn(network, width=50), points(6)
    seen: list[int] = []

    def counted(left: Array, right: Array) -> Array:
        seen.append(left.shape[-1])
        return gram(left, right)

    def counted_sum(total: Array, left: Array, right: Array | None = None) -> None:
        seen.append(left.shape[-1])
        add_gram(total, left, right)

    gram, add_gram = dense._gram, shallow._add_gram  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(dense, "_gram", counted)
    monkeypatch.setattr(shallow, "_add_gram", counted_sum)
    network.empirical_kernels(params, x, full=full)
    cotangents = 150 if depth == 2 and not full else 50
    assert set(seen) <= {3, 9, 50, cotangents}
    assert seen.count(50) + (cotangents != 50) * seen.count(cotangents) == wanted + (depth - 1)


def test_memory_of_a_wide_network_is_the_kernels_and_a_piece() -> None:
    network = chain(Relu(), 1, inputs=8, outputs=3)
    params, x = drawn(network, width=20_000), points(200, features=8)
    tracemalloc.start()
    network.empirical_kernels(params, x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Three kernels' worth and three arrays of a piece; the features alone would have 32 MB, with
    # what is before them and their cotangents 96 MB, the Jacobian 1 GB.
    assert peak < 8 * (3 * 200**2 + 3.5 * shallow.FEATURES)


@pytest.mark.parametrize("block_bytes", [1, 2**27])
def test_the_gradient_of_the_loss_is_the_product_with_the_residual(
    network: ComposedNetwork, block_bytes: int
) -> None:
    small = ComposedNetwork(network.layers, (3,), network.outputs, block_bytes=block_bytes)
    params, x = drawn(network), points(5)
    targets = np.random.default_rng(4).standard_normal((5, network.outputs))
    value, gradients = small.value_and_loss_gradient(params, x, targets)
    np.testing.assert_array_equal(value, small.apply(params, x))
    slow_value, slow = Network.value_and_loss_gradient(network, params, x, targets)
    assert_close(value, slow_value)
    assert list(gradients) == list(slow)
    for name, gradient in slow.items():
        # Sums of five terms of order one, which may cancel.
        assert_close(gradients[name], gradient, atol=1e-14)
