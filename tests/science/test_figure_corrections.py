"""Claims of the tutorial that its figures do not show, put right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from ntksim import load_study, run
from ntksim.types import Model, SeedTree

from kernel_problems import POINTS, TARGETS, ShallowNetwork, shallow_relu_kernels
from ntksim_builtin.architectures import ShallowRelu
from small_networks import gradient_jacobian
from stored_studies import Stored


def stored(folder: Path, **content: Any) -> Stored:
    study = {"study": "claim", "time": [0], "solver": "eigh"} | content
    path = folder / "claim.zarr"
    assert run(load_study(study), store=path).is_complete
    return Stored(path)


@pytest.fixture(scope="module")
def jacobian() -> np.ndarray:
    """J of a shallow network of 50 units, one row a training point."""
    model = Model(ShallowNetwork(), 50, SeedTree(0))
    return gradient_jacobian(model.network, model.params, POINTS)[:, 0]


def test_c1_the_kernel_is_a_matrix_of_points_if_rows_of_j_are_points(jacobian: np.ndarray) -> None:
    """J is I × P and K = J Jᵀ; with the other layout, J Jᵀ is P × P."""
    points, parameters = jacobian.shape
    assert (points, parameters) == (3, 4 * 50 - 50 + 1)
    model = Model(ShallowNetwork(), 50, SeedTree(0))
    kernel = model.network.tangent_kernel(model.params, POINTS)
    np.testing.assert_allclose(jacobian @ jacobian.T, kernel, rtol=1e-12)


def test_c14_the_pseudo_inverse_of_a_wide_matrix(jacobian: np.ndarray) -> None:
    """J⁺ = Jᵀ (J Jᵀ)⁻¹ for full row rank. The printed A (Aᵀ A)⁻¹ for A = Jᵀ is (Aᵀ)⁺, not A⁺."""
    tall = jacobian.T
    printed = tall @ np.linalg.inv(tall.T @ tall)
    np.testing.assert_allclose(printed, np.linalg.pinv(tall.T), rtol=0, atol=1e-10)
    assert np.linalg.pinv(tall).shape != printed.shape


def test_c15_training_a_wide_network_is_an_underdetermined_problem(jacobian: np.ndarray) -> None:
    """Fewer equations than unknowns: any null vector of J can be added to a solution."""
    solution = np.linalg.lstsq(jacobian, TARGETS[:, 0])[0]
    null = np.linalg.svd(jacobian)[2][3]  # beyond the three rows
    for share in (0.0, 1.0, -7.0):
        np.testing.assert_allclose(
            jacobian @ (solution + share * null), TARGETS[:, 0], rtol=0, atol=1e-12
        )
    # The one that training finds is the shortest.
    assert np.linalg.norm(solution) < np.linalg.norm(solution + null)


@pytest.mark.parametrize(("bias", "added"), [("outside", 1.0), ("inside", 1.0 / 200)])
def test_c2_an_output_bias_adds_to_the_kernel(bias: Any, added: float) -> None:
    """1 outside of the factor 1/√D and 1/D inside, for one network and its very weights."""
    network = ShallowRelu(output_bias=bias).network((1,), 1)
    weights = network.initialise(200, np.random.default_rng(0))
    without = ShallowRelu(output_bias="none").network((1,), 1)
    x = POINTS[:, :1]
    difference = network.tangent_kernel(weights, x) - without.tangent_kernel(weights, x)
    np.testing.assert_allclose(difference, added, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("bias", "added"), [("none", 0.0), ("outside", 1.0)])
def test_c2_the_closed_form_is_the_mean_over_networks(
    tmp_path: Path, bias: str, added: float
) -> None:
    found = stored(
        tmp_path,
        dataset={"name": "three_points", "label": "three_points"},
        architecture={"name": "shallow_relu", "output_bias": bias},
        width=200,
        kernel={"name": "monte_carlo", "samples": 200, "label": "mean"},
        record=["ntk_train", "ntk_train_standard_error"],
    )["three_points"]
    _, expected = shallow_relu_kernels(POINTS, POINTS, bias=added)
    scores = (found.ntk_train - expected) / found.ntk_train_standard_error
    assert np.abs(scores).max() < 4
    # Sharp enough: a missing bias would be fifty standard errors.
    assert found.ntk_train_standard_error.max() < 0.02


def test_c23_outputs_share_one_kernel_at_infinite_width_only(tmp_path: Path) -> None:
    """K ⊗ I: one N × N problem for all outputs. At width D, pairs of outputs have ‖x‖²/√(2D)."""
    common: dict[str, Any] = {
        "dataset": {"name": "linear_teacher", "dimension": 4, "outputs": 3, "train": 12, "test": 0},
        "architecture": {"name": "shallow_relu", "append_one": False, "output_bias": "none"},
    }
    (tmp_path / "finite").mkdir()
    finite = stored(
        tmp_path / "finite",
        **common,
        width=300,
        seed={"count": 40},
        kernel={"name": "empirical", "outputs": "full"},
        record=["ntk_full_train", "spectrum"],
    )
    (group,) = finite.groups.values()
    assert group.sizes["mode"] == 12 * 3
    pair: xr.DataArray = group.ntk_full_train.isel(output=0, output_other=1)
    diagonal = pair.values.diagonal(axis1=-2, axis2=-1)  # (seed, point)
    squares = (group.x_train.values**2).sum(axis=1)
    measured = np.sqrt((diagonal**2).mean(axis=0)) / squares
    # A root mean square of 40 values with heavy tails, averaged over twelve directions.
    np.testing.assert_allclose(measured.mean(), 1 / np.sqrt(2 * 300), rtol=0.2)
    limit = stored(tmp_path, **common, width=float("inf"), kernel="analytic", record=["spectrum"])
    (group,) = limit.groups.values()
    assert group.sizes["mode"] == 12
    assert group.label_projection.sizes["output"] == 3


def test_c12_another_factor_of_the_loss_is_another_time() -> None:
    """Descent on Σ r² is twice as fast as on ½ Σ r², and on (1/2I) Σ r² I times as slow."""
    network = ShallowRelu().network((1,), 1)
    x = np.array([[0.2], [0.4], [0.8]])
    kernel = network.kernels(x).ntk
    assert kernel is not None
    residual, rate, steps = TARGETS[:, 0], 1e-4, 1000
    paths = {}
    for factor in (1.0, 2.0, 1 / 3):
        moved = np.linalg.matrix_power(np.eye(3) - rate * factor * kernel, int(steps / factor))
        paths[factor] = moved @ residual
    # The same gradient-flow time, up to the size of the steps.
    np.testing.assert_allclose(paths[2.0], paths[1.0], rtol=0, atol=1e-4)
    np.testing.assert_allclose(paths[1 / 3], paths[1.0], rtol=0, atol=1e-4)
