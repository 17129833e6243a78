"""Conditioning against depth, learning curves and zero output, from the stores of their studies."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
import yaml
from scipy.optimize import brentq

from stored_studies import STUDIES, Run, Stored

pytestmark = pytest.mark.figures

POINTS = 10


def family(data: xr.DataArray, name: str) -> xr.DataArray:
    """One family of networks along depth."""
    labels = [str(label) for label in data.architecture.values]
    wanted = [label for label in labels if label.startswith(name)]
    depth = [int(label.split()[-1]) for label in wanted]
    return (
        data.sel(architecture=wanted).assign_coords(architecture=depth).rename(architecture="depth")
    )


@pytest.fixture(scope="module")
def conditioning(stored: Run) -> Stored:
    """Without the deepest networks."""
    content = yaml.safe_load((STUDIES / "conditioning.yaml").read_text())["architecture"]
    shallower = [item for item in content if item["depth"] <= 256]
    return stored("conditioning", architecture=shallower)


def ratios(conditioning: Stored) -> xr.DataArray:
    """Mean of the kernel between points over its mean diagonal."""
    kernel = conditioning["digits"].ntk_train
    diagonal = kernel.values.trace(axis1=-2, axis2=-1)
    total = kernel.sum(("train_point", "train_point_other"))
    return (total - diagonal) / (POINTS - 1) / diagonal


def test_oracle_04_diagonal_of_a_critical_relu_network(conditioning: Stored) -> None:
    """Θ(x, x) = (L + 1)·2‖x‖²/(2 d) with He's gain: here ‖x‖ = 1 and d = 64."""
    kernel = family(conditioning["digits"].ntk_train, "relu critical")
    diagonal = kernel.values.diagonal(axis1=-2, axis2=-1)
    expected = (kernel.depth.values + 1) * 2 / 64
    np.testing.assert_allclose(diagonal, np.repeat(expected[:, None], POINTS, 1), rtol=1e-11)


def test_c28_oracle_06_critical_relu_networks_settle(conditioning: Stored) -> None:
    """Off-diagonal over diagonal → ¼ and the condition number → (n + 3)/3, as 1/depth."""
    ratio = family(ratios(conditioning), "relu critical")
    condition = family(conditioning.root.condition_number, "relu critical")
    assert (ratio.diff("depth") < 0).all()
    assert (condition.diff("depth") < 0).all()
    assert (ratio > 0.25).all()
    limit = (POINTS + 3) / 3
    assert (condition > limit).all()
    # Four times the depth divides what is left by nearly four.
    assert 3 < (ratio.sel(depth=64) - 0.25) / (ratio.sel(depth=256) - 0.25) < 4
    assert 3 < (condition.sel(depth=64) - limit) / (condition.sel(depth=256) - limit) < 5


def test_c28_critical_erf_networks_settle_more_slowly(conditioning: Stored) -> None:
    """→ ⅓ and (n + 2)/2."""
    ratio = family(ratios(conditioning), "erf critical").sel(depth=[16, 64, 256])
    assert (ratio.diff("depth") < 0).all()
    assert (ratio > 1 / 3).all()
    condition = family(conditioning.root.condition_number, "erf critical").sel(depth=[64, 256])
    assert condition[1] < condition[0] / 3
    assert (condition > (POINTS + 2) / 2).all()


def test_c28_ordered_networks_forget_their_inputs(conditioning: Stored) -> None:
    """The difference of two entries goes as depth·χ^depth, and the condition number diverges.

    χ = σ_w² (4/π)/√(1 + 4q) at the fixed point q of the variance, for erf.
    """
    weights, biases = 0.49, 0.25

    def change(q: float) -> float:
        return weights * 2 / np.pi * np.arcsin(2 * q / (1 + 2 * q)) + biases - q

    (q,) = [brentq(change, 1e-6, 5)]
    chi = weights * 4 / np.pi / np.sqrt(1 + 4 * q)  # pyright: ignore[reportOperatorIssue]
    gap = 1 - family(ratios(conditioning), "erf ordered").sel(depth=[4, 16])
    measured = np.log((gap[1] / 16) / (gap[0] / 4)) / 12
    np.testing.assert_allclose(measured, np.log(chi), rtol=0.05)
    condition = family(conditioning.root.condition_number, "erf ordered")
    assert (condition.diff("depth") > 0).all()
    assert np.isinf(condition.sel(depth=32))  # beyond double precision


def test_c28_chaotic_networks_train_but_do_not_generalise(conditioning: Stored) -> None:
    """Condition number → 1, while predictions away from the training points vanish."""
    condition = family(conditioning.root.condition_number, "erf chaotic")
    np.testing.assert_allclose(condition.sel(depth=64), 1, rtol=1e-12)
    outputs = conditioning["digits"].prediction_test.sel(time=np.inf)
    size = family(np.sqrt((outputs**2).mean("test_point")), "erf chaotic")
    assert size.sel(depth=64) < 1e-10
    assert size.sel(depth=1) > 0.5
    trained = conditioning["digits"].prediction_train.sel(time=np.inf)
    fit = family(np.abs(trained - conditioning["digits"].y_train).max("train_point"), "erf chaotic")
    assert fit.max() < 1e-9


@pytest.mark.slow
def test_c28_limits_at_full_depth(stored: Run) -> None:
    full = stored("conditioning")
    ratio, condition = ratios(full), full.root.condition_number
    relu = family(ratio, "relu critical"), family(condition, "relu critical")
    np.testing.assert_allclose(relu[0].sel(depth=1024), 1 / 4, rtol=0, atol=0.006)
    np.testing.assert_allclose(relu[1].sel(depth=1024), 13 / 3, rtol=0.03)
    erf = family(ratio, "erf critical"), family(condition, "erf critical")
    np.testing.assert_allclose(erf[0].sel(depth=4096), 1 / 3, rtol=0, atol=0.04)
    np.testing.assert_allclose(erf[1].sel(depth=4096), 6, rtol=0.4)


def check_learning_curves(root: xr.Dataset) -> None:
    """Test errors over draws against the theory that knows the spectrum only."""
    root = root.sel(time=np.inf)
    by_number: dict[int, list[tuple[float, float]]] = {}
    for label in root.dataset.values:
        number = int(str(label).split()[0])
        own = root.sel(dataset=label)
        pair = float(own.mean_squared_error_test), float(own.learning_curve_theory)
        by_number.setdefault(number, []).append(pair)
    for number, pairs in by_number.items():
        errors, predicted = np.array(pairs)[:, 0], pairs[0][1]
        # Published: at worst 17 % off, 7 % in the median.
        np.testing.assert_allclose(errors.mean(), predicted, rtol=0.25)
        # Six draws each: Student's t with 5 degrees of freedom, beyond 5 once in 240.
        standard_error = errors.std(ddof=1) / np.sqrt(len(errors))
        assert abs(errors.mean() - predicted) < 5 * standard_error, number
    assert len(by_number) > 3
    # Not a power law, but over the same numbers of points theory and measurement fall alike.
    fitted = float(root.mean_squared_error_test_train_points_exponent)
    theory = float(root.learning_curve_theory_train_points_exponent)
    error = float(root.mean_squared_error_test_train_points_exponent_standard_error)
    assert 0 < error < 0.3
    assert abs(fitted - theory) < 3 * error
    assert fitted < -0.3
    assert by_number[300][0][1] < 0.2 * by_number[10][0][1]


def test_m_learning_curves_are_predicted(stored: Run) -> None:
    content = yaml.safe_load((STUDIES / "learning_curves.yaml").read_text())["dataset"]
    check_learning_curves(
        stored("learning_curves", dataset=[item for item in content if item["train"] <= 300]).root
    )


@pytest.mark.slow
def test_m_learning_curves_at_full_size(stored: Run) -> None:
    check_learning_curves(stored("learning_curves").root)


@pytest.fixture(scope="module")
def zero(stored: Run) -> Stored:
    return stored("zero_output", solver="eigh")


FORMS = [("frozen copy", 1), ("pair", 2), ("scaled pair", 1)]


@pytest.mark.parametrize(("form", "factor"), FORMS)
def test_oracle_27_c8_kernels_of_three_ways_to_start_at_zero(
    zero: Stored, form: str, factor: int
) -> None:
    kernel = zero["three_points"].ntk_train
    limit = kernel.sel(width=np.inf, kernel="analytic")
    np.testing.assert_allclose(
        limit.sel(architecture=form), factor * limit.sel(architecture="network"), rtol=1e-14
    )
    # One network of 500 units is within some 4/√500 of its limit.
    own = kernel.sel(width=500, kernel="empirical", architecture=form)
    np.testing.assert_allclose(own, factor * limit.sel(architecture="network"), rtol=0.2)


@pytest.mark.parametrize("form", [form for form, _ in FORMS])
def test_c8_the_output_is_zero_at_every_point(zero: Stored, form: str) -> None:
    start = zero["three_points"].sel(time=0, width=500, architecture=form)
    assert not start.prediction_test.sel(kernel="empirical").any()
    assert not start.prediction_train.sel(kernel="empirical").any()


def test_c8_a_pair_trains_twice_as_fast(zero: Stored) -> None:
    loss = zero.root.loss_train.sel(width=np.inf, kernel="analytic")
    pair, copy = loss.sel(architecture="pair"), loss.sel(architecture="frozen copy")
    for time in (1, 5, 10, 50):
        np.testing.assert_allclose(pair.sel(time=time), copy.sel(time=2 * time), rtol=1e-10)
    np.testing.assert_allclose(loss.sel(architecture="scaled pair"), copy, rtol=1e-10)


def test_c8_trained_networks_do_so_too(stored: Run) -> None:
    trained = {"name": "network_gradient_descent", "label": "trained"}
    loss = stored("zero_output", solver=trained, width=[500], kernel="empirical").root.loss_train
    pair, copy = loss.sel(architecture="pair"), loss.sel(architecture="frozen copy")
    assert (pair.isel(time=slice(1, None)) < copy.isel(time=slice(1, None))).all()
    np.testing.assert_allclose(pair.sel(time=1), copy.sel(time=2), rtol=0.2)
