"""Figure 6 and the initial velocity, from their stores."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar

from stored_studies import Run, Stored

ANCHORS = [(0, 1), (1, 1), (3, 1)]
LINE = [-4, -1, 0, 1, 3, 4]
"""Points on the line x₂ = 1 where the kernel is published."""

PUBLISHED = [
    [1.214599, 0.909155, 1, 0.909155, 1.079881, 1.214599],
    [-0.188163, 0.31831, 0.909155, 2, 3.727975, 4.61736],
    [-0.870266, -0.068213, 1.079881, 3.727975, 10, 12.841471],
]


@pytest.fixture(scope="module")
def figure6(stored: Run) -> Stored:
    return stored("figure6")


@pytest.fixture(scope="module")
def field(figure6: Stored) -> xr.DataArray:
    """The field without an output bias, with features as coordinates."""
    root = figure6.root.sel(architecture="no bias")
    return root.kernel_field.assign_coords(
        field_x=root.kernel_field_x.values, field_y=root.kernel_field_y.values
    )


def profile(figure6: Stored) -> xr.DataArray:
    root = figure6.root.sel(architecture="no bias")
    return root.kernel_profile.assign_coords(angle=root.kernel_profile_angle.values)


def test_f6_anchors(figure6: Stored) -> None:
    anchors = figure6.root.kernel_field_anchor.sel(architecture="no bias")
    np.testing.assert_array_equal(anchors, ANCHORS)


def test_f6_published_values_along_the_line_of_one_dimensional_inputs(field: xr.DataArray) -> None:
    line = field.sel(field_y=1, method="nearest").sel(field_x=LINE, method="nearest")
    np.testing.assert_allclose(line, PUBLISHED, rtol=0, atol=5.1e-7)  # the digits printed


def test_f6_an_output_bias_adds_one_and_hides_the_sign(figure6: Stored) -> None:
    """C21: with the notebook's + 1 the heat map is positive along the line, and without not."""
    both = figure6.root.kernel_field
    np.testing.assert_allclose(
        both.sel(architecture="output bias") - both.sel(architecture="no bias"), 1, rtol=1e-12
    )
    row = both.isel(field_y=50)
    np.testing.assert_allclose(figure6.root.kernel_field_y.isel(field_y=50), 1, rtol=1e-14)
    assert (row.sel(architecture="output bias") > 0).all()
    assert (row.sel(architecture="no bias") < 0).any()


def test_oracle_01_the_kernel_of_a_point_with_itself_is_its_square(
    figure6: Stored, field: xr.DataArray
) -> None:
    for anchor, (x, y) in enumerate(ANCHORS):
        own = field.isel(anchor=anchor).sel(field_x=x, field_y=y, method="nearest")
        np.testing.assert_allclose(own, x * x + y * y, rtol=1e-12)
    kernel = figure6["anchors"].ntk_train.sel(architecture="no bias")
    np.testing.assert_allclose(np.sort(np.diagonal(kernel)), [1, 2, 10], rtol=1e-14)


def test_oracle_02_the_kernel_is_homogeneous(field: xr.DataArray) -> None:
    """k(2x, z) = 2 k(x, z)."""
    inner = field.sel(field_x=slice(-2.01, 2.01), field_y=slice(-2.01, 2.01))
    outer = field.sel(
        field_x=2 * inner.field_x.values, field_y=2 * inner.field_y.values, method="nearest"
    )
    np.testing.assert_allclose(outer, 2 * inner.values, rtol=0, atol=1e-13)


def test_f6_kernel_depends_on_the_angle_alone_around_a_circle(figure6: Stored) -> None:
    """‖x‖ ‖z‖ k(θ) with k(θ) = (2 (π − θ) cos θ + sin θ)/2π, the same on both sides."""
    around = profile(figure6)
    angle = np.abs(np.radians(around.angle))
    expected = (2 * (np.pi - angle) * np.cos(angle) + np.sin(angle)) / (2 * np.pi)
    for anchor, square in enumerate((1, 2, 10)):
        # Rounding of the turned point, relative to the square of its norm.
        np.testing.assert_allclose(
            around.isel(anchor=anchor), square * expected, rtol=0, atol=1e-14 * square
        )
    np.testing.assert_allclose(around, around[:, ::-1].values, rtol=0, atol=1e-13)


def test_c20_the_kernel_falls_as_the_angle_grows(figure6: Stored) -> None:
    """Published the other way round: it falls up to its minimum."""
    around = profile(figure6).isel(anchor=0)
    assert (around.sel(angle=slice(0, 142)).diff("angle") < 0).all()


def test_c21_it_is_not_monotone(figure6: Stored) -> None:
    """Zero at 113.218°, minimum −0.0683949 at 142.5703°, and back to zero at 180°."""
    around = profile(figure6).isel(anchor=0).sel(angle=slice(0, 180))
    curve = CubicSpline(around.angle, around)  # error below 1e-8 at half a degree
    (zero,) = curve.solve(0, extrapolate=False)[:1]
    np.testing.assert_allclose(zero, 113.218, rtol=0, atol=5e-4)
    lowest = minimize_scalar(curve, bounds=(130, 160), method="bounded", options={"xatol": 1e-8})
    np.testing.assert_allclose(lowest.x, 142.5703, rtol=0, atol=2e-4)
    np.testing.assert_allclose(lowest.fun, -0.0683949, rtol=0, atol=5.1e-8)
    np.testing.assert_allclose(around[-1], 0, rtol=0, atol=1e-15)
    assert (around.sel(angle=slice(143, 180)).diff("angle") > 0).all()


@pytest.fixture(scope="module")
def velocity(stored: Run) -> xr.Dataset:
    return stored("initial_velocity")["three_points"]


def test_s13_velocity_is_the_sum_of_its_contributions(velocity: xr.Dataset) -> None:
    total = velocity.initial_velocity_contribution.sum("train_point", skipna=False)
    np.testing.assert_allclose(velocity.initial_velocity_test, total, rtol=1e-12)


@pytest.mark.parametrize("part", ["train", "test"])
def test_s13_velocity_is_the_slope_of_the_stored_outputs(velocity: xr.Dataset, part: str) -> None:
    outputs, slope = velocity[f"prediction_{part}"], velocity[f"initial_velocity_{part}"]
    step = float(outputs.time[1])
    measured = (outputs.isel(time=1) - outputs.isel(time=0)) / step
    # Off by step/2 · λ₁ · velocity = 1e-5 and rounding of the outputs over the step, 1e-10.
    np.testing.assert_allclose(measured, slope, rtol=0, atol=5e-5)
    assert np.abs(slope).max() > 0.5


def test_c19_a_residual_pulls_as_its_entry_of_the_kernel_says(velocity: xr.Dataset) -> None:
    """At infinite width f₀ = 0, and the part of point i is k(x, xᵢ) yᵢ, with + 1 for the bias.

    At the training points x = 0.2, 0.4, 0.8 the kernel is known to eight decimals.
    """
    limit = velocity.sel(width=np.inf, kernel="analytic")
    at_points = limit.initial_velocity_contribution[[20, 40, 80]]
    kernel = np.array(
        [
            [2.04, 2.04888213, 2.07923821],
            [2.04888213, 2.16, 2.26003372],
            [2.07923821, 2.26003372, 2.64],
        ]
    )
    np.testing.assert_allclose(at_points, kernel * [-0.05, -0.2, 0.3], rtol=0, atol=2e-9)
