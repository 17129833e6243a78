"""Kernels of one hidden layer by pieces of units and tiles of points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Relu, Tanh, shallow

from small_networks import gradient_jacobian


@given(
    points=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    features=st.integers(1, 3),
    width=st.integers(1, 9),
    outputs=st.integers(1, 3),
    bias_std=st.sampled_from([0.0, 0.4]),
    trained=st.sampled_from([(True, True), (True, False), (False, True)]),
    seed=st.integers(0, 2**32),
)
def test_pieces_and_tiles_give_the_product_of_jacobians(
    points: tuple[int, int],
    features: int,
    width: int,
    outputs: int,
    bias_std: float,
    trained: tuple[bool, bool],
    seed: int,
) -> None:
    layers = (
        Dense(1.3, bias_std, trained=trained[0]),
        ActivationLayer(Tanh()),
        Dense(0.8, bias_std, units=outputs, trained=trained[1]),
    )
    network = ComposedNetwork(layers, (features,), outputs)
    rng = np.random.default_rng(seed)
    params = network.initialise(width, rng)
    x1, x2 = (rng.standard_normal((n, features)) for n in points)
    first, second = (gradient_jacobian(network, params, x) for x in (x1, x2))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("FEATURES", 8), ("FEWEST", 2), ("TILE", 2)):
            patch.setattr(shallow, name, value)
        symmetric, prior = network.empirical_kernels(params, x1)
        tangent, prior_between = network.empirical_kernels(params, x1, x2)
        alone = network.prior_kernel(params, x1)
    # Sums of at most 40 terms of order one.
    expected = np.einsum("nkp,mkp->nm", first, first) / outputs
    np.testing.assert_allclose(symmetric, expected, rtol=0, atol=1e-13)
    expected = np.einsum("nkp,mkp->nm", first, second) / outputs
    np.testing.assert_allclose(tangent, expected, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(symmetric, symmetric.T)
    # The covariance over the read-out is what it adds to the tangent kernel, were it trained.
    readout = ComposedNetwork(
        (Dense(1.3, bias_std, trained=False), layers[1], Dense(0.8, bias_std, units=outputs)),
        (features,),
        outputs,
    )
    first, second = (gradient_jacobian(readout, params, x) for x in (x1, x2))
    expected = np.einsum("nkp,mkp->nm", first, first) / outputs
    np.testing.assert_allclose(prior, expected, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(alone, prior)
    expected = np.einsum("nkp,mkp->nm", first, second) / outputs
    np.testing.assert_allclose(prior_between, expected, rtol=0, atol=1e-13)


def test_no_points() -> None:
    network = ComposedNetwork((Dense(), ActivationLayer(Relu()), Dense(units=1)), (2,), 1)
    params = network.initialise(5, np.random.default_rng(0))
    some = np.ones((3, 2))
    assert network.tangent_kernel(params, some[:0]).shape == (0, 0)
    assert network.tangent_kernel(params, some, some[:0]).shape == (3, 0)
    assert network.tangent_kernel(params, some, full=True).shape == (3, 1, 3, 1)
