"""The working example of the literature: three points on a line, shallow ReLU networks."""

from __future__ import annotations

import numpy as np
import pytest
from ntksim.linalg import eigendecomposition
from ntksim.types import Array, Problem

from kernel_problems import POINTS, TARGETS, kernel_problem, shallow_relu_kernels
from ntksim_builtin.solvers import Eigh

INF = float("inf")


def infinite_width(x_test: Array) -> Problem:
    """The problem of the infinitely wide network with N(0, 1) weights and zero biases."""
    (train, test_train, test) = (
        shallow_relu_kernels(a, b) for a, b in ((POINTS, POINTS), (x_test, POINTS), (x_test,) * 2)
    )
    return kernel_problem(train[1], TARGETS, test_train[1], nngp=(train[0], test_train[0], test[0]))


def on_the_line(*x: float) -> Array:
    return np.stack([np.array(x), np.ones(len(x))], axis=1)


@pytest.fixture(scope="module")
def wide_network() -> Problem:
    """A drawn network of 10,000 units, its outputs and its empirical kernel written out."""
    draws = np.random.RandomState(18)
    width = 10_000
    hidden, readout = draws.normal(size=(width, 2)), draws.normal(size=(1, width))
    hidden[1, :] = 0.0  # as published, where it was meant to clear the biases
    before = POINTS @ hidden.T
    active, features = before > 0, np.maximum(before, 0.0)
    kernel = (active * readout**2) @ active.T * (POINTS @ POINTS.T) + features @ features.T
    start = features @ readout.T / np.sqrt(width)
    return kernel_problem(kernel / width + 1.0, TARGETS, start=start)


def test_f1_spectrum_of_the_analytic_kernel() -> None:
    kernel = shallow_relu_kernels(POINTS, POINTS)[1]
    np.testing.assert_allclose(
        kernel,
        [
            [2.04, 2.04888213, 2.07923821],
            [2.04888213, 2.16, 2.26003372],
            [2.07923821, 2.26003372, 2.64],
        ],
        rtol=0,
        atol=5e-9,
    )
    values = eigendecomposition(kernel).eigenvalues
    np.testing.assert_allclose(values, [6.55660387, 0.2543766, 0.02901953], rtol=0, atol=5e-8)
    np.testing.assert_allclose(values[0] / values[2], 225.94, rtol=0, atol=5e-3)
    np.testing.assert_allclose(2 / values[0], 0.305036, rtol=0, atol=5e-7)
    np.testing.assert_allclose(1 / values[2], 34.5, rtol=0, atol=0.05)  # the slowest time constant


def test_f1_loss_of_a_wide_linearised_network(wide_network: Problem) -> None:
    """Start, spectrum and loss as published, to the digits that are printed."""
    np.testing.assert_allclose(
        wide_network.f0_train[:, 0], [0.500879, 0.384062, 0.245377], rtol=0, atol=1e-6
    )
    assert wide_network.spectrum is not None
    np.testing.assert_allclose(
        wide_network.spectrum.eigenvalues, [6.57424, 0.248271, 0.027857], rtol=0, atol=5e-6
    )
    times = np.array([0.0, 0.1, 0.5, 1.5, 5.0, 25.0, 100.0])
    residual = Eigh().evolve(wide_network, times).train - TARGETS
    np.testing.assert_allclose(
        0.5 * (residual**2).sum(axis=(1, 2)),
        [0.3237898, 0.1867093, 0.1162710, 0.0753514, 0.0218497, 0.00358827, 5.496e-5],
        rtol=1e-4,
        atol=5e-8,
    )


def test_c18_the_fit_is_exact_only_in_the_limit(wide_network: Problem) -> None:
    """At t = 25 the linearised network still misses a target by 0.067."""
    train = Eigh().evolve(wide_network, np.array([25.0, 5000.0])).train
    np.testing.assert_allclose(np.abs(train[0] - TARGETS).max(), 0.067, rtol=0, atol=5e-4)
    assert np.abs(train[1] - TARGETS).max() < 1e-14


def test_f1_outputs_overshoot(wide_network: Problem) -> None:
    """The loss falls, yet an output passes its target and comes back: .50, .08, −.097, −.05."""
    output = Eigh().evolve(wide_network, np.linspace(0, 300, 3001)).train[:, 0, 0]
    np.testing.assert_allclose(output[0], 0.50, rtol=0, atol=5e-3)
    assert output.min() < -0.09
    np.testing.assert_allclose(output[-1], -0.05, rtol=0, atol=1e-3)


def test_f1_outputs_are_sums_of_exponentials(wide_network: Problem) -> None:
    """fᵢ(t) = yᵢ + Σⱼ aᵢⱼ e^{−λⱼt}, refitted by least squares."""
    times = np.linspace(0, 10, 101)
    output = Eigh().evolve(wide_network, times).train[:, :, 0]
    assert wide_network.spectrum is not None
    basis = np.exp(-np.outer(times, wide_network.spectrum.eigenvalues))
    amplitudes = np.linalg.lstsq(basis, output - TARGETS[:, 0])[0]
    assert np.abs(basis @ amplitudes - (output - TARGETS[:, 0])).max() < 1e-13


def test_f5_kernel_regression() -> None:
    problem = infinite_width(on_the_line(*np.arange(11) / 10))
    expected = [-0.088972, -0.07069, -0.05, -0.127733, -0.2, -0.079754, 0.045241]
    expected += [0.17245, 0.3, 0.344144, 0.387457]
    limit = Eigh().evolve(problem, np.array([INF])).test[0, :, 0]
    np.testing.assert_allclose(limit, expected, rtol=0, atol=5.1e-7)  # the digits that are printed


def test_f7_uncertainty_of_the_process() -> None:
    noise = 0.001
    points = on_the_line(0.2, 0.4, 0.8, 0.6, 1.0)
    problem = infinite_width(points)
    evolution = Eigh(output_noise=noise).evolve(problem, np.array([0.0, 500.0, INF]))
    assert evolution.variance_test is not None
    assert evolution.covariance_test is not None
    spread = np.sqrt(evolution.variance_test)
    digits = 5.1e-7
    np.testing.assert_allclose(spread[0, :3], [0.721803, 0.762234, 0.906091], rtol=0, atol=digits)
    np.testing.assert_allclose(
        spread[2], [0.031623, 0.031623, 0.031623, 0.037884, 0.077258], rtol=0, atol=digits
    )
    np.testing.assert_allclose(evolution.test[1, 3, 0], 0.045241, rtol=0, atol=digits)
    # At t = 0 the prior and the noise; at training points in the end the noise alone.
    prior = shallow_relu_kernels(points, points)[0]
    np.testing.assert_allclose(
        evolution.covariance_test[0], prior + noise * np.eye(5), rtol=0, atol=1e-14
    )
    np.testing.assert_allclose(evolution.variance_test[2, :3], noise, rtol=0, atol=1e-14)


def test_f7_variance_is_not_monotone() -> None:
    """At x = 0.75 it falls to 6.43e-5 at t = 22 and rises again to 7.37e-5."""
    problem = infinite_width(on_the_line(0.75))
    times = np.concatenate([np.linspace(1, 100, 199), [INF]])
    variance = Eigh().evolve(problem, times).variance_test
    assert variance is not None
    np.testing.assert_allclose(variance.min(), 6.43e-5, rtol=0, atol=1e-7)
    assert abs(times[variance[:, 0].argmin()] - 22) <= 0.5
    np.testing.assert_allclose(variance[-1], 7.37e-5, rtol=0, atol=5e-8)
