"""Samples of the Gaussian process of networks in training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ntksim.types import Array, Dataset, FinishedCell
from pydantic import TypeAdapter, ValidationError

from kernel_problems import POINTS, TARGETS, kernel_problem, shallow_relu_kernels
from ntksim_builtin.diagnostics import Samples
from ntksim_builtin.solvers import Eigh

TIMES = np.array([0.0, 0.5, 5.0, np.inf])
GRID = np.stack([np.array([0.0, 0.2, 0.4, 0.6, 0.8, 0.8]), np.ones(6)], axis=1)
"""Test points, three of them training points and one there twice: singular covariances."""


def cell(outputs: int = 1, noise: float = 0.0) -> FinishedCell:
    train, test_train = shallow_relu_kernels(POINTS, POINTS), shallow_relu_kernels(GRID, POINTS)
    test = shallow_relu_kernels(GRID, GRID)
    targets = np.hstack([TARGETS, -TARGETS])[:, :outputs]
    problem = kernel_problem(
        train[1], targets, test_train[1], nngp=(train[0], test_train[0], test[0])
    )
    evolution = Eigh(output_noise=noise).evolve(problem, TIMES)
    unknown = np.full((len(GRID), outputs), np.nan)
    data = Dataset(POINTS, targets, GRID, unknown, test_targets=False)
    return FinishedCell(data, problem, TIMES, evolution)


def drawn(diagnostic: Samples, finished: FinishedCell) -> Array:
    return np.asarray(diagnostic.measure(finished)["prediction_sample_test"])


@pytest.mark.parametrize("outputs", [1, 2])
def test_samples_agree_with_mean_and_covariance_at_every_time(outputs: int) -> None:
    finished, count = cell(outputs), 4000
    samples = drawn(Samples(count=count), finished)
    assert samples.shape == (4, count, 6, outputs)
    covariance = finished.evolution.covariance_test
    assert covariance is not None
    for time in range(len(TIMES)):
        deviation = np.sqrt(np.diagonal(covariance[time]).clip(0))
        error = 5 * deviation / np.sqrt(count) + 1e-7  # a root of rounding is 1e-8
        gap = samples[time].mean(axis=0) - finished.evolution.test[time]
        assert (np.abs(gap) < error[:, None]).all()
        for output in range(outputs):
            found = np.cov(samples[time, :, :, output].T)
            scatter = np.sqrt((np.outer(deviation, deviation) ** 2 + covariance[time] ** 2) / count)
            assert (np.abs(found - covariance[time]) < 5 * scatter + 1e-12).all()


def test_trained_networks_meet_their_points_in_every_sample() -> None:
    """Covariances of 0 at training points, and of two equal points: singular, and no matter."""
    samples = drawn(Samples(count=20), cell())
    met = samples[-1, :, [1, 2, 4], 0]
    np.testing.assert_allclose(met, np.broadcast_to(TARGETS, met.shape), rtol=0, atol=1e-6)
    assert samples[-1, :, 3, 0].std() > 0.01
    # A point that is there twice has one value, but for a root of rounding.
    np.testing.assert_allclose(samples[:, :, 4], samples[:, :, 5], rtol=0, atol=1e-6)


def test_samples_are_the_same_again_and_more_keep_those_that_are_there() -> None:
    finished = cell()
    few, many = drawn(Samples(count=3), finished), drawn(Samples(count=7), finished)
    np.testing.assert_array_equal(few, drawn(Samples(count=3), finished))
    np.testing.assert_array_equal(few, many[:, :3])
    other = drawn(Samples(count=3, seed=1), finished)
    assert (other[0] != few[0]).all()


def test_only_chosen_times_and_points_are_drawn() -> None:
    chosen = Samples(count=4, times=(0.5, np.inf), points=(3, 0))
    samples = drawn(chosen, cell())
    there = np.asarray(np.isfinite(samples).all(axis=(1, 3)))
    np.testing.assert_array_equal(there, np.outer([0, 1, 0, 1], [1, 0, 0, 1, 0, 0]))
    assert np.isnan(samples.transpose(0, 2, 1, 3)[~there]).all()


def test_a_choice_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no time 2 to sample at; there are 0, 0\.5, 5, inf"):
        Samples(times=(2.0,)).measure(cell())
    with pytest.raises(ValueError, match="no test point 6; there are 6, numbered from 0"):
        Samples(points=(6,)).measure(cell())


def test_options_are_checked() -> None:
    adapter = TypeAdapter(Samples)
    assert adapter.validate_python({"times": [0.5, float("inf")]}).times == (0.5, np.inf)
    for wrong in ({"times": [-1.0]}, {"count": 0}, {"points": [-1]}, {"seed": -1}):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


def test_noise_of_the_observation_is_in_the_samples() -> None:
    samples = drawn(Samples(count=2000), cell(noise=0.25))
    met = samples[-1, :, 1, 0]
    assert met.std() == pytest.approx(0.5, rel=5 / np.sqrt(2 * 2000))


def test_there_are_none_without_a_covariance() -> None:
    finished = cell()
    bare = replace(finished, evolution=replace(finished.evolution, covariance_test=None))
    assert not Samples().measure(bare)
