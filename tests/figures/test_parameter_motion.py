"""Motion of parameters against width, from the store: laws over independent initialisations."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from stored_studies import Run

HIDDEN, READOUT, BIAS = "dense_0.weight", "readout.weight", "readout.bias"


@pytest.fixture(scope="module")
def motion(stored: Run) -> xr.Dataset:
    reduced = stored(
        "parameter_motion",
        width=[100, 400, 1600, 6400],
        seed={"count": 10},
        record=["parameters", "full_predictions"],
    )
    return reduced.root.sel(time=np.inf)


def exponent(root: xr.Dataset, name: str, **at: str) -> tuple[float, float]:
    """The stored exponent in the width of a variable, and its standard error."""
    own = root.sel(architecture="bias outside")
    fitted = own[f"{name}_width_exponent"].sel(at)
    return float(fitted), float(own[f"{name}_width_exponent_standard_error"].sel(at))


def check_motion(root: xr.Dataset) -> None:
    """Within three standard errors, as stored."""
    for layer in (HIDDEN, READOUT):
        fitted, error = exponent(root, "parameter_motion_rms_layer", layer=layer)
        assert 0 < error < 0.15
        assert abs(fitted + 0.5) < 3 * error
    for name, at in (("parameter_motion", {}), ("parameter_motion_layer", {"layer": BIAS})):
        fitted, error = exponent(root, name, **at)
        assert 0 < error < 0.15
        assert abs(fitted) < 3 * error


def test_f3_motion_of_a_weight_falls_as_the_root_of_the_width(motion: xr.Dataset) -> None:
    weights = motion.parameter_motion_rms_layer.sel(architecture="bias outside")
    check_motion(motion)
    # The size too: rms·√width is about 0.83 to 0.92 for hidden parameters, a median of few seeds.
    scaled = weights.sel(layer=HIDDEN) * np.sqrt(weights.width)
    np.testing.assert_allclose(scaled.median(("seed", "width")), 0.9, rtol=0.25)


def test_c16_the_largest_motion_falls_more_slowly(motion: xr.Dataset) -> None:
    """max |Δθ| ~ √(log width / width): times √width it grows, from about 6 at 100 units."""
    largest = motion.parameter_motion_max_layer.sel(architecture="bias outside")
    scaled = (largest.sel(layer=HIDDEN) * np.sqrt(largest.width)).median("seed")
    assert scaled.sel(width=6400) > 1.3 * scaled.sel(width=100)
    assert 4 < scaled.sel(width=100) < 9
    fitted, error = exponent(motion, "parameter_motion_max_layer", layer=HIDDEN)
    assert -0.5 - 3 * error < fitted < -0.25 + 3 * error
    # What leads into a hidden unit are its weight and its bias: they move as one weight does.
    of_units, _ = exponent(motion, "parameter_motion_unit_layer", layer=HIDDEN)
    assert abs(of_units - fitted) < 3 * error


def test_c16_an_output_bias_outside_the_factor_moves_at_every_width(motion: xr.Dataset) -> None:
    """Its median motion is 0.18 to 0.28 from 100 to 25,600 units; inside it falls as the others."""
    bias = motion.parameter_motion_max_layer.sel(layer=BIAS).median("seed")
    outside, inside = (bias.sel(architecture=f"bias {where}") for where in ("outside", "inside"))
    # The median of ten scatters by a third.
    assert ((outside > 0.05) & (outside < 0.6)).all()
    assert (inside * np.sqrt(inside.width) < 1.5).all()
    assert inside.sel(width=6400) < outside.sel(width=6400) / 3


def test_f4_c17_linearised_parameters_miss_by_the_root_of_the_width(motion: xr.Dataset) -> None:
    """The full network at linearised parameters misses the points by about 3.5/√width."""
    misfit = motion.prediction_full_misfit_train.sel(architecture="bias outside")
    fitted, error = exponent(motion, "prediction_full_misfit_train")
    # The order 1/√width is a bound, which the slow modes of these points keep networks close to.
    assert 0 < error < 0.15
    assert abs(fitted + 0.45) < 3 * error
    scaled = (misfit * np.sqrt(misfit.width)).median(("seed", "width"))
    np.testing.assert_allclose(scaled, 3.5, rtol=0.4)  # ten networks of each width


@pytest.mark.slow
def test_laws_at_full_size(stored: Run) -> None:
    wide = stored("parameter_motion").root.sel(time=np.inf, architecture="bias outside")
    bias = wide.parameter_motion_max_layer.sel(layer=BIAS).median("seed")
    assert ((bias > 0.1) & (bias < 0.4)).all()  # 0.18 to 0.28, of sixteen seeds
    root = stored("parameter_motion").root.sel(time=np.inf)
    check_motion(root)
    fitted, error = exponent(root, "prediction_full_misfit_train")
    assert abs(fitted + 0.45) < 3 * error
