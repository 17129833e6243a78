"""Kernel providers on points that break naive ones, against 60 digits: right, or refused in words.

References are exact kernels of the very floats that the provider gets: of infinitely wide networks
by the recursion of Cho and Saul (2009) and Jacot et al. (2018), of narrow ones from parameters by
the chain rule. An entry is right if it is off by some rounding errors of √(K_ii K_jj).
"""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from ntksim.linalg import eigendecomposition
from ntksim.nn import Dense, Erf
from ntksim.types import Array, Kernels, Model, Network, SeedTree

from exact_kernels import DIGITS, erf, exact_kernels, piecewise, relative_error
from ntksim_builtin.architectures import Mlp, ResidualMlp, ShallowRelu
from ntksim_builtin.kernels import Analytic, Empirical, MonteCarlo

EPSILON = float(np.finfo(np.float64).eps)
HUGE, TINY = 2.0**498, 2.0**-498
"""About 1e±150: kernels of such points are of the order 1e±300."""

POINTS: dict[str, Array] = {
    "one sample": np.array([[0.3, -1.2]]),
    "one feature": np.array([[0.5], [2.0], [-0.25]]),
    "duplicates": np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]]),
    "opposite points": np.array([[1.0, 2.0], [-1.0, -2.0]]),
    "collinear points": np.array([[1.0, 2.0], [2.0, 4.0], [0.1, 0.2]]),
    "almost parallel points": np.array([[1.0, 0.0], [1.0, 1e-9], [1.0, -1e-12]]),
    "very different sizes": np.array([[1e-100, 0.0], [3.0, 4.0], [0.0, 1e100]]),
    "more points than parameters": np.random.default_rng(1).standard_normal((7, 2)),
}
SCALED_POINTS = [
    (points, scale)
    for points in POINTS
    for scale in (1.0, HUGE, TINY)
    # Scaled as well, these would leave the floats.
    if scale == 1.0 or points != "very different sizes"
]
NETWORKS: dict[str, tuple[Any, Any, int, float, float]] = {
    "relu": (Mlp(depth=1), piecewise(0.0), 1, math.sqrt(2.0), 0.0),
    "deep relu": (Mlp(depth=4), piecewise(0.0), 4, math.sqrt(2.0), 0.0),
    "relu with biases": (Mlp(depth=2, bias_std=0.3), piecewise(0.0), 2, math.sqrt(2.0), 0.3),
}


def model(network: Network, width: float = math.inf, seed: int = 0) -> Model:
    return Model(network, width, SeedTree(seed))


def required(kernel: Array | None) -> Array:
    assert kernel is not None
    assert np.isfinite(kernel).all()
    return kernel


@pytest.mark.parametrize(("points", "scale"), SCALED_POINTS)
@pytest.mark.parametrize("name", NETWORKS)
def test_analytic_kernels_are_right(name: str, points: str, scale: float) -> None:
    architecture, dual, depth, weight_std, bias_std = NETWORKS[name]
    x = POINTS[points] * scale
    kernels = Analytic().kernels(model(architecture.network(x.shape[1:], 1)), x)
    nngp, ntk = exact_kernels(x, dual, depth, weight_std, bias_std)
    # A few rounding errors a layer; √2 squared is off by two units in the last place in each.
    tolerance = 8 * (depth + 1) * EPSILON
    # An angle θ between points is kept as K θ²/2, which is 0 where that is less than the smallest
    # float: θ is then taken for 0. It shows where kernels are of the order 1e-300.
    tolerance += depth * math.sqrt(5e-324 / float(min(np.diag(ntk))))
    assert relative_error(required(kernels.nngp), nngp, 1.0).max() < tolerance
    assert relative_error(required(kernels.ntk), ntk, 1.0).max() < tolerance


@pytest.mark.parametrize("scale", [1e-150, 1e-9, 1.0, 1e9])
@pytest.mark.parametrize("points", ["duplicates", "almost parallel points", "one feature"])
def test_kernels_of_bounded_units_are_right(points: str, scale: float) -> None:
    x = POINTS[points] * scale
    network = Mlp(depth=1, activation=Erf(), weight_std=1.0).network(x.shape[1:], 1)
    kernels = Analytic().kernels(model(network), x)
    nngp, ntk = exact_kernels(x, erf, 1, 1.0, 0.0)
    assert relative_error(required(kernels.nngp), nngp, 1.0).max() < 40 * EPSILON
    assert relative_error(required(kernels.ntk), ntk, 1.0).max() < 40 * EPSILON


@pytest.mark.parametrize("provider", [Analytic(), Empirical(), MonteCarlo(samples=3)], ids=str)
@pytest.mark.parametrize("architecture", [Mlp(depth=2), ResidualMlp(), ShallowRelu()], ids=str)
def test_equal_points_have_equal_rows(provider: Any, architecture: Any) -> None:
    x = np.random.default_rng(2).standard_normal((3, 4))[[0, 1, 0, 2, 1]]
    kernels = provider.kernels(model(architecture.network((4,), 1), 5), x)
    for kernel in (required(kernels.ntk), required(kernels.nngp)):
        # Products of matrices may add in another order in another row.
        size = kernel.max()
        np.testing.assert_allclose(kernel[0], kernel[2], rtol=0, atol=8 * EPSILON * size)
        np.testing.assert_allclose(kernel[1], kernel[4], rtol=0, atol=8 * EPSILON * size)
        np.testing.assert_array_equal(kernel, kernel.T)
    # Whatever rounding left, it is no negative eigenvalue that would be refused.
    spectrum = eigendecomposition(required(kernels.ntk))
    assert np.count_nonzero(spectrum.eigenvalues > spectrum.null_tolerance) <= 3


@pytest.mark.parametrize("provider", [Analytic(), Empirical(), MonteCarlo(samples=3)], ids=str)
@pytest.mark.parametrize("zeros", [[0], [0, 2], [0, 1, 2]])
def test_inputs_of_zero_have_rows_of_zero_without_biases(provider: Any, zeros: list[int]) -> None:
    x = np.random.default_rng(3).standard_normal((3, 2))
    x[zeros] = 0.0
    kernels = provider.kernels(model(Mlp(depth=3).network((2,), 1), 4), x)
    for kernel in (required(kernels.ntk), required(kernels.nngp)):
        assert not kernel[zeros].any()
        assert not kernel[:, zeros].any()
    if kernels.ntk_standard_error is not None:
        assert not kernels.ntk_standard_error[zeros].any()


@pytest.mark.parametrize("provider", [Analytic(), Empirical(), MonteCarlo(samples=2)], ids=str)
@pytest.mark.parametrize("activation", ["relu", "erf", "tanh", "gelu", "sin", "softplus"])
def test_a_point_of_zero_does_not_disturb_the_others(provider: Any, activation: str) -> None:
    registry_network = _network(activation)
    x = np.array([[0.0, 0.0], [1.0, -0.5], [0.2, 0.4]])
    whole = provider.kernels(model(registry_network, 6), x)
    part = provider.kernels(model(registry_network, 6), x[1:])
    for name in ("ntk", "nngp"):
        kernel = required(getattr(whole, name))
        np.testing.assert_allclose(kernel[1:, 1:], getattr(part, name), rtol=1e-13)


def _network(activation: str, **options: Any) -> Network:
    from ntksim.registry import Registry
    from ntksim.types import Architecture

    reference = {"name": "mlp", "depth": 2, "activation": activation, **options}
    architecture = Registry.load().create(Architecture, reference)  # pyright: ignore[reportAbstractUsage]
    return architecture.network((2,), 1)


def exact_empirical(
    params: Any, x: Array, depth: int, weight_std: float
) -> tuple[np.ndarray, np.ndarray]:
    """Tangent kernel and read-out covariance of a ReLU network without biases, by the chain rule.

    f = s_L W_L relu(… s_0 W_0 x) with s = weight_std/√fan_in, exactly; (N, N) of mpmath numbers.
    """
    with mp.workdps(DIGITS):
        weights = [_exact(params[f"{number}.weight"]) for number in range(depth + 1)]
        scales = [mp.mpf(weight_std) / mp.sqrt(weight.shape[0]) for weight in weights]
        rows = []
        for point in _exact(x):
            features, hidden = [point], point
            for weight, scale in zip(weights[:-1], scales[:-1], strict=True):
                hidden = np.array([max(value, mp.mpf(0)) for value in scale * (hidden @ weight)])
                features.append(hidden)
            gradient: list[Any] = []
            # ∂f/∂z of the layer above; the read-out has one output.
            above = np.array([mp.mpf(1)], dtype=object)
            for number in reversed(range(depth + 1)):
                scale = scales[number]
                gradient += list((scale * np.outer(features[number], above)).ravel())
                below = scale * (weights[number] @ above)
                above = np.array(
                    [
                        b if f > 0 else mp.mpf(0)
                        for b, f in zip(below, features[number], strict=True)
                    ]
                )
            rows.append((np.array(gradient, dtype=object), features[-1] * scales[-1]))
        n = len(rows)
        ntk, prior = np.empty((n, n), dtype=object), np.empty((n, n), dtype=object)
        for i in range(n):
            for j in range(n):
                ntk[i, j] = (rows[i][0] * rows[j][0]).sum()
                prior[i, j] = (rows[i][1] * rows[j][1]).sum()
        return ntk, prior


def _exact(values: Array) -> np.ndarray:
    return np.vectorize(mp.mpf, otypes=[object])(values)


def largest_error(found: Array, exact: np.ndarray) -> float:
    """The largest |found − exact| over √(K_ii K_jj); where that is 0, found must be."""
    with mp.workdps(DIGITS):
        worst = 0.0
        for i, j in np.ndindex(*found.shape):
            size = mp.sqrt(exact[i, i] * exact[j, j])
            difference = abs(mp.mpf(float(found[i, j])) - exact[i, j])
            if size == 0:
                assert difference == 0
            else:
                worst = max(worst, float(difference / size))
        return worst


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize(("points", "scale"), SCALED_POINTS)
def test_kernels_of_narrow_networks_are_right(points: str, width: int, scale: float) -> None:
    x = POINTS[points] * scale
    depth = 2
    network = Mlp(depth=depth, weight_std=1.0).network(x.shape[1:], 1)
    for seed in range(2):  # of width 1 some are off everywhere: their kernel is 0
        own = model(network, width, seed)
        ntk, prior = exact_empirical(own.params, x, depth, 1.0)
        for provider in (Empirical(), Empirical(outputs="full")):
            kernels = provider.kernels(own, x)
            # Sums of at most 5 products, through three layers.
            assert largest_error(required(kernels.ntk), ntk) < 60 * EPSILON
            assert largest_error(required(kernels.nngp), prior) < 60 * EPSILON
            eigendecomposition(required(kernels.ntk))  # however singular, it is not refused


@pytest.mark.parametrize("scale", [1.0, HUGE, TINY])
@pytest.mark.parametrize("points", ["duplicates", "one sample", "one feature"])
def test_means_and_standard_errors_are_right(points: str, scale: float) -> None:
    x = POINTS[points] * scale
    samples, depth = 4, 2
    own = model(Mlp(depth=depth, weight_std=1.0).network(x.shape[1:], 1), 2)
    found = MonteCarlo(samples=samples).kernels(own, x)
    draws = [
        exact_empirical(own.draw("monte_carlo", sample), x, depth, 1.0) for sample in range(samples)
    ]
    with mp.workdps(DIGITS):
        for which, name in enumerate(("ntk", "nngp")):
            stack = np.array([draw[which] for draw in draws], dtype=object)
            mean = stack.sum(axis=0) / samples
            variance = ((stack - mean) ** 2).sum(axis=0) / (samples - 1)
            assert largest_error(required(getattr(found, name)), mean) < 60 * EPSILON
            error = required(getattr(found, f"{name}_standard_error"))
            for i, j in np.ndindex(*error.shape):
                exact: Any = mp.sqrt(variance[i, j] / samples)
                # Rounding of the values, ε K, is in the error absolutely.
                size = 60 * EPSILON * float(mp.sqrt(mean[i, i] * mean[j, j]) / (exact or 1))
                assert abs(error[i, j] - exact) <= (size + 60 * EPSILON) * (exact or 1)
                assert (error[i, j] > 0) == (exact > 0)


def test_samples_of_very_different_sizes_have_their_own_errors() -> None:
    x = np.array([[1e-75, 0.0], [1.0, 1.0], [0.0, 1e75]])
    found = MonteCarlo(samples=3).kernels(model(Mlp(depth=1).network((2,), 1), 3), x)
    # The relative error of an entry knows nothing of its size (ReLU is homogeneous).
    plain = x / np.abs(x).max(axis=1, keepdims=True)
    expected = MonteCarlo(samples=3).kernels(model(Mlp(depth=1).network((2,), 1), 3), plain)
    size = np.sqrt(np.outer(*2 * (np.diag(required(found.ntk)),)))
    other = np.sqrt(np.outer(*2 * (np.diag(required(expected.ntk)),)))
    np.testing.assert_allclose(
        required(found.ntk_standard_error) / size,
        required(expected.ntk_standard_error) / other,
        rtol=1e-12,
        atol=1e-14,
    )


@settings(max_examples=30, deadline=None)
@given(
    st.integers(-150, 150),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from([1, 2, math.inf]),
    st.integers(0, 2**16),
)
def test_kernels_of_any_size_are_kernels(
    exponent: int, points: int, dimension: int, width: float, seed: int
) -> None:
    x = np.random.default_rng(seed).standard_normal((points, dimension)) * 10.0**exponent
    x[seed % points] *= seed % 2
    own = model(Mlp(depth=2).network((dimension,), 1), width, seed)
    provider = Analytic() if math.isinf(width) else Empirical()
    kernels: Kernels = provider.kernels(own, x)
    for kernel in (required(kernels.ntk), required(kernels.nngp)):
        # Positive semi-definite: no entry beyond its diagonal's geometric mean, and no eigenvalue
        # below rounding (eigendecomposition refuses it).
        diagonal = np.sqrt(np.diag(kernel))
        assert (np.abs(kernel) <= np.outer(diagonal, diagonal) * (1 + 1e-12)).all()
        eigendecomposition(kernel)


@pytest.mark.parametrize("option", ["weight_std", "bias_std", "initial_weight_std"])
@pytest.mark.parametrize("value", [1e-170, 1e170, 5e-324])
def test_deviations_whose_squares_are_no_floats_are_refused(option: str, value: float) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(ValueError, match=f"{option} is .*; its square, a variance, must be within"):
        Dense(**options)
    for fine in (1e-150, 1e150):
        options[option] = fine
        assert getattr(Dense(**options), option) == fine
