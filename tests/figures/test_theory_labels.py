"""Bounds and measures that know the labels, from the store of figure 2."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from stored_studies import Run, Stored

pytestmark = pytest.mark.figures

LABELS = ["true labels", "random labels"]


@pytest.fixture(scope="module")
def figure2(stored: Run) -> Stored:
    return stored("figure2")


@pytest.fixture(scope="module")
def resolved(figure2: Stored) -> xr.Dataset:
    """Times at which the loss is not yet rounding; NaN elsewhere."""
    root = figure2.root
    there = np.isfinite(root.time) & (root.loss_train > 1e-12)
    curves = [name for name, values in root.items() if values.dims == root.loss_train.dims]
    assert there.sum() > 100
    return root[curves].where(there)


def never(condition: xr.DataArray) -> bool:
    """Whether a condition is true nowhere; comparisons with NaN are false."""
    return not bool(condition.any())


def test_s6_c6_loss_lies_between_the_bounds_of_its_slowest_labels(resolved: xr.Dataset) -> None:
    rounding = 1 + 1e-9
    assert never(resolved.loss_bound_label_lower > resolved.loss_train * rounding)
    assert never(resolved.loss_train > resolved.loss_bound_label_upper * rounding)


def test_s6_they_tell_labels_apart_where_the_spectrum_does_not(figure2: Stored) -> None:
    """The bounds by extreme eigenvalues are the same for true and random labels."""
    root = figure2.root.sel(architecture="first layer")
    true, random = (root.sel(dataset=label) for label in LABELS)
    np.testing.assert_allclose(true.loss_upper_bound, random.loss_upper_bound, rtol=1e-12)
    middle = {"time": 1.0}
    bound = "loss_bound_label_lower"
    assert true[bound].sel(middle, method="nearest") < random[bound].sel(middle, method="nearest")
    assert float(true.loss_train.sel(middle, method="nearest")) < float(
        random[bound].sel(middle, method="nearest") * 300
    )


def test_c6_the_smallest_term_is_no_upper_bound(figure2: Stored) -> None:
    """½ min e^{−2λt} c² lies below the loss: it is true as a lower bound and says nothing."""
    for label in LABELS:
        group = figure2[label.replace(" ", "_")]
        for time in (0.0, 1.0, 10.0):
            terms = np.exp(-2 * group.eigenvalue * time) * group.label_projection**2
            loss = figure2.root.loss_train.sel(dataset=label).sel(time=time, method="nearest")
            assert (0.5 * terms.min("mode") < loss).all()


def test_c10_du_contraction_is_the_slower_bound(resolved: xr.Dataset) -> None:
    """exp(−λ_min t/2) L₀ against exp(−2 λ_min t) L₀: a factor 4 in the rate."""
    assert never(resolved.loss_train > resolved.loss_bound_du * (1 + 1e-9))
    start = resolved.loss_train.isel(time=0)
    late = resolved.sel(time=slice(1, 100))
    ratio = np.log(late.loss_upper_bound / start) / np.log(late.loss_bound_du / start)
    assert ratio.notnull().sum() > 20
    np.testing.assert_allclose(ratio.values[ratio.notnull()], 4.0, rtol=1e-9)


def test_c11_residual_formula_is_the_loss_of_the_linearised_network(resolved: xr.Dataset) -> None:
    # A loss of 1e-12 beside targets of size 1 is known to 1e-10 of itself.
    np.testing.assert_allclose(resolved.loss_theory, resolved.loss_train, rtol=1e-7)


def test_s5_measured_rate_lies_between_those_of_the_extreme_modes(figure2: Stored) -> None:
    """2 λ_min ≤ −L′/L ≤ 2 λ_max, falling; and it is the slope of the stored loss."""
    root = figure2.root
    assert never(root.loss_rate < root.loss_rate_min * (1 - 1e-9))
    assert never(root.loss_rate > root.loss_rate_max * (1 + 1e-9))
    for label in LABELS:
        own = root.sel(dataset=label, architecture="both layers")
        early = own.isel(time=slice(1, 40))
        # A difference over one step of a fine logarithmic grid lies between the rates at its ends.
        slope = -np.diff(np.log(early.loss_train)) / np.diff(early.time)
        assert (slope <= early.loss_rate[:-1] * (1 + 1e-9)).all()
        assert (slope >= early.loss_rate[1:].values * (1 - 1e-9)).all()


def test_f2_energy_is_the_cumulative_share(figure2: Stored) -> None:
    for group in figure2.groups.values():
        squares = group.label_projection**2
        expected = squares.cumsum("mode") / squares.sum("mode")
        np.testing.assert_allclose(group.label_energy, expected, rtol=1e-12)
        np.testing.assert_allclose(group.label_energy[..., -1], 1, rtol=1e-14)


def test_complexity_of_random_labels_is_larger(figure2: Stored) -> None:
    """√(2 yᵀ H⁻¹ y/n): below the trivial bound 1 for true labels, far above it for random ones."""
    complexity = figure2.root.label_complexity.sel(architecture="first layer")
    assert complexity.sel(dataset="true labels") < 1
    assert complexity.sel(dataset="random labels") > 3
    alignment = figure2.root.kernel_alignment
    assert (alignment.sel(dataset="true labels") > 5 * alignment.sel(dataset="random labels")).all()
    for label in LABELS:
        group = figure2[label.replace(" ", "_")].sel(architecture="first layer")
        form = (group.label_projection**2 / group.eigenvalue).sum()
        np.testing.assert_allclose(
            complexity.sel(dataset=label) ** 2, 2 * form / group.sizes["mode"], rtol=1e-10
        )


def test_c10_c11_demanded_widths_are_out_of_reach(figure2: Stored) -> None:
    """n⁶/(λ⁴ δ³), n = 300; Arora et al. ask for more, with n⁷ and an initial deviation κ²."""
    root = figure2.root.sel(architecture="first layer", dataset="true labels")
    expected = 300.0**6 / root.eigenvalue_min**4 / 0.05**3
    np.testing.assert_allclose(root.width_demanded_du, expected, rtol=1e-12)
    kappa = 0.1 * 0.05 / np.sqrt(300)
    ratio = 300 * 0.05**3 / (kappa**2 * 0.05**4 * 0.1**2)
    demanded = root.width_demanded_arora / root.width_demanded_du
    np.testing.assert_allclose(demanded, ratio, rtol=1e-12)
    assert root.width_demanded_du > 1e20


def test_c29_both_symbols_are_the_smallest_eigenvalue(figure2: Stored) -> None:
    """λ_I of the bound on the loss and λ₀ of Du et al.: one number, the last of the spectrum."""
    times = figure2.root.time
    early = times[(times > 0) & (times < 1)]
    for label in LABELS:
        root = figure2.root.sel(dataset=label, time=early)
        start = figure2.root.loss_train.sel(dataset=label, time=0)
        # e^{−2 λ_I t}, and e^{−λ₀ t/2}, the limit of small steps of (1 − η λ₀/2) a step.
        of_bound = -np.log(root.loss_upper_bound / start) / (2 * early)
        of_du = -np.log(root.loss_bound_du / start) * 2 / early
        smallest = figure2[label.replace(" ", "_")].eigenvalue.isel(mode=-1)
        for found in (of_bound, of_du):
            late = found.sel(time=early[-1])
            # The logarithm of a number close to 1 is known to ε over the logarithm.
            np.testing.assert_allclose(late, smallest, rtol=1e-9)
        np.testing.assert_allclose(root.eigenvalue_min, smallest, rtol=0)


@pytest.fixture(scope="module")
def proofs(stored: Run) -> xr.Dataset:
    return stored("convergence_proofs", width=[500], seed={"count": 2}).root


def test_c10_every_step_contracts_by_more_than_is_proven(proofs: xr.Dataset) -> None:
    """(1 − η λ_min/2) a step, at a width ten orders of magnitude below the one demanded."""
    assert (proofs.width_demanded_du > 1e10 * 500).all()
    rate = 1 / proofs.eigenvalue_max  # about what `auto` takes, of the network's own kernel
    steps = proofs.reached_time.diff("time") / rate
    loss = proofs.loss_train
    moved = loss / loss.shift(time=1)
    allowed = (1 - 0.5 * rate * proofs.eigenvalue_min) ** steps
    assert never((moved > allowed) & (loss > 1e-20))
    assert moved.notnull().sum() > 50
    assert never(loss > proofs.loss_bound_du)


def test_du_motion_of_units_is_far_below_its_bound(stored: Run, proofs: xr.Dataset) -> None:
    """4 √n ‖r₀‖ max‖x‖/(√m λ_min), and the largest motion of what leads into a hidden unit."""
    group = stored("convergence_proofs", width=[500], seed={"count": 2})["digits"]
    x = group.x_train.values.reshape(group.sizes["train_point"], -1)
    size = np.linalg.norm(x, axis=1).max()
    root = np.sqrt(len(x) * 2 * proofs.loss_train.isel(time=0) / 500)
    expected = 4 * size * root / proofs.eigenvalue_min
    np.testing.assert_allclose(proofs.parameter_motion_bound_du, expected, rtol=1e-10)
    motion = proofs.parameter_motion_unit.isel(time=-1)
    assert (motion < 0.1 * proofs.parameter_motion_bound_du).all()
    # A unit has 64 weights: it moves further than the one of them that moves furthest.
    assert (motion > 1.5 * proofs.parameter_motion_max.isel(time=-1)).all()


def test_c11_the_residual_formula_holds_approximately(proofs: xr.Dataset) -> None:
    """At width 500 the loss of the real network is that of its limit to a factor early on."""
    early = proofs.isel(time=slice(0, 4))
    ratio = early.loss_train / early.loss_theory
    assert ((ratio > 0.2) & (ratio < 5)).all()
    np.testing.assert_allclose(ratio.isel(time=0), 1, rtol=1e-12)
