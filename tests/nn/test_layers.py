"""Layers one by one: shapes, parameters, conventions, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ntksim.nn import (
    ActivationLayer,
    AppendOne,
    ComposedNetwork,
    Dense,
    Erf,
    Flatten,
    Identity,
    Layer,
    Moments,
    Relu,
    Residual,
    Serial,
    input_moments,
)
from ntksim.types import NoClosedForm

from small_networks import assert_close, nngp, ntk

RELU = ActivationLayer(Relu())


def network(*layers: Layer, inputs: int = 3, outputs: int = 1) -> ComposedNetwork:
    return ComposedNetwork(layers, (inputs,), outputs)


def test_parameters_are_numbered_over_the_layers_that_have_them() -> None:
    net = network(
        Dense(bias_std=0.1),
        RELU,
        Serial(Dense(), RELU),
        Residual(RELU, Dense(bias_std=1.0), RELU, Dense()),
        RELU,
        Dense(units=1, bias_std=1.0),
    )
    params = net.initialise(4, np.random.default_rng(0))
    shapes = {name: value.shape for name, value in params.items()}
    assert shapes == {
        "0.weight": (3, 4),
        "0.bias": (4,),
        "1.weight": (4, 4),
        "2.0.weight": (4, 4),
        "2.0.bias": (4,),
        "2.1.weight": (4, 4),
        "3.weight": (4, 1),
        "3.bias": (1,),
    }


def test_dense_is_the_parameterisation_it_says() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5, 3))
    layer = Dense(1.5, 0.5, units=4)
    params = layer.initialise((3,), 7, rng)
    expected = 1.5 / math.sqrt(3) * x @ params["weight"] + 0.5 * params["bias"]
    np.testing.assert_allclose(layer.forward(params, x)[0], expected, rtol=1e-14)
    inside = Dense(1.5, 0.5, units=4, bias_inside=True)
    expected = (1.5 * x @ params["weight"] + 0.5 * params["bias"]) / math.sqrt(3)
    np.testing.assert_allclose(inside.forward(params, x)[0], expected, rtol=1e-14)
    unscaled = Dense(1.5, 0.5, units=4, fan_in_scaling=False)
    expected = 1.5 * x @ params["weight"] + 0.5 * params["bias"]
    np.testing.assert_allclose(unscaled.forward(params, x)[0], expected, rtol=1e-14)


def test_dense_draws_with_its_initial_deviations() -> None:
    layer = Dense(3.0, 0.5, initial_weight_std=2.0, initial_bias_std=0.1)
    params = layer.initialise((50,), 2000, np.random.default_rng(1))
    # Relative error of a sample deviation is 1/√(2n): 0.2 % for 100,000 and 1.6 % for 2,000.
    assert math.isclose(params["weight"].std(), 2.0, rel_tol=0.01)
    assert math.isclose(params["bias"].std(), 0.1, rel_tol=0.07)
    still = Dense(1.0, 1.0, initial_bias_std=0.0).initialise((5,), 6, np.random.default_rng(1))
    assert not still["bias"].any()
    assert "bias" not in Dense(1.0, 0.0).initialise((5,), 6, np.random.default_rng(1))


def test_what_a_layer_draws_does_not_depend_on_what_is_trained() -> None:
    drawn = [
        network(Dense(trained=trained), RELU, Dense(units=1)).initialise(
            5, np.random.default_rng(2)
        )
        for trained in (True, False)
    ]
    for name in drawn[0]:
        np.testing.assert_array_equal(drawn[0][name], drawn[1][name])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight_std": 0.0}, "weight_std is 0.0; it must be positive"),
        ({"weight_std": math.nan}, "weight_std is nan"),
        ({"bias_std": -0.1}, "bias_std is -0.1; it must not be negative"),
        ({"initial_weight_std": -1.0}, "initial_weight_std is -1.0"),
        ({"initial_bias_std": -1.0}, "initial_bias_std is -1.0"),
        ({"units": 0}, "units is 0; it must be at least 1"),
    ],
)
def test_dense_refuses(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Dense(**options)  # pyright: ignore[reportArgumentType]


def test_first_and_second_moments_through_dense_by_hand() -> None:
    x = np.array([[3.0, 4.0], [1.0, -2.0]])
    moments = Dense(2.0, 0.5, initial_weight_std=3.0, initial_bias_std=4.0).moments(
        input_moments(x)
    )
    # Σ = 36 x·z/2 + 4, Θ = 4 x·z/2 + 0.25
    np.testing.assert_allclose(moments.second.covariance, 18.0 * x @ x.T + 4.0, rtol=1e-14)
    np.testing.assert_allclose(moments.ntk, 2.0 * x @ x.T + 0.25, rtol=1e-14)
    # The second layer carries Θ with (weight_std · initial_weight_std)².
    after = Dense(2.0, 0.5, initial_weight_std=3.0, trained=False).moments(moments)
    np.testing.assert_allclose(after.ntk, 36.0 * moments.ntk, rtol=1e-14)


def test_bias_inside_vanishes_behind_hidden_units_only() -> None:
    x = np.array([[3.0, 4.0]])
    layer = Dense(1.0, 2.0, bias_inside=True, units=1)
    first = layer.moments(input_moments(x))
    np.testing.assert_allclose(first.ntk, 12.5 + 4.0 / 2, rtol=1e-14)
    hidden = Moments(first.second, first.ntk)
    np.testing.assert_allclose(layer.moments(hidden).second.covariance, 12.5 + 2.0, rtol=1e-14)


def test_append_one_acts_on_moments_as_on_inputs() -> None:
    rng = np.random.default_rng(4)
    x, z = rng.standard_normal((3, 2)), rng.standard_normal((2, 2))
    layer = AppendOne()
    mapped = layer.moments(input_moments(x, z))
    direct = input_moments(layer.forward({}, x)[0], layer.forward({}, z)[0])
    assert mapped.fan_in == direct.fan_in == 3
    for name in ("deficit", "surplus"):
        np.testing.assert_allclose(
            getattr(mapped.second, name), getattr(direct.second, name), rtol=1e-12
        )


def test_oracle_29_an_appended_one_is_a_first_layer_bias() -> None:
    x = np.random.default_rng(5).standard_normal((4, 3))
    rest = (RELU, Dense(units=1))
    appended = network(AppendOne(), Dense(fan_in_scaling=False), *rest)
    biased = network(Dense(bias_std=1.0, fan_in_scaling=False), *rest)
    for kernel in (ntk, nngp):
        assert_close(kernel(appended, x), kernel(biased, x), rtol=1e-14)


def test_oracle_30_dividing_by_the_fan_in_is_undone_by_its_root() -> None:
    x = np.random.default_rng(6).standard_normal((4, 3))
    rest = (RELU, Dense(units=1))
    scaled = network(Dense(math.sqrt(3.0)), *rest)
    unscaled = network(Dense(fan_in_scaling=False), *rest)
    for kernel in (ntk, nngp):
        assert_close(kernel(scaled, x), kernel(unscaled, x), rtol=1e-14)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((Dense(), RELU), r"end in features \(width\).*Dense\(units=1\)"),
        ((Dense(units=2),), r"end in features \(2\) .* 1 output"),
        ((Flatten(),), "at least one layer with parameters"),
        (
            (Dense(), RELU, Dense(units=1, fan_in_scaling=False)),
            "fan_in_scaling=False needs a fan-in that does not grow",
        ),
        ((Dense(), AppendOne(), Dense(units=1)), "AppendOne must act on inputs"),
        (
            (Dense(), Residual(RELU, Dense(units=7)), Dense(units=1)),
            r"adds features \(width\) and a branch with \(7\)",
        ),
        ((Residual(Dense()), Dense(units=1)), r"adds features \(3\) and a branch with \(width\)"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers: tuple[Layer, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(*layers)


@pytest.mark.parametrize("branch", [(), (Dense(), RELU), (Residual(Dense()),)])
def test_a_branch_that_is_not_centred_is_refused(branch: tuple[Layer, ...]) -> None:
    with pytest.raises(ValueError, match="must end in a Dense layer"):
        Residual(*branch)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((Dense(), RELU, RELU, Dense(units=1)), "activation relu acts on features that are not"),
        (
            (Dense(), RELU, Residual(Dense()), RELU, Dense(units=1)),
            "activation relu acts on features that are not Gaussian",
        ),
        ((Dense(units=5), RELU, Dense(units=1)), "activation relu acts on 5 random features"),
        ((Dense(units=5), Dense(units=1)), "Dense acts on 5 random features"),
        ((Dense(), Dense(units=1), RELU), "activation relu acts on 1 random features"),
        ((Residual(Dense(units=3)), Dense(units=1)), "a residual layer on 3 features"),
    ],
)
def test_networks_without_a_limit_say_so(layers: tuple[Layer, ...], message: str) -> None:
    net = network(*layers)
    with pytest.raises(NoClosedForm, match=message):
        net.kernels(np.ones((2, 3)))
    params = net.initialise(6, np.random.default_rng(0))
    assert net.tangent_kernel(params, np.ones((2, 3))).shape == (2, 2)


def test_layers_before_the_first_parameters_act_on_the_inputs_themselves() -> None:
    x = np.random.default_rng(7).standard_normal((4, 3))
    net = network(ActivationLayer(Erf()), Dense(), RELU, Dense(units=1))
    transformed = network(Dense(), RELU, Dense(units=1))
    np.testing.assert_array_equal(ntk(net, x), ntk(transformed, Erf().value(x)))


def test_flattening_an_image_before_a_dense_layer() -> None:
    x = np.random.default_rng(8).standard_normal((4, 2, 3))
    net = ComposedNetwork((Flatten(), Dense(), RELU, Dense(units=1)), (2, 3), 1)
    flat = network(Dense(), RELU, Dense(units=1), inputs=6)
    params = net.initialise(5, np.random.default_rng(0))
    np.testing.assert_array_equal(net.apply(params, x), flat.apply(params, x.reshape(4, 6)))
    np.testing.assert_array_equal(ntk(net, x), ntk(flat, x.reshape(4, 6)))


def test_residual_of_linear_layers_by_hand() -> None:
    x = np.random.default_rng(9).standard_normal((3, 2))
    net = network(
        Dense(fan_in_scaling=False),
        Residual(ActivationLayer(Identity()), Dense(0.5)),
        Dense(units=1),
        inputs=2,
    )
    gram = x @ x.T
    # z₀ = W₀x: Σ = Θ = G. z₁ = z₀ + W₁z₀/2: Σ = 5/4 G, Θ = G + G/4 + G/4. Read-out: Θ = Θ₁ + Σ₁.
    assert_close(nngp(net, x), 1.25 * gram)
    assert_close(ntk(net, x), (1.5 + 1.25) * gram)
