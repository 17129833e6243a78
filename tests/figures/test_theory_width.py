"""Laws of finite width, from the stores of their studies: laziness, fluctuations, catapult."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from ntksim import load_study, plan_cells

from stored_studies import Run, Stored, altered

pytestmark = pytest.mark.figures


def exponent(root: xr.Dataset, name: str, **at: object) -> tuple[float, float]:
    """The stored exponent in the width of a variable, and its standard error."""
    fitted = root[f"{name}_width_exponent"].sel(at)
    error = root[f"{name}_width_exponent_standard_error"].sel(at)
    return float(fitted), float(error)


def check_law(root: xr.Dataset, name: str, theory: float, **at: object) -> None:
    """Within three standard errors, which for so many variables leaves a chance of 1 in 20."""
    fitted, error = exponent(root, name, **at)
    assert 0 < error < 0.2, (name, error)
    assert abs(fitted - theory) < 3 * error, (name, fitted, error)


AT_ONCE = {"time": 5, "solver": "trained"}
LINEARISED = {"time": 5, "solver": "eigh"}


@pytest.fixture(scope="module")
def laws(stored: Run) -> xr.Dataset:
    return stored("width_laws", width=[128, 512, 2048], seed={"count": 16}).root


def check_laws(laws: xr.Dataset) -> None:
    for architecture in ("relu", "erf"):
        own = laws.sel(architecture=architecture)
        for name in ("ntk_distance_train", "nngp_distance_train", "ntk_distance_test_train"):
            check_law(own, name, -0.5, solver="trained")
        for part in ("train", "test"):
            check_law(own, f"predictor_gap_{part}", -0.5, **AT_ONCE)
            check_law(own, f"predictor_gap_{part}", -0.5, **LINEARISED)
        check_law(own, "parameter_motion", 0, **AT_ONCE)
        for layer in ("dense_0.weight", "readout.weight"):
            check_law(own, "parameter_motion_layer", 0, layer=layer, **AT_ONCE)
            check_law(own, "parameter_motion_rms_layer", -0.5, layer=layer, **AT_ONCE)
        # The largest of all moves as √(log width/width), between −1/2 and −0.3 at these widths.
        fitted, error = exponent(own, "parameter_motion_max", **AT_ONCE)
        assert -0.5 - 3 * error < fitted < -0.25 + 3 * error


def check_training(laws: xr.Dataset) -> None:
    """What training does to a kernel and its linearisation: at most 1/√width, and in fact less."""
    for name, at in {
        "kernel_drift": AT_ONCE,
        "linearisation_gap_train": AT_ONCE,
        "linearisation_gap_test": AT_ONCE,
        "prediction_full_misfit_train": LINEARISED,
        "prediction_full_misfit_test": LINEARISED,
    }.items():
        # Dyer and Gur-Ari 2020: 1/width for a smooth activation.
        check_law(laws.sel(architecture="erf"), name, -1, **at)
        # ReLU: at the latest from the bound on, and not beyond the limit of −3/4.
        fitted, error = exponent(laws.sel(architecture="relu"), name, **at)
        assert -0.75 - 3 * error < fitted < -0.5 + 3 * error, (name, fitted, error)


def test_laws_of_initialisation_and_of_motion(laws: xr.Dataset) -> None:
    check_laws(laws)


def test_c3_training_moves_smooth_kernels_less_than_the_bound(laws: xr.Dataset) -> None:
    check_training(laws)


def test_stored_exponents_are_those_of_the_stored_values(laws: xr.Dataset) -> None:
    """By regression through means of logarithms over seeds, written out."""
    drift = laws.kernel_drift.sel(architecture="erf", **AT_ONCE)
    logarithms: xr.DataArray = np.log(drift)  # pyright: ignore[reportAssignmentType]
    slope = np.polyfit(np.log(drift.width), logarithms.mean("seed"), 1)[0]
    fitted, _ = exponent(laws.sel(architecture="erf"), "kernel_drift", **AT_ONCE)
    np.testing.assert_allclose(fitted, slope, rtol=1e-10)


@pytest.mark.slow
def test_laws_of_the_width_at_full_size(stored: Run) -> None:
    root = stored("width_laws").root
    check_laws(root)
    check_training(root)


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
        ("predictor_gap_test", 100),
    ],
)
def test_c3_what_falls_with_the_root_of_the_width(
    laziness: xr.Dataset, name: str, time: float
) -> None:
    """Lee et al. 2019 find exponents of −0.44 to −0.5 in this range of widths."""
    fitted, error = exponent(laziness, name, time=time)
    # Three widths and eight seeds. The law is that of the range, not of the limit: within 0.06.
    assert 0 < error < 0.25
    assert abs(fitted + 0.47) < 3 * error + 0.06


def test_c3_size_of_the_drift(laziness: xr.Dataset) -> None:
    """‖K(t) − K(0)‖/‖K(0)‖ is about 0.23 to 0.34 over √width when training is done."""
    drift = laziness.kernel_drift.sel(time=100, width=1024) * np.sqrt(1024)
    assert 0.08 < float(drift.median("seed")) < 0.7
    assert (laziness.kernel_drift.sel(time=0) == 0).all()
    assert (laziness.linearisation_gap_train.sel(time=0) < 1e-14).all()


def test_the_whole_of_the_parameters_moves_at_every_width(laziness: xr.Dataset) -> None:
    # Three standard errors, and 0.05 for the slower training of networks of 64 units.
    fitted, error = exponent(laziness, "parameter_motion", time=100)
    assert abs(fitted) < 3 * error + 0.05


def test_stability_of_half_the_largest_rate(laziness: xr.Dataset) -> None:
    """The learning rate is 1/λ₁ at first, half of the largest stable one."""
    np.testing.assert_allclose(laziness.stability.sel(time=0), 0.5, rtol=1e-5)


def test_h_fluctuations_over_initialisations_fall_with_the_root_of_the_width(stored: Run) -> None:
    """Geiger et al. 2020: the deviation of f at a fixed point goes as width^{−1/2}."""
    store = stored("initialisation_variance")
    root = store.root.sel(kernel="empirical")
    for time in (1, 10, np.inf):
        # Of a variance: twice that of the deviation.
        check_law(root, "initialisation_variance_test", -1, time=time)
    outputs = store["three_points"].prediction_test.sel(kernel="empirical")
    variance = outputs.var("seed", ddof=1)
    finite = root.initialisation_variance_test.sel(width=slice(0, 1e5))
    expected = variance.mean("test_point").sel(width=finite.width)
    np.testing.assert_allclose(finite, expected.transpose(*finite.dims), rtol=1e-10)
    seeds = outputs.sizes["seed"]
    at = {"time": np.inf, "test_point": 6}
    scaled = np.sqrt(variance.sel(at) * variance.width).dropna("width")
    # .99, .92, 1.07, .96 elsewhere at widths 100 to 6,400.
    np.testing.assert_allclose(scaled, 0.98, rtol=5 / np.sqrt(2 * seeds))


def test_h_at_infinite_width_nothing_fluctuates(stored: Run) -> None:
    group = stored("initialisation_variance")["three_points"]
    limit = group.prediction_test.sel(kernel="analytic", width=np.inf, time=np.inf)
    assert (limit.max("seed") == limit.min("seed")).all()
    spread = stored("initialisation_variance").root.initialisation_variance_test
    assert not spread.sel(kernel="analytic", width=np.inf).any()
    # x = 0.6, kernel regression.
    np.testing.assert_allclose(limit[:, 6], 0.045241, rtol=0, atol=5.1e-7)


def test_what_is_said_of_the_grid_changes_no_cell() -> None:
    """Cells with and without it are the same, and need not be computed again."""
    said, silent = (
        plan_cells(load_study(altered("initialisation_variance", record=record)))
        for record in (["predictions", "initialisation_variance"], ["predictions"])
    )
    assert set(said.tasks) == set(silent.tasks)


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
        fitted, error = exponent(root, name, time=100)
        # An effective exponent of these widths, as above.
        assert abs(fitted + 0.47) < 3 * error + 0.06, (name, fitted, error)
