"""Figure 3, from its store: the loss falls while the parameters barely move, except for one."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from stored_studies import Run, Stored

HIDDEN, READOUT, BIAS = 0, 1, 2
"""Layers of the shallow network, in the order of its parameters' names."""


@pytest.fixture(scope="module")
def figure3(stored: Run) -> Stored:
    """At the published width; of the training itself, its first part."""
    solver = ["eigh", {"name": "network_gradient_descent", "label": "trained", "max_steps": 400}]
    return stored("figure3", width=[10_000], solver=solver)


@pytest.fixture(scope="module")
def linear(figure3: Stored) -> xr.Dataset:
    return figure3.root.sel(solver="eigh")


def test_f3_number_of_parameters(stored: Run) -> None:
    """15,000 weights and biases before the hidden layer, 15,000 weights and one bias after."""
    counted = stored("figure3", width=[15_000], solver="eigh", time=[0, 500]).root
    assert counted.parameter_count == 45_001


@pytest.mark.parametrize(("width", "published"), [(10_000, -0.308), (15_000, 0.065)])
def test_c16_the_output_bias_moves(stored: Run, width: int, published: float) -> None:
    """The published flat line is that of an output weight: the bias itself moves this far."""
    end = stored("figure3", width=[width], solver="eigh", time=[0, 500]).root.sel(time=500)
    np.testing.assert_allclose(end.parameter_value[3], published, rtol=0, atol=5e-4)
    others = end.parameter_motion_max_layer
    assert others[BIAS] > 2 * others[[HIDDEN, READOUT]].max() or width == 15_000
    # Any weight moves by thousandths of its size, N(0, 1): this one bias is the exception.
    assert end.parameter_motion_rms_layer[[HIDDEN, READOUT]].max() < 0.01


def test_f3_a_loss_falls(linear: xr.Dataset) -> None:
    assert (linear.loss_train.diff("time") < 0).all()
    assert linear.loss_train[-1] < 1e-10 * linear.loss_train[0]


def test_f3_b_selected_weights_barely_move(linear: xr.Dataset) -> None:
    moved = np.abs(linear.parameter_value - linear.parameter_value[0]).max("time")
    assert moved[:3].max() < 0.02
    assert moved[3] > 0.2


def test_s9_motion_is_that_of_the_spectrum(linear: xr.Dataset) -> None:
    """‖Δθ‖² = Σ λ g² c²: products with Jᵀ against the spectrum alone."""
    np.testing.assert_allclose(
        linear.parameter_motion, linear.parameter_motion_theory, rtol=1e-10, atol=1e-14
    )
    squares = (linear.parameter_motion_layer**2).sum("layer")
    np.testing.assert_allclose(squares, linear.parameter_motion**2, rtol=1e-12, atol=1e-28)


def test_f3_training_itself_moves_parameters_alike(figure3: Stored) -> None:
    """At width 10,000 the motion of the trained network is that of its linearisation to 5 %."""
    motion = figure3.root.parameter_motion
    trained = motion.sel(solver="trained")
    assert trained.notnull().sum() > 20
    late = trained.notnull() & (motion.time > 1)
    np.testing.assert_allclose(trained[late], motion.sel(solver="eigh")[late], rtol=0.05)
    assert (trained != motion.sel(solver="eigh"))[late].all()


def test_oracle_17_gradient_flow_conserves_the_balance_of_layers(stored: Run) -> None:
    """‖W₀‖² − ‖w₁‖² is conserved: its drift is O(η) and halves with the learning rate."""
    drifts = []
    for rate in (0.04, 0.02):
        solver = {"name": "network_gradient_descent", "learning_rate": rate}
        root = stored("figure3", width=[100], solver=solver, time=[0, 4]).root
        norms = root.parameter_norm_layer**2
        balance = norms.isel(layer=HIDDEN) - norms.isel(layer=READOUT)
        drifts.append(float(balance[-1] - balance[0]))
        # Norms themselves change: the balance of zero change would be no law.
        assert np.abs(norms[-1] - norms[0])[HIDDEN] > 20 * abs(drifts[-1])
    assert 2.0 <= drifts[0] / drifts[1] <= 2.25


@pytest.mark.slow
def test_f3_at_full_size(stored: Run) -> None:
    late = stored("figure3").root.sel(time=500)
    np.testing.assert_allclose(
        late.parameter_motion.sel(solver="trained"),
        late.parameter_motion.sel(solver="eigh"),
        rtol=0.05,
    )
