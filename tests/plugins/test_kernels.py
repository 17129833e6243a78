"""Built-in kernel providers."""

from __future__ import annotations

import math
import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Erf, Gelu, Relu
from ntksim.registry import OptionError, Registry
from ntksim.types import (
    Activation,
    Architecture,
    Array,
    KernelProvider,
    Model,
    Network,
    Params,
    SeedTree,
)

from ntksim_builtin.architectures import Mlp, ResidualMlp, ShallowRelu
from ntksim_builtin.kernels import Analytic, Empirical, MonteCarlo
from small_networks import assert_close, nngp, ntk

X = np.random.default_rng(0).standard_normal((4, 3))
Z = np.random.default_rng(1).standard_normal((2, 3))


def model(network: Network, width: float = 20, seed: int = 0) -> Model:
    return Model(network, width, SeedTree(seed))


@pytest.mark.parametrize(
    ("provider", "label"),
    [
        (Analytic(), "analytic"),
        (Empirical(), "empirical"),
        (Empirical(outputs="full"), "empirical-full"),
        (MonteCarlo(), "monte_carlo-32"),
        (MonteCarlo(samples=5), "monte_carlo-5"),
    ],
)
def test_labels_and_round_trip(provider: KernelProvider, label: str) -> None:
    assert provider.label() == label
    registry = Registry.load()
    written = registry.reference(provider)
    assert registry.create(KernelProvider, written) == provider  # pyright: ignore[reportAbstractUsage]


def test_one_sample_has_no_standard_error() -> None:
    with pytest.raises(OptionError, match="samples"):
        Registry.load().create(KernelProvider, {"name": "monte_carlo", "samples": 1})  # pyright: ignore[reportAbstractUsage]


@pytest.mark.parametrize("width", [1, math.inf])
def test_analytic_kernel_does_not_look_at_width_or_seed(width: float) -> None:
    network = Mlp(bias_std=0.1).network((3,), 2)
    assert not Analytic.varies_with
    kernels = Analytic().kernels(model(network, width), X, Z)
    np.testing.assert_array_equal(kernels.ntk, ntk(network, X, Z))
    np.testing.assert_array_equal(kernels.nngp, nngp(network, X, Z))
    assert kernels.ntk_standard_error is None


def test_analytic_kernel_refuses_a_network_without_a_limit() -> None:
    layers = (Dense(units=5), ActivationLayer(Relu()), Dense(units=1))
    reason = Analytic().refuses(ComposedNetwork(layers, (3,), 1), 10)
    assert reason is not None
    assert "5 random features" in reason

    class Quadratic(Network):
        input_shape, outputs = (3,), 1

        def initialise(self, width: int, rng: np.random.Generator) -> Params:
            return {"weight": rng.standard_normal((3, width))}

        def apply(self, params: Params, x: Array) -> Array:
            return ((x @ params["weight"]) ** 2).mean(axis=1, keepdims=True)

        def vjp(self, params: Params, x: Array, cotangent: Array) -> Params:
            hidden = x @ params["weight"]
            return {"weight": 2 * x.T @ (cotangent * hidden) / hidden.shape[1]}

    network = Quadratic()
    reason = Analytic().refuses(network, 10)
    assert reason == "Quadratic does not define its infinite-width kernels"
    # Everything finite works with these three methods alone.
    kernels = Empirical().kernels(model(network), X)
    assert kernels.ntk is not None
    assert np.linalg.eigvalsh(kernels.ntk)[0] > -1e-12
    assert Analytic().refuses(Mlp().network((3,), 1), 10) is None


def test_analytic_kernel_refuses_an_activation_that_cannot_be_integrated() -> None:
    @dataclass(frozen=True)
    class Jagged(Activation):
        """Jumps that are not listed as kinks."""

        name = "jagged"

        def value(self, x: Array) -> Array:
            return np.floor(7.3 * x)

        def derivative(self, x: Array) -> Array:
            return np.floor(5.1 * x)

    reason = Analytic().refuses(Mlp(activation=Jagged()).network((3,), 1), 10)
    assert reason is not None
    assert "jagged" in reason


@pytest.mark.parametrize("provider", [Empirical(), MonteCarlo()])
def test_finite_kernels_refuse_infinite_width(provider: KernelProvider) -> None:
    network = Mlp().network((3,), 1)
    reason = provider.refuses(network, math.inf)
    assert reason is not None
    assert "finite width" in reason
    assert provider.refuses(network, 10) is None


def test_empirical_kernel_is_that_of_the_initial_parameters() -> None:
    network = Mlp(depth=2, bias_std=0.2).network((3,), 2)
    one = model(network)
    kernels = Empirical().kernels(one, X, Z)
    assert kernels.ntk is not None
    assert_close(kernels.ntk, network.tangent_kernel(one.params, X, Z))
    assert kernels.nngp is not None
    assert_close(kernels.nngp, network.prior_kernel(one.params, X, Z))
    assert kernels.ntk_full is None
    full = Empirical(outputs="full").kernels(one, X, Z)
    assert full.ntk_full is not None
    assert full.ntk is not None
    assert full.ntk_full.shape == (4, 2, 2, 2)
    assert_close(full.ntk, kernels.ntk)
    assert_close(full.ntk_full, network.tangent_kernel(one.params, X, Z, full=True))
    other = Empirical().kernels(model(network, seed=1), X, Z)
    assert other.ntk is not None
    assert np.abs(other.ntk - kernels.ntk).min() > 0.0


@pytest.mark.parametrize(("samples", "parts"), [(7, 1), (21, 3), (600, 64)])
def test_monte_carlo_mean_and_standard_error(samples: int, parts: int) -> None:
    network = Mlp(depth=1).network((3,), 2)
    one = model(network)
    provider = MonteCarlo(samples=samples)
    assert provider.parts == parts
    kernels = provider.kernels(one, X)
    draws = [one.draw("monte_carlo", sample) for sample in range(samples)]
    for mean, error, values in (
        (
            kernels.ntk,
            kernels.ntk_standard_error,
            [network.tangent_kernel(params, X) for params in draws],
        ),
        (
            kernels.nngp,
            kernels.nngp_standard_error,
            [network.prior_kernel(params, X) for params in draws],
        ),
    ):
        assert mean is not None
        assert error is not None
        assert_close(mean, np.mean(values, axis=0))
        assert_close(error, np.std(values, axis=0, ddof=1) / math.sqrt(samples))
    assert not any(np.array_equal(params["0.weight"], one.params["0.weight"]) for params in draws)


def test_memory_of_monte_carlo_does_not_grow_with_samples() -> None:
    network, x = Mlp(depth=1).network((3,), 1), np.ones((150, 3))
    peaks = []
    for samples in (2, 20, 100):
        tracemalloc.start()
        MonteCarlo(samples=samples).kernels(model(network, width=10), x)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # From the second part on there is the sum of the parts so far, beside the next one.
    assert peaks[1] < 2 * peaks[0]
    assert peaks[2] < 1.1 * peaks[1]


def test_oracle_09_fluctuations_of_the_shallow_kernel() -> None:
    network = ShallowRelu(append_one=False, output_bias="none").network((2,), 1)
    x, width, samples = np.array([[0.6, -1.1]]), 30, 3000
    square = float((x * x).sum())
    tangents, priors = np.empty(samples), np.empty(samples)
    seeds = SeedTree(0)
    for sample in range(samples):
        params = Model(network, width, seeds).draw(sample)
        tangents[sample] = network.tangent_kernel(params, x)[0, 0]
        priors[sample] = network.prior_kernel(params, x)[0, 0]
    # A sample variance has relative error √((kurtosis − 1)/n) ≈ √(2.5/3000) = 3 %; a mean √(3/30/n)
    # = 0.6 %.
    assert math.isclose(tangents.mean(), square, rel_tol=0.025)
    assert math.isclose(tangents.var(ddof=1), 3 * square**2 / width, rel_tol=0.12)
    # f given the hidden layer is normal with variance v, so E f² = E v and E f⁴ = 3 E v².
    assert math.isclose(priors.mean(), square / 2, rel_tol=0.03)
    excess_kurtosis = 3.0 * priors.var(ddof=1) / priors.mean() ** 2
    assert math.isclose(excess_kurtosis, 15 / width, rel_tol=0.15)


def configuration(rng: np.random.Generator) -> Architecture:
    activation: Activation = (Relu(), Erf(), Gelu())[int(rng.integers(3))]
    depth = int(rng.integers(1, 4))
    weight_std, bias_std = float(rng.uniform(0.7, 1.6)), float(rng.choice([0.0, 0.1, 0.5]))
    trained = ("all", "first", "readout")[int(rng.integers(3))]
    match int(rng.integers(4)):
        case 0:
            return ResidualMlp(depth, activation, weight_std, float(rng.uniform(0.3, 1)), bias_std)
        case 1:
            return ShallowRelu(
                weight_std,
                bias_std,
                input_scaling="fan_in",
                output_bias="outside",
                initial_output_bias_std=bias_std,
                initial_weight_std=(float(rng.uniform(0.5, 1.5)), 1.2),
                trained=trained,
            )
        case _:
            return Mlp(depth, activation, weight_std, bias_std, trained)


def test_analytic_against_monte_carlo_for_random_configurations() -> None:
    """z-scores from the stated standard errors, after the O(1/width) bias is extrapolated away.

    The expectation at width n is Θ + a/n + O(1/n²), so 2 Θ̂(2n) − Θ̂(n) is free of a/n, and its
    standard error is √(4 s₂² + s₁²) from those that the provider states. What remains, O(1/n²) with
    n = 48, is below a tenth of the standard error of 48 samples.
    """
    scores = []
    rng = np.random.default_rng(2024)
    for index in range(20):
        network = configuration(rng).network((3,), int(rng.integers(1, 3)))
        limit = Analytic().kernels(model(network), X)
        narrow, wide = (
            MonteCarlo(samples=48).kernels(model(network, width, seed=100 + index), X)
            for width in (48, 96)
        )
        for name in ("ntk", "nngp"):
            exact = getattr(limit, name)
            one, two = getattr(narrow, name), getattr(wide, name)
            error1, error2 = (getattr(k, f"{name}_standard_error") for k in (narrow, wide))
            score = (2.0 * two - one - exact) / np.sqrt(4.0 * error2**2 + error1**2)
            scores.append(score[np.triu_indices(4)])
    z = np.concatenate(scores)
    assert z.size == 20 * 2 * 10
    # 400 values, correlated in groups of ten, of Student's t with some 50 degrees of freedom: none
    # beyond 4.5 (probability 4e-5 each), and a root mean square near 1 (40 independent groups:
    # relative error 1/√80 = 11 %).
    assert np.abs(z).max() < 4.5
    assert 0.7 < math.sqrt(np.mean(z**2)) < 1.35


def test_error_falls_as_the_root_of_the_width() -> None:
    network = Mlp(depth=2, bias_std=0.1).network((3,), 1)
    exact_ntk, exact_nngp = ntk(network, X), nngp(network, X)
    widths = np.array([32, 128, 512])
    errors = np.empty((2, 3))
    for column, width in enumerate(widths):
        squares = np.zeros(2)
        for seed in range(40):
            kernels = Empirical().kernels(model(network, int(width), seed), X)
            assert kernels.ntk is not None
            assert kernels.nngp is not None
            squares += (
                np.mean((kernels.ntk - exact_ntk) ** 2),
                np.mean((kernels.nngp - exact_nngp) ** 2),
            )
        errors[:, column] = np.sqrt(squares / 40)
    for error in errors:
        slope = np.polyfit(np.log(widths), np.log(error), 1)[0]
        # A root mean square over 40 seeds has a relative error of at least 1/√80 = 11 %, nearer
        # 18 % for these long-tailed errors; over log(16) = 2.8 the slope has √2 · 0.18/2.8 = 0.09.
        assert math.isclose(slope, -0.5, abs_tol=0.2)
