"""What each kind of picture shows of a store: values, scales, bands, labels."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb
from ntksim import plot
from ntksim.plot import PlotError

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
    (points,) = labelled(ax)
    np.testing.assert_allclose(values_of(points), geometric(stored), rtol=1e-12)
    assert np.array_equal(points.get_xdata(), [16, 64, 256])
    law = plot.fit_power_law(
        stored["width"].broadcast_like(stored).values.ravel(), stored.values.ravel()
    )
    text = f"exponent {law.exponent:.3f} ± {law.standard_error:.3f}".replace("-", "−")
    assert legend_texts(ax) == [text]
    (fitted,) = dashed(ax)
    np.testing.assert_allclose(values_of(fitted), law(np.array([16.0, 64, 256])), rtol=1e-12)


def test_width_scaling_of_layers_has_a_line_for_each(read):
    data = read("laws")
    ax = plot.width_scaling(data, variable="parameter_motion_rms_layer")
    assert [text.split(":")[0] for text in legend_texts(ax)] == ["layer 0", "layer 1", "layer 2"]
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
    assert "exponent −0.500" in legend_texts(ax)[0]


def test_one_width_has_no_law(one, line):
    with pytest.raises(PlotError, match="recorded at one width only"):
        plot.width_scaling(one.isel(width=0), variable="prediction_test")
    with pytest.raises(PlotError, match="at 3 finite widths or more"):
        plot.width_scaling(line.sel(kernel=["empirical"]), variable="prediction_test")


def test_parameters_are_named_as_the_study_selects_them(read):
    data = read("motion")
    ax = plot.parameters(data)
    stored = data["parameter_value"].squeeze(drop=True).mean("seed")
    for i, name in enumerate(("0.weight[0,0]", "1.bias[0]")):
        np.testing.assert_allclose(curves(ax)[name], stored.isel(parameter=i), atol=1e-15)


def test_theory_of_a_motion_is_dashed_over_it(read):
    data = read("motion").isel(seed=[0])
    ax = plot.parameters(data, variable="parameter_motion")
    (theory,) = dashed(ax)
    assert np.array_equal(values_of(theory), data["parameter_motion_theory"].values.ravel())
    assert np.array_equal(curves(ax)["all parameters"], data["parameter_motion"].values.ravel())


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
}


def test_every_kind_is_among_the_functions():
    assert {kind.name for kind in plot.KINDS} == set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_draws_in_the_axes_it_is_given_and_returns_them(name, read, one):
    function, store = FUNCTIONS[name]
    label = "true" if store == "labels" else None
    data = one if store == "one" else read(store, label)
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
