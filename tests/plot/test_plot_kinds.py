"""What each kind of picture shows of a store: values, scales, bands, labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb
from ntksim import plot
from ntksim.plot import PlotError
from ntksim.plot.legend import gather_legends, step_label

from drawn_axes import (
    bands,
    curves,
    dashed,
    labelled,
    legend_texts,
    off_scale,
    places_of,
    values_of,
    x_ticks,
)

Read = Callable[..., xr.Dataset]


@pytest.fixture
def line(read: Read) -> xr.Dataset:
    """A width, the limit, three seeds, two kernels."""
    return read("line")


@pytest.fixture
def one(line: xr.Dataset) -> xr.Dataset:
    """One width and kernel of it, three seeds."""
    return line.sel(width=[32.0], kernel=["empirical"])


def over_seeds(array: xr.DataArray) -> np.ndarray:
    return array.squeeze(drop=True).mean("seed").values


def geometric(array: xr.DataArray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.exp(np.log(array.squeeze(drop=True).transpose("seed", ...).values).mean(axis=0))


# ---------------------------------------------------------------- loss


def test_loss_draws_the_geometric_mean_over_seeds_with_a_band(one):
    ax = plot.loss(one)
    assert ax.get_yscale() == "log"
    assert ax.get_xlabel() == "t (gradient-flow time)"
    assert ax.get_ylabel() == "loss ½ Σ (f − y)²"
    # The same mean of three logarithms of at most 70.
    expected = geometric(one["loss_train"])
    np.testing.assert_allclose(curves(ax)["training loss"], expected, rtol=1e-10)
    assert bands(ax)
    assert "±1 s.d., 3 seeds" in legend_texts(ax)


def test_bounds_of_the_loss_are_dashed_and_lie_around_it(one):
    one = one.isel(seed=[0])
    ax = plot.loss(one)
    lower, upper = (values_of(x) for x in ax.lines if str(x.get_label()) == "bounds")
    measured = curves(ax)["training loss"]
    assert len(dashed(ax)) == 2
    assert np.array_equal(lower, one["loss_lower_bound"].values.ravel())
    assert np.array_equal(upper, one["loss_upper_bound"].values.ravel())
    # At infinite time the loss is rounding squared, and its bound 0.
    assert (lower[:-1] <= measured[:-1] * (1 + 1e-9)).all()
    assert (measured[:-1] <= upper[:-1] * (1 + 1e-9)).all()


def test_zero_and_infinity_are_drawn_and_labelled(one):
    ax = plot.loss(one.isel(seed=[0]))
    ticks = x_ticks(ax)
    (drawn,) = (x for x in ax.lines if x.get_label() == "training loss")
    places = np.asarray(drawn.get_xdata())
    assert ticks["0"] in places
    assert ticks["∞"] in places
    assert len(values_of(drawn)) == one.sizes["time"]
    assert off_scale(ax)  # the loss at infinite time is below the axis, and pointed to


def test_each_member_of_the_grid_has_a_line_and_each_part_a_style(read):
    data = read("line").drop_vars(["loss_lower_bound", "loss_upper_bound"])
    ax = plot.loss(data)
    names = ["width 32, analytic", "width 32, empirical", "width ∞, analytic"]
    assert list(curves(ax)) == names
    assert len({x.get_color() for x in labelled(ax)}) == 3
    assert np.array_equal(
        curves(ax)["width ∞, analytic"],
        data["loss_train"].sel(width=np.inf, kernel="analytic").isel(seed=0).values.ravel(),
    )


def test_train_and_test_are_solid_and_dotted(read):
    ax = plot.loss(read("labels", "true"))
    styles = {x.get_label(): x.get_linestyle() for x in labelled(ax)}
    assert styles["training loss"] == "-"
    assert styles["test loss"] == ":"


def test_a_loss_can_be_a_mean(one):
    ax = plot.loss(one.drop_vars(["loss_train", "loss_test"], errors="ignore"))
    assert ax.get_ylabel() == "mean squared error"


# ---------------------------------------------------------------- accuracy


def test_accuracy_is_a_percentage_of_the_stored_fraction(read):
    data = read("labels", "true")
    ax = plot.accuracy(data)
    for label, name in (("training", "accuracy_train"), ("test", "accuracy_test")):
        assert np.array_equal(curves(ax)[label], data[name].values.ravel())
    x_ticks(ax)  # draws
    assert all(text.get_text().endswith("%") for text in ax.get_yticklabels())
    assert ax.get_yscale() == "linear"


# ---------------------------------------------------------------- functions of one input


def test_function_fit_draws_the_stored_outputs_from_light_to_dark(one):
    ax = plot.function_fit(one)
    drawn = [x for x in labelled(ax) if str(x.get_label()).startswith("t = ")]
    assert [x.get_label() for x in drawn][::5] == ["t = 0", "t = ∞"]
    for x, time in zip(drawn, one["time"].values, strict=True):
        stored = over_seeds(one["prediction_test"].sel(time=time))
        np.testing.assert_allclose(values_of(x), stored, rtol=1e-12)
        assert np.array_equal(x.get_xdata(), one["x_test"].values.ravel())
    lightness = [np.dot(to_rgb(x.get_color()), [0.2, 0.7, 0.1]) for x in drawn]
    assert (np.diff(lightness) < 0).all()


def test_function_fit_has_training_points_and_the_band_of_the_last_time(one):
    ax = plot.function_fit(one)
    (points,) = (x for x in ax.lines if x.get_label() == "training points")
    assert np.array_equal(points.get_xdata(), one["x_train"].values.ravel())
    assert np.array_equal(points.get_ydata(), one["y_train"].values.ravel())
    (band,) = bands(ax)
    stored = one["prediction_test"].isel(time=-1).squeeze(drop=True)
    upper = (stored.mean("seed") + stored.std("seed", ddof=1)).values.max()
    assert band[:, 1].max() == pytest.approx(upper, rel=1e-12)
    assert "±1 s.d., 3 seeds, t = ∞" in legend_texts(ax)


def test_function_fit_takes_evenly_spaced_times_the_ends_among_them(one):
    ax = plot.function_fit(one, times=3)
    times = [name for name in curves(ax) if name.startswith("t =")]
    assert len(times) == 3
    assert times[0] == "t = 0"
    assert times[-1] == "t = ∞"


def test_a_function_of_several_members_is_refused_with_what_varies(line):
    with pytest.raises(
        PlotError, match=r"here are 3; .*along width, kernel.*--select kernel=analytic"
    ):
        plot.function_fit(line)
    assert plt.get_fignums() == []


def test_gaussian_process_draws_the_stored_standard_deviation(read):
    data = read("process")
    ax = plot.gaussian_process(data, times=2)
    mean = data["prediction_test"].squeeze(drop=True)
    deviation = np.sqrt(data["prediction_variance_test"].squeeze(drop=True))
    assert np.array_equal(curves(ax)["mean, t = 0"], mean.isel(time=0).values)
    assert np.array_equal(curves(ax)["mean, t = ∞"], mean.isel(time=-1).values)
    first, last = bands(ax)
    for band, at in ((first, 0), (last, -1)):
        expected = (mean + deviation).isel(time=at).max()
        assert band[:, 1].max() == pytest.approx(float(expected), rel=1e-12)
    assert np.ptp(last[:, 1]) < np.ptp(first[:, 1])  # the data leave less uncertainty
    assert "predicted ±1 s.d." in legend_texts(ax)


def test_gaussian_process_has_a_panel_for_each_of_six_times(trees):
    figure = plot.figure(trees("process"), "gaussian_process")
    titles = [ax.get_title() for ax in figure.axes]
    assert len(titles) == 6
    assert titles[0] == "t = 0"
    assert titles[-1] == "t = ∞"
    assert len({ax.get_ylim() for ax in figure.axes}) == 1


def test_predictors_are_told_apart_by_the_plugins_not_by_their_labels(read):
    data = read("predictors").sel(width=[32.0])
    ax = plot.predictors(data)
    names = ["full network, linearised parameters", "linearised network"]
    names += ["infinite-width kernel", "trained network"]
    assert list(curves(ax))[:4] == [f"{name}, t = 10" for name in names]
    eigh = data.sel(solver="eigh")
    stored = {
        names[0]: eigh["prediction_full_test"].sel(kernel="empirical"),
        names[1]: eigh["prediction_test"].sel(kernel="empirical"),
        names[2]: eigh["prediction_test"].sel(kernel="analytic"),
        names[3]: data["prediction_test"].sel(solver="trained").isel(kernel=0),
    }
    for name, values in stored.items():
        last = values.isel(time=-1).values.ravel()
        assert np.array_equal(curves(ax)[f"{name}, t = 10"], last)


def test_predictors_stand_side_by_side_a_row_for_each_width(trees):
    figure = plot.figure(trees("predictors"))
    titles = [ax.get_title().replace("\n", " ") for ax in figure.axes]
    assert titles[0].startswith("width 16 full network")
    assert titles[4] == "width 16 last time"
    assert titles[8] == "width 32 trained network"
    assert len(titles) == 10


def test_initial_velocity_is_the_sum_of_its_parts(read):
    data = read("velocity")
    ax = plot.initial_velocity(data)
    found = curves(ax)
    parts = [found[name] for name in ("x = 0.2", "x = 0.4", "x = 0.8")]
    assert np.array_equal(found["all training points"], over_seeds(data["initial_velocity_test"]))
    # Sums of three terms of order one.
    np.testing.assert_allclose(sum(parts), found["all training points"], atol=1e-12)
    assert ax.get_ylabel().endswith("(1 / gradient-flow time)")
    assert bands(ax)


# ---------------------------------------------------------------- dynamics


def test_dynamics_draws_outputs_with_dashed_targets(one):
    ax = plot.dynamics(one)
    stored = one["prediction_train"].squeeze(drop=True).mean("seed")
    for i, name in enumerate(("x = 0.2", "x = 0.4", "x = 0.8")):
        np.testing.assert_allclose(curves(ax)[name], stored.isel(train_point=i), rtol=1e-10)
    targets = {float(values_of(x)[0]) for x in dashed(ax)}
    assert targets == set(one["y_train"].values.ravel())
    assert len(bands(ax)) >= 3


def test_residuals_are_outputs_minus_targets_whichever_was_recorded(one):
    recorded = curves(plot.dynamics(one, quantity="residual"))
    derived = curves(plot.dynamics(one.drop_vars("residual_train"), quantity="residual"))
    assert list(recorded) == list(derived)
    for name, values in recorded.items():
        # A difference of numbers of order one, averaged before or after.
        np.testing.assert_allclose(derived[name], values, atol=1e-12)


def test_many_points_become_median_quartiles_and_range(one):
    ax = plot.dynamics(one.isel(train_point=[0, 1, 2] * 3), quantity="residual")
    values = one["residual_train"].squeeze(drop=True)
    median = np.median(values.values.reshape(3, 6, 3).swapaxes(0, 1).reshape(6, 9), axis=1)
    np.testing.assert_allclose(curves(ax)["median of 9 points"], median, atol=1e-15)
    assert len(bands(ax)) >= 2
    assert "range and quartiles" in legend_texts(ax)


def test_dynamics_shows_function_outputs_residuals_and_loss(trees):
    select = {"width": 32, "kernel": "empirical"}
    figure = plot.figure(trees("line"), "dynamics", select)
    assert [ax.get_title() for ax in figure.axes] == ["function", "outputs", "residuals", "loss"]


# ---------------------------------------------------------------- spectra


def test_spectrum_draws_descending_eigenvalues_on_a_logarithmic_axis(one):
    ax = plot.spectrum(one)
    (values,) = curves(ax).values()
    np.testing.assert_allclose(values, geometric(one["eigenvalue"]), rtol=1e-12)
    assert (np.diff(values) < 0).all()
    assert ax.get_yscale() == "log"
    assert bands(ax)


def test_theory_of_a_spectrum_is_dashed_over_it(one):
    one = one.isel(seed=[0])
    ax = plot.spectrum(one.assign(exact_eigenvalue_theory=one["eigenvalue"] * 2))
    (theory,) = dashed(ax)
    assert np.array_equal(values_of(theory), 2 * one["eigenvalue"].values.ravel())
    assert theory.get_zorder() > labelled(ax)[0].get_zorder()
    assert "theory" in legend_texts(ax)


def test_label_projection_accumulates_the_energy_of_true_and_random_labels(read):
    both = {name: read("labels", name) for name in ("true", "random")}
    joined = xr.concat(
        [data[["label_projection", "y_train"]] for data in both.values()], "dataset"
    ).assign_coords(dataset=list(both))
    ax = plot.label_projection(joined)
    assert list(curves(ax)) == list(both)
    for name, data in both.items():
        energy = np.square(data["label_projection"].values.ravel())
        np.testing.assert_allclose(curves(ax)[name], np.cumsum(energy) / energy.sum(), rtol=1e-12)
        assert curves(ax)[name][-1] == pytest.approx(1, rel=1e-12)
    flat = values_of(dashed(ax)[0])
    np.testing.assert_allclose(flat, np.arange(1, 31) / 30, rtol=1e-12)
    # SCIENCE F2: cumulative energy of true labels is above that of random ones.
    assert (curves(ax)["true"][2:-1] > curves(ax)["random"][2:-1]).all()


def test_magnitudes_of_projections(read):
    data = read("labels", "true")
    ax = plot.label_projection(data, quantity="magnitude")
    expected = np.abs(data["label_projection"].values.ravel())
    np.testing.assert_allclose(curves(ax)["labels"], expected, rtol=1e-12)
    # Without structure each mode has ‖y‖/√n, which is 1 for labels ±1.
    np.testing.assert_allclose(values_of(dashed(ax)[0]), 1.0, rtol=1e-12)


def test_outputs_of_a_full_kernel_are_projected_together():
    """With a mode for each point and output, parts of an eigenvector are summed, then squared."""
    generator = np.random.default_rng(5)
    parts = generator.normal(size=(6, 2))
    data = xr.Dataset(
        {"label_projection": (("mode", "output"), parts)}
        | {"y_train": (("train_point", "output"), np.ones((3, 2)))},
        {"mode": range(6), "output": [0, 1], "train_point": range(3)},
    )
    energy = np.square(parts.sum(axis=1))
    found = curves(plot.label_projection(data))["labels"]
    np.testing.assert_allclose(found, np.cumsum(energy) / energy.sum(), rtol=1e-12)


# ---------------------------------------------------------------- widths and parameters


def test_width_scaling_draws_means_and_the_fitted_law(read):
    data = read("laws")
    ax = plot.width_scaling(data, variable="ntk_distance_train")
    assert ax.get_xscale() == ax.get_yscale() == "log"
    stored = data["ntk_distance_train"].squeeze(drop=True)
    points = labelled(ax)[0]
    np.testing.assert_allclose(values_of(points), geometric(stored), rtol=1e-12)
    assert np.array_equal(points.get_xdata(), [16, 64, 256])
    exponent, error = (
        float(data[f"ntk_distance_train_width_exponent{suffix}"].squeeze())
        for suffix in ("", "_standard_error")
    )
    text = f"slope {exponent:.2f} ± {error:.2f}".replace("-", "−")
    assert legend_texts(ax) == [text, "slope −½ in theory"]
    (fitted,) = (x for x in ax.lines if x.get_linestyle() == "-" and x.get_marker() == "None")
    slopes = np.diff(np.log(values_of(fitted))) / np.log(4)
    np.testing.assert_allclose(slopes, exponent, rtol=1e-10)
    (theory,) = dashed(ax)
    np.testing.assert_allclose(np.diff(np.log(values_of(theory))) / np.log(4), -0.5, rtol=1e-10)


def test_without_a_stored_exponent_the_same_fit_is_made(read):
    data = read("laws")
    names = [str(name) for name in data.data_vars if "exponent" in str(name)]
    stored = legend_texts(plot.width_scaling(data, variable="ntk_distance_train"))
    fitted = legend_texts(plot.width_scaling(data.drop_vars(names), variable="ntk_distance_train"))
    assert stored == fitted


def test_what_is_stored_is_what_is_drawn(read):
    data = read("laws")
    name = "ntk_distance_train_width_exponent"
    changed = data.assign({name: data[name] * 0 - 2, f"{name}_standard_error": data[name] * 0 + 1})
    ax = plot.width_scaling(changed, variable="ntk_distance_train")
    assert legend_texts(ax)[0] == "slope −2.00 ± 1.00"


def test_width_scaling_of_layers_has_a_line_for_each(read):
    data = read("laws")
    ax = plot.width_scaling(data, variable="parameter_motion_rms_layer")
    names = ["dense_0.weight", "readout.weight", "readout.bias", "slope −½ in theory"]
    assert [text.split(":")[0] for text in legend_texts(ax)] == names
    assert ax.get_ylabel().replace("\n", " ").endswith("at t\u00a0=\u00a0100")


def test_width_scaling_of_outputs_is_their_spread_over_seeds(read):
    data = read("line").sel(kernel=["empirical"], width=32.0)
    outputs = data["prediction_test"]
    # Networks whose outputs spread as the inverse root of the width.
    widths = np.array([32.0, 128.0, 512.0])
    spread = [outputs.mean("seed") + (outputs - outputs.mean("seed")) / np.sqrt(w) for w in widths]
    both = data[["time"]].assign(prediction_test=xr.concat(spread, "width"))
    ax = plot.width_scaling(both.assign_coords(width=widths), variable="prediction_test")
    last = outputs.isel(time=-1).squeeze(drop=True).values
    expected = np.sqrt(last.var(axis=0, ddof=1).mean()) / np.sqrt(widths)
    np.testing.assert_allclose(values_of(labelled(ax)[0]), expected, rtol=1e-10)
    assert "slope −0.50" in legend_texts(ax)[0]


def test_a_spread_that_is_rounding_is_no_spread(read):
    """Kernels that have no seed give the same outputs but for rounding."""
    outputs = read("line")["prediction_test"].sel(kernel=["empirical"], width=32.0)
    widths = np.array([32.0, 128.0, 512.0])
    same = outputs.isel(seed=[0, 0, 0]) * (1 + 1e-16 * xr.DataArray([0, 1, 2], dims="seed"))
    both = xr.concat([same.drop_vars("width")] * 3, "width", coords="minimal", compat="override")
    both = both.assign_coords(width=widths).to_dataset(name="prediction_test")
    with pytest.raises(PlotError, match="there is no value"):
        plot.width_scaling(both, variable="prediction_test")


def test_one_width_has_no_law(one, line):
    with pytest.raises(PlotError, match="recorded at one width only"):
        plot.width_scaling(one.isel(width=0), variable="prediction_test")
    with pytest.raises(PlotError, match="at 3 finite widths or more"):
        plot.width_scaling(line.sel(kernel=["empirical"]), variable="prediction_test")


def test_parameters_are_named_as_the_study_selects_them(read):
    data = read("motion")
    ax = plot.parameters(data)
    stored = data["parameter_value"].squeeze(drop=True).mean("seed")
    for i, name in enumerate(("dense_0.weight[0,0]", "readout.bias[0]")):
        np.testing.assert_allclose(curves(ax)[name], stored.isel(parameter=i), atol=1e-15)


def test_theory_of_a_motion_is_dashed_over_it(read):
    data = read("motion").isel(seed=[0])
    ax = plot.parameters(data, variable="parameter_motion")
    (theory,) = dashed(ax)
    assert np.array_equal(values_of(theory), data["parameter_motion_theory"].values.ravel())
    assert np.array_equal(curves(ax)["all parameters"], data["parameter_motion"].values.ravel())


def test_a_second_solver_is_dotted_in_the_colours_of_the_first(read):
    data = read("motion").isel(seed=[0])
    moved = data.assign(parameter_value=data["parameter_value"] + 0.1)
    moved = moved.assign_coords(solver=["trained"])
    both = cast(
        "xr.Dataset",
        xr.concat(  # its stubs know trees of data only
            [data, moved],
            "solver",
            data_vars="minimal",
            coords="minimal",
            compat="override",
            join="outer",
        ),
    )
    ax = plot.parameters(both)
    name = "dense_0.weight[0,0]"
    (first,) = (x for x in ax.lines if x.get_label() == name)
    (second,) = (
        x
        for x in ax.lines
        if x.get_color() == first.get_color() and x is not first and len(values_of(x)) == 4
    )
    np.testing.assert_allclose(values_of(second), values_of(first) + 0.1, rtol=1e-12)
    assert second.get_linestyle() == "--"  # what matplotlib calls every pattern of its own
    assert second.is_dashed()
    assert not first.is_dashed()
    assert legend_texts(ax)[-2:] == ["eigh", "trained"]


# ---------------------------------------------------------------- depth, draws, rates, ensembles


def test_conditioning_draws_networks_that_differ_in_depth_only(read):
    data = read("depths")
    ax = plot.conditioning(data)
    stored = data["condition_number"].squeeze(drop=True)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    relu, chaotic = curves(ax)["relu"], curves(ax)["erf chaotic"]
    assert np.array_equal(relu, stored.values[:3])
    assert np.array_equal(chaotic, stored.values[3:])
    (line,) = (x for x in ax.lines if x.get_label() == "relu")
    assert np.array_equal(line.get_xdata(), [1, 8, 64])
    # With 6 points: 1, (n + 3)/3 and (n + 2)/2 (Xiao et al. 2020).
    np.testing.assert_allclose([values_of(x)[0] for x in dashed(ax)], [1, 3, 4], rtol=1e-12)


def test_conditioning_draws_the_kernel_between_points_and_what_carries_over(read):
    data = read("depths")
    kernel = data["ntk_train"].squeeze(drop=True).values
    mean = (kernel.sum(axis=(1, 2)) - np.trace(kernel, axis1=1, axis2=2)) / 30
    ratio = mean / (np.trace(kernel, axis1=1, axis2=2) / 6)
    ax = plot.conditioning(data, quantity="off_diagonal")
    np.testing.assert_allclose(curves(ax)["relu"], ratio[:3], rtol=1e-12)
    assert {values_of(x)[0] for x in dashed(ax)} == {0, 1 / 4, 1 / 3, 1}
    outputs = data["prediction_test"].isel(time=-1).squeeze(drop=True)
    ax = plot.conditioning(data, quantity="test_output")
    size = np.sqrt((outputs.values**2).mean(axis=1))
    np.testing.assert_allclose(curves(ax)["erf chaotic"], size[3:], rtol=1e-12)


def test_a_condition_number_beyond_double_precision_is_pointed_to(read):
    data = read("depths")
    broken = data["condition_number"].where(data["architecture"] != "relu 64", np.inf)
    ax = plot.conditioning(data.assign(condition_number=broken))
    (mark,) = off_scale(ax)
    assert places_of(mark) == 64
    assert values_of(mark) == ax.get_ylim()[1]


def test_a_learning_curve_is_the_mean_over_draws_with_theory_dashed(trees):
    data = plot.read_together(trees("curves"))
    ax = plot.learning_curve(data)
    errors = data["mean_squared_error_test"].isel(time=-1).squeeze(drop=True).values
    means = errors.reshape(3, 2).mean(axis=1)
    np.testing.assert_allclose(curves(ax)["measured, mean over draws"], means, rtol=1e-12)
    theory = data["learning_curve_theory"].squeeze(drop=True).values.reshape(3, 2).mean(axis=1)
    np.testing.assert_allclose(values_of(dashed(ax)[0]), theory, rtol=1e-12)
    assert np.array_equal(dashed(ax)[0].get_xdata(), [5, 10, 20])
    bars = np.concatenate([p.vertices for c in ax.collections for p in c.get_paths()])
    # The standard error of two draws is half of their difference.
    half = np.abs(np.diff(errors.reshape(3, 2), axis=1)).ravel() / 2
    np.testing.assert_allclose(np.ptp(bars[:, 1].reshape(3, 2), axis=1) / 2, half, rtol=1e-10)


def test_a_learning_curve_needs_data_of_several_sizes(read):
    with pytest.raises(PlotError, match=r"and here is 1; of a store with several .*read_together"):
        plot.learning_curve(plot.together({"5 points 0": read("curves", "5 points 0")}))


def test_exact_spectra_are_dashed_over_what_was_computed(read):
    ax = plot.exact_spectrum(read("exact", "circle").sel(architecture=["both"]))
    data = read("exact", "circle").sel(architecture="both")
    expected = data["circle_eigenvalue_theory"].squeeze(drop=True).values
    assert (expected == 0).sum() == 2  # eight points: the antipodal trap
    (theory,) = dashed(ax)
    assert np.array_equal(values_of(theory), expected[expected > 0])
    computed = data["eigenvalue"].squeeze(drop=True).values[expected > 0]
    assert np.array_equal(curves(ax)["computed"], computed)
    (zeros,) = off_scale(ax)
    assert np.array_equal(places_of(zeros), [7, 8])
    assert "0 in theory" in legend_texts(ax)


def test_exact_spectra_on_spheres_are_over_the_degree(trees):
    figure = plot.figure(trees("exact"))
    circle, sphere = figure.axes
    assert sphere.get_xlabel() == "degree of the harmonics"
    assert circle.get_title().startswith("circle\nlargest relative error ")
    data = plot.read_dataset(trees("exact"), "sphere").sel(architecture="both")
    drawn = curves(sphere)["both"]
    expected = data["harmonic_eigenvalue_theory"].squeeze(drop=True).dropna("degree").values
    # Closed forms and quadrature agree to many digits.
    np.testing.assert_allclose(drawn, expected[expected > 0], rtol=1e-9)


def test_stability_draws_every_seed_and_the_catapult_window(read):
    data = read("rates")
    ax = plot.stability(data)
    stored = data["stability"].squeeze(drop=True)
    colours = {x.get_label(): x.get_color() for x in labelled(ax)}
    assert list(colours) == ["rate 0.05", "rate 0.3"]
    for solver, colour in colours.items():
        drawn = [x for x in ax.lines if x.get_color() == colour and len(values_of(x))]
        assert len(drawn) == data.sizes["seed"]
        for line, seed in zip(drawn, data["seed"].values, strict=True):
            values = stored.sel(solver=solver, seed=seed).dropna("time").values
            assert np.array_equal(values_of(line), values)
    assert {values_of(x)[0] for x in dashed(ax)} == {1.0, 2.0}
    assert plot.stability(data, quantity="loss_train").get_yscale() == "log"


def test_an_ensemble_is_drawn_beside_its_process(read):
    data = read("many")
    ax = plot.ensemble(data)
    own = data["prediction_test"].sel(kernel="empirical").squeeze(drop=True)
    spread = own.std("seed", ddof=1).sel(time=1).values
    (drawn,) = (c for c in ax.containers if c.get_label() == "t = 1")
    np.testing.assert_allclose(drawn[0].get_ydata(), spread, rtol=1e-12)
    variance = data["prediction_variance_test"].sel(kernel="analytic").isel(seed=0)
    expected = np.sqrt(variance.squeeze(drop=True).sel(time=1).values)
    assert any(np.allclose(values_of(x), expected, rtol=1e-12) for x in dashed(ax))
    ratio = plot.ensemble(data, quantity="ratio")
    (drawn,) = (c for c in ratio.containers if c.get_label() == "t = 1")
    np.testing.assert_allclose(drawn[0].get_ydata(), spread / expected, rtol=1e-12)
    # s over 24 normal draws has the standard error s/√(2·23).
    ends = np.array([segment[:, 1] for segment in drawn[2][0].get_segments()])
    np.testing.assert_allclose(
        np.ptp(ends, axis=1) / 2, spread / expected / np.sqrt(46), rtol=1e-10
    )


def test_few_seeds_are_no_ensemble(read):
    with pytest.raises(PlotError, match="needs 20 seeds or more, and there are 5"):
        plot.ensemble(read("many").isel(seed=slice(5)))


def test_samples_are_thin_lines_within_the_band(read):
    data = read("process")
    mean = data["prediction_test"]
    drawn = xr.DataArray([-0.1, 0.1, 0.2], dims="sample")
    data = data.assign(prediction_sample_test=mean + drawn)
    ax = plot.gaussian_process(data, times=1)
    thin = [values_of(x) for x in ax.lines if x.get_linewidth() < 1]
    last = mean.isel(time=-1).values.ravel()
    np.testing.assert_allclose(thin, [last - 0.1, last + 0.1, last + 0.2], rtol=1e-12)
    assert "samples" in legend_texts(ax)
    assert "samples" not in legend_texts(plot.gaussian_process(read("process"), times=1))


# ---------------------------------------------------------------- times of discrete solvers


def test_what_a_discrete_solver_does_is_drawn_when_it_does_it(read):
    data = read("rates").sel(solver=["rate 0.3"])
    reached = data["reached_time"].squeeze(drop=True).isel(seed=0).values
    assert not np.array_equal(reached, data["time"].values)
    for ax in (plot.loss(data), plot.stability(data)):
        lines = [x for x in ax.lines if len(values_of(x)) == data.sizes["time"]]
        assert lines
        for line in lines:
            assert np.array_equal(places_of(line)[1:], reached[1:])


def test_curves_of_steps_say_at_which_step_they_are(read):
    """With steps of 0.3, time 0.1 is step 0 once more, and 0.5 is at 0.6."""
    ax = plot.function_fit(read("stepped"))
    assert [x.get_label() for x in labelled(ax)][:3] == [
        "t = 0",
        "t = 0.5 (step at 0.6)",
        "t = 1 (step at 0.9)",
    ]


def test_one_legend_entry_for_all_steps_of_a_time():
    figure, axes = plt.subplots(1, 3)
    for ax, reached in zip(axes, (0.5, 0.6, 0.45), strict=True):
        ax.plot([0, 1], label=step_label(0.5, reached))
        ax.legend()
    gather_legends(figure, list(axes))
    assert legend_texts(figure) == ["t = 0.5 (steps at 0.6, 0.45)"]


# ---------------------------------------------------------------- matrices and fields


def mesh(ax) -> QuadMesh:
    (found,) = (c for c in ax.collections if isinstance(c, QuadMesh))
    return found


def entries(ax) -> np.ndarray:
    return np.asarray(mesh(ax).get_array(), dtype=np.float64)


def test_a_kernel_is_drawn_entry_by_entry_the_first_row_on_top(one):
    ax = plot.kernel(one)
    stored = one["ntk_train"].squeeze(drop=True).mean("seed").values
    np.testing.assert_allclose(entries(ax), stored, rtol=1e-12)
    low, high = ax.get_ylim()
    assert low > high
    assert mesh(ax).get_rasterized()
    (bar,) = (other for other in ax.figure.axes if other is not ax)
    assert "mean of 3 seeds" in bar.get_ylabel().replace("\n", " ")


def test_a_kernel_field_has_its_zero_contour_and_its_anchor(read):
    data = read("field")
    ax = plot.kernel_field(data, anchor=1)
    stored = data["kernel_field"].squeeze(drop=True).isel(anchor=1)
    assert np.array_equal(entries(ax), stored.values)
    # White is 0: half of the map belongs to each sign.
    assert mesh(ax).norm(np.zeros(1)) == 0.5
    place = data["kernel_field_anchor"].squeeze(drop=True).values[1]
    (anchor,) = (x for x in ax.lines if x.get_label() == "anchor x")
    assert [places_of(anchor)[0], values_of(anchor)[0]] == place.tolist()
    assert "kernel is 0" in legend_texts(ax)
    assert ax.get_aspect() == 1


def test_a_profile_goes_around_the_circle(trees, read):
    data = read("field")
    figure = plot.figure(trees("field"))
    (ax,) = (a for a in figure.axes if a.get_title() == "around the circle")
    stored = data["kernel_profile"].squeeze(drop=True)
    drawn = list(curves(ax).values())
    assert np.array_equal(drawn, stored.values)
    assert "−90°" in x_ticks(ax)


def test_an_anchor_that_is_not_there_is_refused(read):
    with pytest.raises(PlotError, match="no anchor 2; there are 2"):
        plot.kernel_field(read("field"), anchor=2)


# ---------------------------------------------------------------- all of them


FUNCTIONS = {
    "loss": (plot.loss, "one"),
    "function_fit": (plot.function_fit, "one"),
    "dynamics": (plot.dynamics, "one"),
    "spectrum": (plot.spectrum, "one"),
    "label_projection": (plot.label_projection, "one"),
    "kernel": (plot.kernel, "one"),
    "predictors": (plot.predictors, "one"),
    "accuracy": (plot.accuracy, "labels"),
    "gaussian_process": (plot.gaussian_process, "process"),
    "initial_velocity": (plot.initial_velocity, "velocity"),
    "width_scaling": (plot.width_scaling, "laws"),
    "parameters": (plot.parameters, "motion"),
    "kernel_field": (plot.kernel_field, "field"),
    "conditioning": (plot.conditioning, "depths"),
    "learning_curve": (plot.learning_curve, "curves"),
    "exact_spectrum": (plot.exact_spectrum, "exact"),
    "stability": (plot.stability, "rates"),
    "ensemble": (plot.ensemble, "many"),
    "loss_bounds": (plot.loss, "one"),
}
FIRST = {"labels": "true", "exact": "circle"}
"""Datasets of stores that have several."""


def test_every_kind_is_among_the_functions():
    assert {kind.name for kind in plot.KINDS} == set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_draws_in_the_axes_it_is_given_and_returns_them(name, read, one, trees):
    function, store = FUNCTIONS[name]
    if store == "curves":
        data = plot.read_together(trees(store))
    else:
        data = one if store == "one" else read(store, FIRST.get(store))
    figure, (left, right) = plt.subplots(1, 2)
    assert function(data, ax=right) is right
    assert not left.has_data()
    assert right.has_data()
    assert right.get_xlabel()
    assert right.get_ylabel()
    assert plt.get_fignums() == [figure.number]
    texts = legend_texts(right)
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_needs_and_leaves_no_empty_figure(name):
    function, _ = FUNCTIONS[name]
    points = ("train_point", "feature")
    nothing = xr.Dataset({"x_train": (points, [[0.0], [1.0]]), "width": ("width", [8.0])})
    with pytest.raises(PlotError):
        function(nothing)
    assert plt.get_fignums() == []


def test_a_learning_curve_of_other_data_says_that_theory_is_of_the_sphere(trees):
    assert plot.choose(trees("curves"), "learning_curve").notes == ()
    tree = trees("curves").copy()
    study = tree.attrs["study_resolved"].replace("builtin:sphere", "builtin:circle")
    tree.attrs["study_resolved"] = study
    (note,) = plot.choose(tree, "learning_curve").notes
    assert "is of uniform points on a sphere, the dataset 'sphere'; of 5 points 0, " in note
    assert note.endswith("the dashed line says nothing")


def losses_over_time(end: float, test: list[float]) -> xr.Dataset:
    """Return a training loss that falls from 1 to ``end`` in five steps, and a test loss."""
    time = ("time", np.arange(5.0))
    data = xr.Dataset(
        {
            "loss_train": ("time", np.geomspace(1.0, end, 5)),
            "loss_test": ("time", np.array(test)),
            "reached_time": time,
        },
        {"time": time},
    )
    return data.expand_dims(solver=["eigh"])


@pytest.mark.parametrize(
    ("end", "test", "titles"),
    [
        # Of ten decades a test loss that halves would take 3 %.
        (1e-10, [1.0, 0.6, 0.5, 0.5, 0.5], ["training loss", "test loss"]),
        # Both fall, the one by ten decades and the other by five.
        (1e-10, [1.0, 1e-2, 1e-3, 1e-4, 1e-5], [""]),
        # An axis of one decade is linear and shows both.
        (0.1, [1.0, 0.9, 0.9, 0.9, 0.9], [""]),
        # What is the same is drawn once.
        (1e-10, list(np.geomspace(1.0, 1e-10, 5)), [""]),
        # What is not there needs no room.
        (1e-10, [np.nan] * 5, [""]),
    ],
)
def test_losses_that_would_flatten_each_other_have_an_axis_each(
    end: float, test: list[float], titles: list[str]
) -> None:
    kind = next(kind for kind in plot.KINDS if kind.name == "loss")
    panels = kind.split(losses_over_time(end, test))
    assert [panel.title for panel in panels] == titles
    for panel in panels:
        figure, ax = plt.subplots()
        panel.draw(panel.data, ax=ax)
        low, high = ax.get_ylim()
        # Each side shows its own range: the test loss to 0, the training loss over its decades.
        if panel.title == "test loss":
            assert low == 0 < high < 1.2
            assert ax.get_yscale() == "linear"
        elif panel.title == "training loss":
            assert low < 1e-9
            assert len(ax.lines) == 1
        plt.close(figure)
