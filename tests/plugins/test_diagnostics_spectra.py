"""Closed forms of spectra, against quadrature and against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ntksim.linalg import eigendecomposition
from ntksim.types import (
    Architecture,
    Dataset,
    FinishedCell,
    KernelBlocks,
    Kernels,
    Model,
    Problem,
    SeedTree,
)
from scipy.integrate import quad
from scipy.special import eval_gegenbauer, gamma

from ntksim_builtin.architectures import Mlp, ShallowErf, ShallowRelu
from ntksim_builtin.datasets import Circle
from ntksim_builtin.diagnostics import CircleSpectrum, Harmonics
from ntksim_builtin.diagnostics.harmonics import harmonic_eigenvalues
from ntksim_builtin.diagnostics.shallow_relu_theory import (
    ShallowReluKernel,
    multiplicities,
    shallow_relu_kernel,
    sphere_eigenvalues,
)
from ntksim_builtin.solvers import Eigh

PARTS = ShallowReluKernel(first=1.0, readout=1.0, constant=0.0)


def kernel_of(angle: float) -> float:
    return (2 * (np.pi - angle) * np.cos(angle) + np.sin(angle)) / (2 * np.pi)


@pytest.mark.parametrize("dimension", [3, 4, 7])
def test_oracle_13_sphere_eigenvalues_are_funk_hecke_integrals(dimension: int) -> None:
    """Adaptive quadrature with SciPy's Gegenbauer polynomials."""
    index = (dimension - 2) / 2
    density = gamma(dimension / 2) / (np.sqrt(np.pi) * gamma((dimension - 1) / 2))

    def integrand(angle: float, k: int) -> float:
        polynomial = eval_gegenbauer(k, index, np.cos(angle)) / eval_gegenbauer(k, index, 1.0)
        return kernel_of(angle) * polynomial * np.sin(angle) ** (dimension - 2) * density

    for k, value in enumerate(sphere_eigenvalues(PARTS, 8, dimension)):
        integral, error = quad(integrand, 0, np.pi, args=(k,), epsabs=1e-13, epsrel=1e-13)
        assert abs(value - integral) < 10 * error + 1e-15, k


def test_multiplicities_are_those_of_polynomials() -> None:
    """Harmonics up to degree k are the polynomials up to degree k on the sphere."""
    np.testing.assert_array_equal(multiplicities(5, 2), [1, 2, 2, 2, 2])
    np.testing.assert_array_equal(multiplicities(5, 3), [1, 3, 5, 7, 9])
    np.testing.assert_array_equal(multiplicities(4, 4), [1, 4, 9, 16])


@pytest.mark.parametrize("dimension", [2, 3, 10])
def test_oracle_14_mercer_with_many_degrees(dimension: int) -> None:
    """Σ N(d, k) μ_k = k(x, x) = 1; the tail falls as 1/k."""
    degrees = 20_000
    k = np.arange(degrees)
    values = sphere_eigenvalues(PARTS, degrees, dimension)
    if dimension == 2:
        numbers = np.where(k == 0, 1.0, 2.0)
    else:  # (2k + d − 2) (k + d − 3)! / (k! (d − 2)!), without large integers
        rising = np.prod([(k + i) / i for i in range(1, dimension - 2)], axis=0)
        numbers = (2 * k + dimension - 2) / (dimension - 2) * rising
    total = np.cumsum(numbers * values)
    assert 1 - 1e-3 < total[-1] < 1
    # The tail halves when the degrees double.
    np.testing.assert_allclose((1 - total[-1]) / (1 - total[degrees // 2]), 0.5, rtol=0.01)


@pytest.mark.parametrize(
    "options",
    [
        {"weight_std": 1.3, "input_scaling": "fan_in", "initial_weight_std": (0.7, 1.9)},
        {"trained": "first", "weight_std": 0.8},
        {"trained": "readout", "output_bias": "outside", "output_bias_std": 0.5},
        {"output_bias": "inside"},
    ],
    ids=str,
)
def test_every_scale_and_choice_of_layers_is_read_off_the_network(options: Any) -> None:
    options = {"output_bias": "none"} | options
    network = ShallowRelu(append_one=False, **options).network((3,), 1)
    kernel = shallow_relu_kernel(network)
    assert kernel is not None
    angle = np.linspace(0, np.pi, 7)
    points = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    computed = network.kernels(points[:1], points).ntk
    assert computed is not None
    step = (np.pi - angle) / (2 * np.pi)
    expected = kernel.first * np.cos(angle) * step + kernel.constant
    expected += kernel.readout * (np.sin(angle) / (2 * np.pi) + step * np.cos(angle))
    np.testing.assert_allclose(computed[0], expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    "architecture",
    [ShallowRelu(), ShallowRelu(append_one=False, bias_std=0.1), ShallowErf(), Mlp(depth=2)],
    ids=lambda architecture: architecture.label(),
)
def test_what_has_no_closed_form_is_left_alone(architecture: Architecture) -> None:
    assert shallow_relu_kernel(architecture.network((2,), 1)) is None


def test_eigenvalues_of_deep_networks_are_there_without_a_theory() -> None:
    network = Mlp(depth=3).network((3,), 1)
    values = harmonic_eigenvalues(network, 31)
    # Θ(x, x) = (L + 1)|x|²·2/d for He's gain and L hidden layers, of which the first degrees
    # hold nearly all.
    diagonal = network.kernels(np.array([[1.0, 0.0, 0.0]])).ntk
    assert diagonal is not None
    total = multiplicities(31, 3) @ values
    assert 0.97 * diagonal[0, 0] < total < diagonal[0, 0]
    measured = Harmonics(degrees=31).measure(cell(Circle(train=4).load(), Mlp(depth=3)))
    assert "harmonic_eigenvalue_theory" not in measured
    assert "harmonic_eigenvalue" in measured


def cell(data: Dataset, architecture: Architecture) -> FinishedCell:
    network = architecture.network(data.input_shape, data.outputs)
    train, test = network.kernels(data.x_train).ntk, network.kernels(data.x_test, data.x_train).ntk
    assert train is not None
    problem = Problem(
        data.x_train,
        data.y_train,
        data.x_test,
        np.zeros_like(data.y_train),
        np.zeros_like(data.y_test),
        zero_initial_output=False,
        kernels=KernelBlocks(Kernels(ntk=train), Kernels(ntk=test)),
        spectrum=eigendecomposition(train),
        model=Model(network, np.inf, SeedTree(0)),
    )
    times = np.array([0.0])
    return FinishedCell(data, problem, times, Eigh().evolve(problem, times))


BIAS_FREE = ShallowRelu(append_one=False, output_bias="none")


@pytest.mark.parametrize("points", [1, 2, 3, 4, 7, 10, 33])
def test_oracle_12_any_number_of_points(points: int) -> None:
    measured = CircleSpectrum().measure(cell(Circle(train=points).load(), BIAS_FREE))
    assert measured["circle_eigenvalue_error"] < 1e-14


def test_other_points_have_no_such_theory() -> None:
    uniform = Circle(train=5, spacing="uniform").load()
    assert not CircleSpectrum().measure(cell(uniform, BIAS_FREE))
    assert not CircleSpectrum().measure(cell(Circle(train=5).load(), ShallowErf(append_one=False)))


def test_a_wrong_kernel_is_noticed() -> None:
    """The certificate fails for the kernel of another network."""
    right = cell(Circle(train=9).load(), BIAS_FREE)
    other = cell(Circle(train=9).load(), ShallowRelu(append_one=False, trained="first"))
    mixed = FinishedCell(
        right.dataset,
        Problem(**{**vars(right.problem), "spectrum": other.problem.spectrum}),
        right.times,
        right.evolution,
    )
    error = CircleSpectrum().measure(mixed)["circle_eigenvalue_error"]
    assert float(error) > 0.1
