"""Laws of finite width, from the stores of their studies: laziness, fluctuations, catapult."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from stored_studies import Run, Stored


def power_law(values: xr.DataArray) -> tuple[float, float]:
    """Exponent in the width of geometric means over seeds, and its standard error."""
    logarithms: xr.DataArray = np.log(values)  # pyright: ignore[reportAssignmentType]
    means = logarithms.mean("seed")
    fitted, covariance = np.polyfit(np.log(means.width), means, 1, cov=True)
    return float(fitted[0]), float(np.sqrt(covariance[0, 0]))


@pytest.fixture(scope="module")
def laziness(stored: Run) -> xr.Dataset:
    return stored("laziness", width=[64, 256, 1024], seed={"count": 8}).root


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("kernel_drift", 10),
        ("linearisation_gap_test", 10),
        ("linearisation_gap_test", 100),
        ("parameter_motion_rms", 100),
    ],
)
def test_c3_what_falls_with_the_root_of_the_width(
    laziness: xr.Dataset, name: str, time: float
) -> None:
    """Lee et al. 2019 find exponents of −0.44 to −0.5 in this range of widths."""
    fitted, error = power_law(laziness[name].sel(time=time))
    # Three widths and eight seeds.
    assert abs(fitted + 0.5) < max(3 * error, 0.2)


def test_c3_size_of_the_drift(laziness: xr.Dataset) -> None:
    """‖K(t) − K(0)‖/‖K(0)‖ is about 0.23 to 0.34 over √width when training is done."""
    drift = laziness.kernel_drift.sel(time=100, width=1024) * np.sqrt(1024)
    assert 0.08 < float(drift.median("seed")) < 0.7
    assert (laziness.kernel_drift.sel(time=0) == 0).all()
    assert (laziness.linearisation_gap_train.sel(time=0) < 1e-14).all()


def test_the_whole_of_the_parameters_moves_at_every_width(laziness: xr.Dataset) -> None:
    fitted, error = power_law(laziness.parameter_motion.sel(time=100))
    assert abs(fitted) < max(3 * error, 0.15)


def test_stability_of_half_the_largest_rate(laziness: xr.Dataset) -> None:
    """The learning rate is 1/λ₁ at first, half of the largest stable one."""
    np.testing.assert_allclose(laziness.stability.sel(time=0), 0.5, rtol=1e-5)


def test_h_fluctuations_over_initialisations_fall_with_the_root_of_the_width(stored: Run) -> None:
    """Geiger et al. 2020: the deviation of f at a fixed point goes as width^{−1/2}."""
    group = stored("initialisation_variance")["three_points"]
    outputs = group.prediction_test.sel(kernel="empirical").dropna("width", how="all")
    deviation = outputs.std("seed", ddof=1)
    seeds = outputs.sizes["seed"]
    points = [0, 3, 6, 10]  # not the training points, which all networks meet
    for time in (1, 10, np.inf):
        for point in points:
            found = deviation.sel(time=time).isel(test_point=point)
            fitted, covariance = np.polyfit(np.log(found.width), np.log(found), 1, cov=True)
            error = np.sqrt(covariance[0, 0])
            # Each deviation is known to 1/√(2 seeds), 9 %, over a range of log width of 4.2.
            assert abs(fitted[0] + 0.5) < max(4 * error, 4 / np.sqrt(2 * seeds) / 3)
    scaled = (deviation * np.sqrt(deviation.width)).sel(time=np.inf).isel(test_point=6)
    # .99, .92, 1.07, .96 elsewhere at widths 100 to 6,400.
    np.testing.assert_allclose(scaled, 0.98, rtol=5 / np.sqrt(2 * seeds))


def test_h_at_infinite_width_nothing_fluctuates(stored: Run) -> None:
    group = stored("initialisation_variance")["three_points"]
    limit = group.prediction_test.sel(kernel="analytic", width=np.inf, time=np.inf)
    assert (limit.max("seed") == limit.min("seed")).all()
    # x = 0.6, kernel regression.
    np.testing.assert_allclose(limit[:, 6], 0.045241, rtol=0, atol=5.1e-7)


@pytest.fixture(scope="module")
def catapult(stored: Run) -> Stored:
    return stored("catapult", width=[1000], seed={"count": 3})


def outcome(catapult: Stored, rate: str) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    root = catapult.root.sel(solver=f"rate {rate}")
    start = root.stability.isel(time=0)
    rise = root.loss_train.max("time") / root.loss_train.isel(time=0)
    return start, rise, root.diverged.astype(bool)


def test_oracle_33_below_the_stable_rate_the_loss_never_rises(catapult: Stored) -> None:
    start, rise, diverged = outcome(catapult, "0.9")
    assert (start < 1).all()
    assert (rise == 1).all()
    assert not diverged.any()


@pytest.mark.parametrize("rate", ["1.3", "1.7"])
def test_oracle_33_above_it_the_loss_rises_and_training_finds_a_flatter_place(
    catapult: Stored, rate: str
) -> None:
    start, rise, diverged = outcome(catapult, rate)
    assert ((start > 1) & (start < 2)).all()
    assert (rise > 3).all()
    assert not diverged.any()
    end = catapult.root.sel(solver=f"rate {rate}").isel(time=-1)
    assert (end.loss_train < 1e-2 * catapult.root.loss_train.isel(time=0, solver=0)).all()
    assert (end.stability < 1).all()
    # The largest eigenvalue has fallen, to a half and less at the higher rate.
    fall = end.stability / start
    assert (fall < {"1.3": 0.8, "1.7": 0.5}[rate]).all()


def test_oracle_33_far_above_it_training_diverges(catapult: Stored) -> None:
    start, _, diverged = outcome(catapult, "2.5")
    assert (start > 2).all()
    assert diverged.all()


@pytest.mark.slow
def test_oracle_33_wider_networks_are_thrown_higher(stored: Run) -> None:
    _, rise, diverged = outcome(stored("catapult"), "1.3")
    assert not diverged.any()
    assert rise.median("seed").sel(width=1000) > rise.median("seed").sel(width=200)


@pytest.mark.slow
def test_laws_of_laziness_at_full_size(stored: Run) -> None:
    root = stored("laziness").root
    for name in ("kernel_drift", "linearisation_gap_test", "parameter_motion_rms"):
        fitted, error = power_law(root[name].sel(time=100))
        assert abs(fitted + 0.5) < max(3 * error, 0.15), name
