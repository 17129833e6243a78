"""Built-in architectures: options, labels, and the numbers of the shallow network's expositions."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from ntksim.nn import Erf, LeakyRelu
from ntksim.registry import OptionError, Registry
from ntksim.types import Architecture, Network, Params
from pydantic import TypeAdapter

from ntksim_builtin.architectures import Mlp, ResidualMlp, ShallowErf, ShallowRelu
from small_networks import assert_close, nngp, ntk

EPS = np.finfo(np.float64).eps
LINE = np.array([[0.2], [0.4], [0.8]])
LINE_NTK = np.array(
    [[2.04, 2.04888213, 2.07923821], [0, 2.16, 2.26003372], [0, 0, 2.64]], dtype=np.float64
)
LINE_NTK += np.triu(LINE_NTK, 1).T
ROUNDED = 6e-9  # half a unit of the eighth decimal, at which the numbers were noted


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def shallow(**options: object) -> Network:
    return ShallowRelu(**options).network((1,), 1)  # pyright: ignore[reportArgumentType]


def test_default_shallow_network_on_three_points() -> None:
    network = shallow()
    kernel = ntk(network, LINE)
    np.testing.assert_allclose(kernel, LINE_NTK, atol=ROUNDED)
    eigenvalues = np.linalg.eigvalsh(kernel)[::-1]
    np.testing.assert_allclose(eigenvalues, [6.55660387, 0.2543766, 0.02901953], atol=6e-8)
    assert math.isclose(eigenvalues[0] / eigenvalues[2], 225.94, abs_tol=6e-3)
    assert math.isclose(2 / eigenvalues[0], 0.305036, abs_tol=6e-7)
    # Prior: without the output bias, which starts at 0; its diagonal is half the squared norm.
    noisy = np.sqrt(np.diagonal(nngp(network, LINE)) + 0.001)
    np.testing.assert_allclose(noisy, [0.721803, 0.762234, 0.906091], atol=6e-7)


def test_kernel_regression_on_three_points() -> None:
    network = shallow()
    at = np.arange(0.0, 1.05, 0.1)[:, None]
    weights = np.linalg.solve(ntk(network, LINE), np.array([-0.05, -0.2, 0.3]))
    expected = [
        *(-0.088972, -0.07069, -0.05, -0.127733, -0.2, -0.079754),
        *(0.045241, 0.17245, 0.3, 0.344144, 0.387457),
    ]
    np.testing.assert_allclose(ntk(network, at, LINE) @ weights, expected, atol=6e-7)


def test_kernel_field_is_homogeneous_but_not_monotone_in_the_angle() -> None:
    network = ShallowRelu(append_one=False, output_bias="none").network((2,), 1)
    at = np.array([[x, 1.0] for x in (-4.0, -1.0, 0.0, 1.0, 3.0, 4.0)])
    rows = ntk(network, np.array([[0.0, 1.0], [1.0, 1.0], [3.0, 1.0]]), at)
    expected = [
        [1.214599, 0.909155, 1.0, 0.909155, 1.079881, 1.214599],
        [-0.188163, 0.31831, 0.909155, 2.0, 3.727975, 4.61736],
        [-0.870266, -0.068213, 1.079881, 3.727975, 10.0, 12.841471],
    ]
    np.testing.assert_allclose(rows, expected, atol=6e-7)
    angle = np.deg2rad(np.array([0.0, 113.218, 142.5703, 180.0]))
    around = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    along = ntk(network, around[:1], around)[0]
    # The zero is noted to three decimals of a degree; the slope there is below 0.4 a radian.
    np.testing.assert_allclose(along, [1.0, 0.0, -0.0683949, 0.0], atol=1e-5)
    assert math.isclose(along[2], -0.0683949, abs_tol=6e-8)


@pytest.mark.parametrize(
    ("output_bias", "analytic", "at_width_50"),
    [("outside", 1.0, 1.0), ("inside", 0.0, 1 / 50), ("none", 0.0, 0.0)],
)
def test_output_bias_adds_what_its_place_says(
    output_bias: str, analytic: float, at_width_50: float
) -> None:
    network, without = shallow(output_bias=output_bias), shallow(output_bias="none")
    assert_close(ntk(network, LINE), ntk(without, LINE) + analytic)
    params = network.initialise(50, np.random.default_rng(0))
    bare = {name: value for name, value in params.items() if name != "1.bias"}
    difference = network.tangent_kernel(params, LINE) - without.tangent_kernel(bare, LINE)
    assert_close(difference, np.full((3, 3), at_width_50))
    assert ("1.bias" in params) == (output_bias != "none")


def test_initial_deviations_enter_as_in_the_closed_form() -> None:
    s0, s1 = 0.5, 3.0
    network = shallow(initial_weight_std=(s0, s1))
    x = np.concatenate([LINE, np.ones((3, 1))], axis=1)
    norms = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(x, axis=1)
    theta = np.arccos(np.clip(x @ x.T / norms, -1.0, 1.0))
    np.fill_diagonal(theta, 0.0)
    c, s = np.cos(theta), np.sin(theta)
    first, readout = c * (math.pi - theta), s + (math.pi - theta) * c
    expected = norms * (s1**2 * first + s0**2 * readout) / (2 * math.pi) + 1.0
    assert_close(ntk(network, LINE), expected)
    assert_close(nngp(network, LINE), norms * s0**2 * s1**2 * readout / (2 * math.pi))


def test_number_of_parameters() -> None:
    params = shallow().initialise(15_000, np.random.default_rng(0))
    assert sum(value.size for value in params.values()) == 45_001
    assert not params["1.bias"].any()


def test_a_stored_draw_of_ten_thousand_units() -> None:
    """Parameters drawn with NumPy's legacy generator, seed 18, one unit zeroed by mistake."""
    old = np.random.RandomState(18)
    first, second = old.normal(size=(10_000, 2)), old.normal(size=(1, 10_000))
    first[1, :] = 0.0
    params: Params = {"0.weight": first.T, "1.weight": second.T, "1.bias": np.zeros(1)}
    network = shallow()
    outputs = network.apply(params, LINE)[:, 0]
    np.testing.assert_allclose(outputs, [0.500879, 0.384062, 0.245377], atol=6e-7)
    eigenvalues = np.linalg.eigvalsh(network.tangent_kernel(params, LINE))[::-1]
    np.testing.assert_allclose(eigenvalues, [6.57424, 0.248271, 0.027857], atol=6e-6)


def test_hidden_bias_and_input_scaling_of_the_shallow_network() -> None:
    x = np.random.default_rng(0).standard_normal((4, 3))
    appended = ShallowErf().network((3,), 1)
    biased = ShallowErf(append_one=False, bias_std=1.0).network((3,), 1)
    assert_close(ntk(appended, x), ntk(biased, x))
    scaled = ShallowErf(input_scaling="fan_in", weight_std=2.0).network((3,), 1)
    # Four inputs with the appended one: 2/√4 = 1 in the first layer, 2 in the read-out.
    assert_close(nngp(scaled, x), 4.0 * nngp(appended, x))


def test_erf_network_is_williams_kernel() -> None:
    x = np.random.default_rng(0).standard_normal((4, 3))
    ones = np.concatenate([x, np.ones((4, 1))], axis=1)
    gram = ones @ ones.T
    spread = np.sqrt(np.outer(1 + 2 * np.diagonal(gram), 1 + 2 * np.diagonal(gram)))
    expected = 2 / math.pi * np.arcsin(2 * gram / spread)  # Williams 1998
    assert_close(nngp(ShallowErf().network((3,), 1), x), expected)


@pytest.mark.parametrize(
    ("trained", "names"),
    [
        ("all", {"0.weight", "1.weight", "2.weight"}),
        ("first", {"0.weight"}),
        ("readout", {"2.weight"}),
        ((0, 2), {"0.weight", "2.weight"}),
    ],
)
def test_trained_layers(trained: object, names: set[str]) -> None:
    network = Mlp(depth=2, trained=trained).network((3,), 1)  # pyright: ignore[reportArgumentType]
    params = network.initialise(4, np.random.default_rng(0))
    assert set(network.vjp(params, np.ones((1, 3)), np.ones((1, 1)))) == names


def test_oracle_26_training_the_readout_alone() -> None:
    x = np.random.default_rng(0).standard_normal((5, 3))
    for architecture in (Mlp(bias_std=0.3, trained="readout"), ShallowErf(trained="readout")):
        network = architecture.network((3,), 1)
        offset = 1.0 if isinstance(architecture, ShallowErf) else 0.0  # its bias starts at 0
        assert_close(ntk(network, x), nngp(network, x) + offset)


def test_layers_contribute_separately() -> None:
    x = np.random.default_rng(0).standard_normal((5, 3))
    parts = [
        ntk(Mlp(depth=2, bias_std=0.2, trained=(layer,)).network((3,), 1), x) for layer in range(3)
    ]
    assert_close(np.sum(parts, axis=0), ntk(Mlp(depth=2, bias_std=0.2).network((3,), 1), x))


@pytest.mark.parametrize("blocks", [1, 3])
def test_residual_network_by_its_recursion(blocks: int) -> None:
    x = np.random.default_rng(0).standard_normal((5, 3))
    network = ResidualMlp(blocks=blocks, block_weight_std=0.8, bias_std=0.3).network((3,), 1)
    sigma = 2.0 * x @ x.T / 3 + 0.09
    theta = sigma.copy()
    for step in range(blocks + 1):
        norms = np.sqrt(np.outer(np.diagonal(sigma), np.diagonal(sigma)))
        angle = np.arccos(np.clip(sigma / norms, -1.0, 1.0))
        np.fill_diagonal(angle, 0.0)
        c, s = np.cos(angle), np.sin(angle)
        feature = norms * (s + (math.pi - angle) * c) / (2 * math.pi)
        slope = (math.pi - angle) / (2 * math.pi)
        gain = 0.64 if step < blocks else 2.0
        branch = gain * feature + 0.09
        through = branch + gain * slope * theta
        sigma, theta = (sigma + branch, theta + through) if step < blocks else (branch, through)
    assert_close(nngp(network, x), sigma)
    assert_close(ntk(network, x), theta)


def test_images_are_flattened() -> None:
    x = np.random.default_rng(0).standard_normal((3, 2, 2))
    for architecture in (Mlp(), ResidualMlp(), ShallowRelu()):
        image, flat = architecture.network((2, 2), 2), architecture.network((4,), 2)
        assert_close(ntk(image, x), ntk(flat, x.reshape(3, 4)))
        params = image.initialise(5, np.random.default_rng(0))
        assert_close(image.apply(params, x), flat.apply(params, x.reshape(3, 4)))


DIFFERENT: list[tuple[str, Architecture]] = [
    ("mlp-relu-3", Mlp()),
    ("mlp-erf-3", Mlp(activation=Erf())),
    ("mlp-relu-1", Mlp(depth=1)),
    ("mlp-leaky_relu-3", Mlp(activation=LeakyRelu())),
    ("mlp-leaky_relu-negative_slope-0.1-3", Mlp(activation=LeakyRelu(0.1))),
    ("mlp-relu-3-weight_std-1.5-bias_std-0.05", Mlp(weight_std=1.5, bias_std=0.05)),
    ("mlp-relu-3-trained-first", Mlp(trained="first")),
    ("mlp-relu-3-trained-0+2", Mlp(trained=(0, 2))),
    ("residual_mlp-relu-2", ResidualMlp()),
    ("residual_mlp-erf-4-block_weight_std-0.5", ResidualMlp(4, Erf(), block_weight_std=0.5)),
    ("shallow_relu", ShallowRelu()),
    ("shallow_relu-initial_weight_std-1+2", ShallowRelu(initial_weight_std=(1.0, 2.0))),
    ("shallow_relu-output_bias-none", ShallowRelu(output_bias="none")),
    ("shallow_relu-append_one-False", ShallowRelu(append_one=False)),
    ("shallow_erf", ShallowErf()),
]


@pytest.mark.parametrize(("label", "architecture"), DIFFERENT)
def test_labels(label: str, architecture: Architecture) -> None:
    assert architecture.label() == label


def test_numbers_in_labels_are_kept_apart() -> None:
    close = [Mlp(weight_std=1.5 + gap) for gap in (0.0, 1e-7, 1e-15)]
    assert len({architecture.label() for architecture in close}) == 3


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"name": "mlp", "depth": 2, "trained": [3]}, "names dense layer 3; there are 3, numbered"),
        ({"name": "mlp", "trained": []}, "trained is empty"),
        ({"name": "mlp", "trained": "last"}, "trained"),
        ({"name": "mlp", "depth": 0}, "greater than 0"),
        ({"name": "mlp", "weight_std": 0.0}, "greater than 0"),
        ({"name": "mlp", "bias_std": -1.0}, "bias_std: -1.0 is not at least 0"),
        ({"name": "mlp", "activation": "rleu"}, "relu"),
        ({"name": "shallow_relu", "trained": [2]}, "names dense layer 2; there are 2"),
        (
            {"name": "shallow_relu", "output_bias": "none", "output_bias_std": 2.0},
            "output_bias is none, but output_bias_std is 2.0",
        ),
        ({"name": "residual_mlp", "blocks": 0}, "greater than 0"),
    ],
)
def test_wrong_options_are_refused(
    registry: Registry, reference: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        registry.create(Architecture, reference)  # pyright: ignore[reportAbstractUsage]


@pytest.mark.parametrize(("label", "architecture"), DIFFERENT)
def test_architectures_are_what_a_study_can_write(
    registry: Registry, label: str, architecture: Architecture
) -> None:
    written = registry.reference(architecture)
    again = registry.create(Architecture, written)  # pyright: ignore[reportAbstractUsage]
    assert again == architecture
    assert again.label() == label


def test_every_option_is_described() -> None:
    for cls in (Mlp, ResidualMlp, ShallowRelu, ShallowErf):
        properties = TypeAdapter(cls).json_schema()["properties"]
        assert properties
        assert all("description" in option for option in properties.values()), cls


def test_first_layer_alone_and_readout_alone_make_the_whole() -> None:
    """The first layer's kernel H∞ (Du et al. 2019) is not the tangent kernel of the network."""
    kernels = [
        ntk(shallow(trained=trained, output_bias="none"), LINE)
        for trained in ("first", "readout", "all")
    ]
    assert_close(kernels[0] + kernels[1], kernels[2])
    x = np.concatenate([LINE, np.ones((3, 1))], axis=1)
    cosine = x @ x.T / np.sqrt(np.outer((x * x).sum(1), (x * x).sum(1)))
    theta = np.arccos(np.clip(cosine, -1, 1))
    np.fill_diagonal(theta, 0.0)
    assert_close(kernels[0], x @ x.T * (math.pi - theta) / (2 * math.pi))


def test_different_outputs_are_nearly_uncorrelated() -> None:
    """Blocks of two outputs have rms ‖x‖²/√(2 width): they vanish in the limit only."""
    x = np.array([[0.6, -1.1]])
    network = ShallowRelu(append_one=False, output_bias="none").network((2,), 2)
    rms = []
    for width in (50, 200):
        off = []
        for seed in range(400):
            params = network.initialise(width, np.random.default_rng(seed))
            off.append(network.tangent_kernel(params, x, full=True)[0, 0, 0, 1])
        rms.append(math.sqrt(np.mean(np.square(off))))
        expected = float((x * x).sum()) / math.sqrt(2 * width)
        # A root mean square of 400 nearly normal values has a relative error of 1/√800 = 3.5 %.
        assert math.isclose(rms[-1], expected, rel_tol=0.14)
    assert all(one > other for one, other in pairwise(rms))
