"""Kernels for scikit-learn's Gaussian processes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from ntksim import Architecture, NTKKernel
from ntksim.registry import Registry
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import WhiteKernel

X = np.random.default_rng(0).standard_normal((40, 3))
KERNELS = {
    "relu": NTKKernel({"name": "mlp", "depth": 2}, weight_std=1.3, bias_std=0.2),
    "erf nngp": NTKKernel(
        {"name": "mlp", "depth": 2, "activation": "erf"}, weight_std=1.3, bias_std=0.2, kind="nngp"
    ),
    "empirical": NTKKernel(
        {"name": "mlp", "depth": 1, "activation": "erf"},
        weight_std=1.3,
        bias_std=0.2,
        kernel="empirical",
        width=20,
    ),
    "shallow": NTKKernel("shallow_relu", weight_std=0.7),
}


@pytest.mark.parametrize("name", KERNELS)
def test_the_diagonal_is_that_of_the_matrix(name: str) -> None:
    kernel = KERNELS[name]
    np.testing.assert_allclose(kernel.diag(X), np.diagonal(kernel(X)), rtol=1e-13)


@pytest.mark.parametrize("name", KERNELS)
def test_two_sets_of_points_agree_with_one(name: str) -> None:
    kernel = KERNELS[name]
    # Symmetric blocks may be computed in another order of additions.
    np.testing.assert_allclose(kernel(X[:5], X), kernel(X)[:5], rtol=1e-11)


@pytest.mark.parametrize("name", KERNELS)
def test_gradients_are_those_of_differences(name: str) -> None:
    """Against differences of second order at three steps, extrapolated to step 0."""
    kernel: Any = KERNELS[name]
    value, gradient = kernel(X[:6], eval_gradient=True)
    np.testing.assert_array_equal(value, kernel(X[:6]))
    assert gradient.shape == (6, 6, len(kernel.theta))
    for index in range(len(kernel.theta)):
        rough = []
        for step in (4e-2, 2e-2, 1e-2):
            shift = np.zeros(len(kernel.theta))
            shift[index] = step
            ends = [kernel.clone_with_theta(kernel.theta + s * shift)(X[:6]) for s in (1, -1)]
            rough.append((ends[0] - ends[1]) / (2 * step))
        first = [(4 * b - a) / 3 for a, b in pairwise(rough)]
        expected = (16 * first[1] - first[0]) / 15
        # What is left is of sixth order, (depth · step)⁶ ~ 1e-10.
        np.testing.assert_allclose(
            gradient[..., index], expected, rtol=1e-7, atol=1e-8 * np.abs(value).max()
        )


@pytest.mark.parametrize(("kind", "power"), [("ntk", 3), ("nngp", 4)])
def test_without_biases_a_kernel_is_a_power_of_the_weights(kind: Any, power: int) -> None:
    """∂ log k/∂ log weight_std = 2 (depth + 1): each of its layers has the factor weight_std²."""
    kernel = NTKKernel({"name": "mlp", "depth": power - 1}, weight_std=0.8, kind=kind)
    value, gradient = kernel(X[:6], eval_gradient=True)
    # Fourth order: (2·4·2⁻¹²)⁴ ~ 1e-11, and rounding ε 2¹² ~ 1e-12.
    np.testing.assert_allclose(gradient[..., 0], 2 * power * value, rtol=1e-9, atol=1e-10)


def test_hyperparameters_are_the_scales_that_are_given_and_not_fixed() -> None:
    assert len(NTKKernel().theta) == 0
    assert NTKKernel().bounds.size == 0
    assert [h.name for h in KERNELS["relu"].hyperparameters] == ["bias_std", "weight_std"]
    np.testing.assert_allclose(KERNELS["relu"].theta, np.log([0.2, 1.3]))
    fixed = NTKKernel(weight_std=1.0, bias_std=0.0, bias_std_bounds="fixed")
    np.testing.assert_array_equal(fixed.theta, [0.0])
    moved: Any = KERNELS["relu"].clone_with_theta(np.log([0.5, 2.0]))
    assert (moved.bias_std, moved.weight_std) == pytest.approx((0.5, 2.0))
    assert KERNELS["relu"].weight_std == 1.3


def test_a_clone_is_equal_and_its_parameters_are_those_given() -> None:
    kernel = KERNELS["erf nngp"]
    copied: Any = clone(kernel)
    assert copied == kernel
    assert copied is not kernel
    assert copied.get_params() == kernel.get_params()
    assert kernel.set_params(width=3).width == 3
    kernel.set_params(width=1024)
    assert not kernel.is_stationary()
    assert "weight_std=1.3" in repr(kernel)
    assert repr(NTKKernel()) == "NTKKernel(mlp, kind='ntk')"


def test_an_architecture_can_be_an_object() -> None:
    made = Registry.load().create(Architecture, {"name": "mlp", "depth": 2, "bias_std": 0.2})
    expected = NTKKernel({"name": "mlp", "depth": 2, "bias_std": 0.2})(X)
    np.testing.assert_array_equal(NTKKernel(made)(X), expected)
    replaced = NTKKernel(made, bias_std=0.5)(X)
    np.testing.assert_array_equal(replaced, NTKKernel({"name": "mlp", "depth": 2}, bias_std=0.5)(X))


def test_a_process_finds_the_scales_that_made_the_data() -> None:
    """Draws functions of a prior with known scales and maximises the likelihood."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((60, 2))
    network = {"name": "mlp", "depth": 1}
    truth = NTKKernel(network, weight_std=1.5, bias_std=0.5, kind="nngp")
    y = rng.multivariate_normal(np.zeros(60), truth(x) + 1e-4 * np.eye(60), size=20).T
    start = NTKKernel(network, weight_std=0.7, bias_std=0.2, kind="nngp")
    regressor: Any = GaussianProcessRegressor
    process = regressor(start, alpha=1e-4).fit(x, y)
    found = process.kernel_
    # 20 functions of 60 points leave about 1/√(2·1200) = 2 % of a variance open, a scale that is
    # seen through few of the directions more.
    assert found.weight_std == pytest.approx(1.5, rel=0.1)
    assert found.bias_std == pytest.approx(0.5, rel=0.3)
    gain = process.log_marginal_likelihood_value_ - process.log_marginal_likelihood(start.theta)
    assert gain > 10


def test_it_adds_to_other_kernels() -> None:
    x, y = X[:15], np.sin(X[:15, 0])
    kernel = NTKKernel({"name": "mlp", "depth": 1}, weight_std=1.0) + WhiteKernel(0.1)
    process: Any = GaussianProcessRegressor(kernel).fit(x, y)
    assert process.predict(X, return_std=True)[1].shape == (40,)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (NTKKernel(kind="nkt"), "kind is 'nkt'; it must be 'ntk' or 'nngp'"),  # pyright: ignore[reportArgumentType]
        (NTKKernel("shallow_relu", weight_std=-1.0), "weight_std"),
        (NTKKernel({"name": "mlp", "bias_std": 0.1}, bias_std=0.2), "give it once"),
    ],
)
def test_what_cannot_be_used_is_refused(kernel: NTKKernel, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kernel(X)


def test_gradients_between_two_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="when Y is None"):
        KERNELS["relu"](X, X, eval_gradient=True)
