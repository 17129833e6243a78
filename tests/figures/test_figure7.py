"""Figure 7, from its store: mean and uncertainty of an ensemble in training."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from stored_studies import Run, Stored

pytestmark = pytest.mark.figures

INF = float("inf")
NOISE = 0.001
POINTS = [20, 40, 80]
"""The training points x = 0.2, 0.4, 0.8 on the grid of 101."""


@pytest.fixture(scope="module")
def figure7(stored: Run) -> Stored:
    return stored("figure7")


@pytest.fixture(scope="module")
def process(figure7: Stored) -> xr.Dataset:
    return figure7["three_points"].sel(architecture="unit variance")


@pytest.fixture(scope="module")
def spread(process: xr.Dataset) -> xr.DataArray:
    return np.sqrt(process.prediction_variance_test)


def nngp(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Prior of the shallow network with unit weights on (x, 1), of the plane's angles."""
    cosine = 1 + np.outer(x, z)
    angle = np.abs(np.subtract.outer(np.arctan(x), np.arctan(z)))
    norms = np.outer(np.hypot(x, 1), np.hypot(z, 1))
    return (norms * np.sin(angle) + (np.pi - angle) * cosine) / (2 * np.pi)


def test_f7_published_deviations(spread: xr.DataArray) -> None:
    digits = 5.1e-7
    np.testing.assert_allclose(
        spread.sel(time=0)[POINTS], [0.721803, 0.762234, 0.906091], rtol=0, atol=digits
    )
    np.testing.assert_allclose(
        spread.sel(time=INF)[[*POINTS, 60, 100]],
        [0.031623, 0.031623, 0.031623, 0.037884, 0.077258],
        rtol=0,
        atol=digits,
    )


def test_f7_published_mean(process: xr.Dataset) -> None:
    np.testing.assert_allclose(
        process.prediction_test.sel(time=500)[60], 0.045241, rtol=0, atol=1e-6
    )


def test_f7_it_starts_as_the_prior(figure7: Stored) -> None:
    """At t = 0 mean zero and the NNGP's covariance, with the noise of an observation."""
    for dataset, group in figure7.groups.items():
        start = group.sel(architecture="unit variance", time=0)
        x = group.x_test.values
        prior = nngp(x, x) + NOISE * np.eye(len(x))
        np.testing.assert_allclose(
            start.prediction_covariance_test, prior, rtol=0, atol=1e-13, err_msg=dataset
        )
        assert not start.prediction_test.any()


def test_c24_variances_of_both_layers_multiply(figure7: Stored) -> None:
    """Weights of variance 2 in both layers: 4 times the prior, and no + 1."""
    start = figure7["three_points"].prediction_covariance_test.sel(time=0)
    noise = NOISE * np.eye(start.sizes["test_point"])
    one, two = (start.sel(architecture=a) - noise for a in ("unit variance", "variance 2"))
    np.testing.assert_allclose(two, 4 * one, rtol=1e-12)
    np.testing.assert_allclose(one[60, 60], (0.6**2 + 1) / 2, rtol=1e-13)


def test_c25_the_tangent_kernel_has_the_same_variances(figure7: Stored) -> None:
    """Weights of variance 2 train twice as fast.

    With the tangent kernel of unit weights, as published, the variance would be 4 times that of
    unit weights at every time, because it is linear in the prior.
    """
    spread = figure7["three_points"].prediction_variance_test.sel(time=5) - NOISE
    one, two = (spread.sel(architecture=a)[60] for a in ("unit variance", "variance 2"))
    assert two < 0.7 * (4 * one)


def test_c26_noise_is_what_is_left_at_the_points(figure7: Stored) -> None:
    end = figure7["three_points"].prediction_variance_test.sel(time=INF)[:, POINTS]
    np.testing.assert_allclose(end, NOISE, rtol=0, atol=1e-13)


def test_f7_covariances_are_symmetric_positive_and_hold_the_variances(figure7: Stored) -> None:
    for group in figure7.groups.values():
        covariance = group.prediction_covariance_test
        other = covariance.transpose(..., "test_point_other", "test_point").values
        np.testing.assert_array_equal(covariance.values, other)
        diagonal = np.diagonal(covariance.values, axis1=-2, axis2=-1)
        np.testing.assert_allclose(diagonal, group.prediction_variance_test, rtol=1e-9)
        values = np.linalg.eigvalsh(covariance.values)
        largest = values.max(axis=-1)
        assert (values.min(axis=-1) > NOISE - 1e-13 * largest).all()


def test_f7_variance_never_exceeds_the_prior_here(figure7: Stored) -> None:
    """On [−6, 6] the largest ratio after training has begun is below 1."""
    variance = figure7["wide"].prediction_variance_test.sel(architecture="unit variance") - NOISE
    ratio = variance.sel(time=slice(0.05, None)) / variance.sel(time=0)
    assert ratio.max() < 1


def test_f7_variance_is_not_monotone(process: xr.Dataset) -> None:
    """At x = 0.75 it falls to 6.43e-5 at t = 22 and rises again to 7.37e-5."""
    at = process.prediction_variance_test.isel(test_point=75) - NOISE
    # A difference of numbers of size 1e-3 that are computed to rounding.
    np.testing.assert_allclose(at.sel(time=22), 6.43e-5, rtol=0, atol=1e-7)
    np.testing.assert_allclose(at.sel(time=INF), 7.37e-5, rtol=0, atol=5e-8)


def test_oracle_26_training_the_read_out_alone_ends_as_the_nngp_posterior(
    figure7: Stored,
) -> None:
    """Mean Σ* Σ⁻¹ y and covariance Σ** − Σ* Σ⁻¹ Σ*ᵀ, from closed forms of the prior."""
    end = figure7["three_points"].sel(architecture="read-out only", time=INF)
    x, z = end.x_train.values, end.x_test.values
    np.testing.assert_allclose(end.nngp_train, nngp(x, x), rtol=0, atol=1e-15)
    np.testing.assert_allclose(end.nngp_test_train, nngp(z, x), rtol=0, atol=1e-15)
    gain = np.linalg.solve(nngp(x, x), nngp(x, z)).T
    # The condition number of the prior is 1e3.
    np.testing.assert_allclose(end.prediction_test, gain @ end.y_train.values, rtol=0, atol=1e-12)
    posterior = nngp(z, z) - gain @ nngp(x, z) + NOISE * np.eye(len(z))
    np.testing.assert_allclose(end.prediction_covariance_test, posterior, rtol=0, atol=1e-12)


def test_c22_the_mean_ends_as_kernel_regression(process: xr.Dataset) -> None:
    """y* = k* K⁻¹ y with the factor k*, which is lost in print."""
    x, z = process.x_train.values, process.x_test.values
    angle = np.abs(np.subtract.outer(np.arctan(z), np.arctan(x)))
    kernel = nngp(z, x) + (1 + np.outer(z, x)) * (np.pi - angle) / (2 * np.pi) + 1
    train = kernel[POINTS]
    expected = kernel @ np.linalg.solve(train, process.y_train.values)
    np.testing.assert_allclose(process.prediction_test.sel(time=INF), expected, rtol=0, atol=1e-12)


def test_f7_samples_are_those_of_the_stored_mean_and_covariance(stored: Run) -> None:
    """Of the process at the start, of the trained ensemble, and of the NNGP posterior."""
    record = ["predictions", "covariance", {"name": "samples", "count": 400}]
    data = {"name": "three_points", "points": 11, "label": "three_points"}
    group = stored("figure7", dataset=data, record=record, time=[0, INF])["three_points"]
    samples, count = group.prediction_sample_test, 400
    for architecture in group.architecture.values:
        for time in (0, INF):
            at = {"architecture": architecture, "time": time}
            own = samples.sel(at).transpose("sample", "test_point").values
            covariance = group.prediction_covariance_test.sel(at).values
            variance = np.diagonal(covariance)
            # Five standard errors of a mean, and of a covariance of Gaussians.
            gap = np.abs(own.mean(axis=0) - group.prediction_test.sel(at).values)
            assert (gap < 5 * np.sqrt(variance / count)).all()
            error = np.sqrt((np.outer(variance, variance) + covariance**2) / count)
            assert (np.abs(np.cov(own.T) - covariance) < 5 * error).all()


def test_f7_the_study_has_samples_to_draw(figure7: Stored) -> None:
    for group in figure7.groups.values():
        samples = group.prediction_sample_test
        assert samples.sizes["sample"] == 5
        there = samples.notnull().all([dim for dim in samples.dims if dim != "time"])
        np.testing.assert_array_equal(group.time[there], [0, 0.5, 5, INF])
        # Trained, they meet the points but for the noise of 0.03.
        if group.sizes["test_point"] == 101:
            met = samples.sel(time=INF).isel(test_point=POINTS).transpose(..., "test_point")
            assert np.abs(met.values - group.y_train.values).max() < 5 * np.sqrt(NOISE)


def spread_of(ensemble: Stored) -> tuple[xr.DataArray, xr.DataArray, int]:
    group = ensemble["three_points"]
    outputs = group.prediction_test.sel(width=1000, kernel="empirical")
    limit = group.prediction_variance_test.sel(width=INF, kernel="analytic").isel(seed=0)
    return outputs.std("seed", ddof=1), np.sqrt(limit), outputs.sizes["seed"]


def test_c25_an_ensemble_of_networks_is_the_process(stored: Run) -> None:
    """Deviations over seeds against those of the process, up to t = 5, and beyond."""
    ensemble = stored("ensemble", seed={"count": 200})
    measured, predicted, seeds = spread_of(ensemble)
    early = {"time": slice(0, 1.5)}
    # A standard deviation of n values has the relative error 1/√(2n), and heavier tails at
    # finite width (excess kurtosis 15/width) add nothing to speak of.
    error = 1 / np.sqrt(2 * seeds)
    ratio = (measured / predicted).sel(early)
    assert np.abs(ratio - 1).max() < 4 * error
    # Late, finite networks spread more than the limit: their kernels differ.
    late = {"time": 500, "test_point": 6}
    np.testing.assert_allclose(predicted.sel(late), 0.021, rtol=0, atol=5e-4)
    assert 0.03 < measured.sel(late) < 0.05


@pytest.mark.slow
def test_c25_at_full_size(stored: Run) -> None:
    measured, predicted, seeds = spread_of(stored("ensemble"))
    ratio = (measured / predicted).sel(time=slice(0, 1.5))
    assert np.abs(ratio - 1).max() < 4 / np.sqrt(2 * seeds)
