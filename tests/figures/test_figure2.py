"""Figure 2, from its store: why random labels train more slowly than true ones."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from stored_studies import Run, Stored

ARCHITECTURES = ["first layer", "both layers"]


@pytest.fixture(scope="module")
def figure2(stored: Run) -> Stored:
    return stored("figure2")


def energy(group: xr.Dataset) -> xr.DataArray:
    """Cumulative share of the labels' energy in the leading eigenvectors."""
    squares = group.label_projection**2
    return squares.cumsum("mode") / (group.y_train**2).sum()


def test_oracle_15_projections_hold_all_of_the_labels(figure2: Stored) -> None:
    for group in figure2.groups.values():
        total = (group.label_projection**2).sum("mode")
        np.testing.assert_allclose(total, (group.y_train**2).sum(), rtol=1e-12)


def test_f2_the_kernel_does_not_know_the_labels(figure2: Stored) -> None:
    true, random = figure2["true_labels"], figure2["random_labels"]
    np.testing.assert_array_equal(true.x_train, random.x_train)
    np.testing.assert_array_equal(true.eigenvalue, random.eigenvalue)
    assert 0.3 < (true.y_train == random.y_train).mean() < 0.7


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_f2_c_true_labels_lie_in_the_leading_eigenvectors(
    figure2: Stored, architecture: str
) -> None:
    true, random = (energy(g).sel(architecture=architecture) for g in figure2.groups.values())
    assert figure2.groups.keys() == {"true_labels", "random_labels"}
    if float(true[2]) < float(random[2]):
        true, random = random, true
    assert (true[:-1] > random[:-1]).all()
    leading = true.sizes["mode"] // 100
    assert true[leading - 1] > 0.9
    assert random[leading - 1] < 0.05


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_c9_projections_of_random_labels_are_flat(figure2: Stored, architecture: str) -> None:
    """E (vᵀy)² = ‖y‖²/n for every eigenvector: the spectrum of the kernel is not what is flat."""
    group = figure2["random_labels"].sel(architecture=architecture)
    squares = group.label_projection**2
    n = squares.sizes["mode"]
    tenths = squares.values.reshape(10, n // 10).mean(axis=1)
    # Squares of nearly Gaussian numbers of variance 1: a mean of 30 has the deviation √(2/30).
    assert np.abs(tenths - 1).max() < 4 * np.sqrt(2 / (n // 10))
    assert group.eigenvalue[0] > 1e3 * group.eigenvalue[-1]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_f2_a_random_labels_train_more_slowly(figure2: Stored, architecture: str) -> None:
    loss = figure2.root.loss_train.sel(architecture=architecture)
    true, random = loss.sel(dataset="true labels"), loss.sel(dataset="random labels")
    np.testing.assert_allclose([true[0], random[0]], 150, rtol=1e-13)  # ½ Σ (±1)²
    between = (loss.time > 0) & (random > 1e-6)
    assert (true < random)[between].all()
    assert between.sum() > 40


def test_f2_loss_is_the_sum_over_modes(figure2: Stored) -> None:
    """L = ½ Σ e^{−2λt} c², from the stored spectrum and projections."""
    for label, name in (("true labels", "true_labels"), ("random labels", "random_labels")):
        group = figure2[name]
        times = figure2.root.time[figure2.root.time < 10]
        decay = np.exp(-2 * group.eigenvalue * times)
        expected = 0.5 * (decay * group.label_projection**2).sum("mode")
        found = figure2.root.loss_train.sel(dataset=label, time=times)
        np.testing.assert_allclose(found, expected.transpose(*found.dims), rtol=1e-10)


def test_f2_descent_is_like_flow(stored: Run) -> None:
    """Descent at η = 1/λ₁ is at t = ηk what flow is, but for the fastest modes."""
    solvers = ["eigh", "gradient_descent"]
    loss = stored("figure2", solver=solvers).root.loss_train.sel(time=slice(10, 1e3))
    np.testing.assert_allclose(
        loss.sel(solver="gradient_descent"), loss.sel(solver="eigh"), rtol=0.2, atol=1e-6
    )
