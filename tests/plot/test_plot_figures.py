"""Whole pictures: which kind is chosen, how it is laid out, what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from ntksim import plot
from ntksim.plot import Kind, PlotError
from ntksim.registry import Registry

from drawn_axes import legend_texts, overlapping_texts, texts_outside

Trees = Callable[[str], xr.DataTree]

CHOSEN = {
    "field": "kernel_field",
    "velocity": "initial_velocity",
    "laws": "width_scaling",
    "motion": "parameters",
    "process": "gaussian_process",
    "predictors": "predictors",
    "labels": "label_projection",
    "depths": "conditioning",
    "curves": "learning_curve",
    "exact": "exact_spectrum",
    "rates": "stability",
    "many": "ensemble",
    "line": "dynamics",
}
"""Which kind is drawn of a store if none is asked for."""

POSSIBLE = {
    "line": {"dynamics", "function_fit", "loss", "spectrum", "label_projection", "kernel"}
    | {"predictors", "loss_bounds"},
    "labels": {"loss", "accuracy", "spectrum", "label_projection"},
    "process": {"gaussian_process", "function_fit", "dynamics", "predictors"},
    "laws": {"width_scaling", "parameters"},
    "motion": {"parameters", "loss"},
    "field": {"kernel_field"},
    "velocity": {"initial_velocity"},
    "curves": {"learning_curve", "loss"},
    "exact": {"exact_spectrum", "spectrum", "label_projection"},
    "rates": {"stability", "loss"},
}

PICTURES = [
    ("line", "dynamics", {"width": 32, "kernel": "empirical"}),
    ("line", "function_fit", {}),
    ("line", "loss", {}),
    ("line", "kernel", {"width": 32, "kernel": "empirical"}),
    ("labels", "accuracy", {}),
    ("labels", "spectrum", {"dataset": "true"}),
    ("labels", "label_projection", {}),
    ("process", "gaussian_process", {}),
    ("predictors", "predictors", {"width": 16}),
    ("laws", "width_scaling", {}),
    ("motion", "parameters", {}),
    ("field", "kernel_field", {}),
    ("velocity", "initial_velocity", {}),
    ("depths", "conditioning", {}),
    ("curves", "learning_curve", {}),
    ("exact", "exact_spectrum", {}),
    ("rates", "stability", {}),
    ("many", "ensemble", {}),
    ("line", "loss_bounds", {"width": 32, "kernel": "empirical"}),
]


@pytest.mark.parametrize("store", CHOSEN)
def test_the_kind_is_chosen_by_what_was_recorded(store, trees: Trees):
    assert plot.choose(trees(store)).kind.name == CHOSEN[store]


@pytest.mark.parametrize("store", POSSIBLE)
def test_all_kinds_that_are_possible_are_listed(store, trees: Trees):
    found = plot.possibilities(trees(store))
    assert [item.kind for item in found] == list(plot.KINDS)
    assert {item.kind.name for item in found if item.datasets} == POSSIBLE[store]
    assert all(item.objection for item in found if not item.datasets)


@pytest.mark.parametrize(("store", "kind", "select"), PICTURES)
def test_every_kind_can_be_read(store, kind, select, trees: Trees):
    """Axes are labelled, no text runs into another or over the edge, each entry is there once."""
    figure = plot.figure(trees(store), kind, select)
    figure.draw_without_rendering()
    assert overlapping_texts(figure) == []
    assert texts_outside(figure) == []
    texts = legend_texts(figure)
    assert len(texts) == len(set(texts))
    axes = [ax for ax in figure.axes if ax.get_subplotspec() is not None]
    rows = {ax.get_subplotspec().rowspan.start: ax for ax in reversed(axes)}  # type: ignore
    assert all(ax.get_ylabel() for ax in rows.values())  # the first of each row


def test_every_kind_is_among_those_that_are_read():
    assert {kind for _, kind, _ in PICTURES} == {kind.name for kind in plot.KINDS}


def test_there_is_one_legend_for_all_panels(trees: Trees):
    figure = plot.figure(trees("labels"))
    assert len(figure.legends) == 1
    assert all(ax.get_legend() is None for ax in figure.axes)
    assert {"true", "random", "labels without structure"} <= set(legend_texts(figure))


def test_a_label_has_one_colour_in_all_panels(trees: Trees):
    figure = plot.figure(trees("labels"), select={"dataset": "true,random"})
    for name in ("true", "random"):
        colours = {x.get_color() for ax in figure.axes for x in ax.lines if x.get_label() == name}
        assert len(colours) == 1


def test_where_colours_would_be_used_twice_every_panel_has_its_own_legend(trees: Trees):
    """Three panels of three other lines each are nine labels for seven colours."""
    lines = iter(range(18))  # a first attempt with one legend draws all of them once

    def draw(data, /, *, ax=None, palette=None):
        del data
        assert ax is not None
        assert palette is not None
        for _ in range(3):
            label = f"line {next(lines) % 9}"
            ax.plot([0, 1], [0, 1], color=palette[label], label=label)
        ax.legend()
        return ax

    def panels(data):
        return [plot.Panel(name, data, draw) for name in "abc"]

    nine = Kind("nine", "Lines.", (("loss_train",),), ("loss",), draw, panels=panels)
    made = plot.figure(trees("line"), nine, {"width": 32, "kernel": "empirical"})
    assert made.legends == []
    for ax in made.axes:
        legend = ax.get_legend()
        assert legend is not None
        told = [line.get_color() for line in legend.get_lines()]
        assert len(set(told)) == 3
        assert told == [line.get_color() for line in ax.lines]
        assert [text.get_text() for text in legend.get_texts()] == [
            str(line.get_label()) for line in ax.lines
        ]
    made.draw_without_rendering()
    assert overlapping_texts(made) == []


def test_what_varies_and_is_no_line_becomes_panels(trees: Trees):
    figure = plot.figure(trees("line"), "function_fit")
    assert [ax.get_title() for ax in figure.axes] == [
        "width 32, analytic",
        "width 32, empirical",
        "width ∞, analytic",
    ]


def test_a_selection_narrows_the_picture(trees: Trees):
    figure = plot.figure(trees("line"), "function_fit", {"width": [32], "kernel": "empirical"})
    (ax,) = figure.axes
    assert ax.get_title() == ""
    one = plot.figure(
        trees("line"), "function_fit", {"width": 32, "kernel": "empirical", "seed": 1}
    )
    assert "±1 s.d., 3 seeds, t = ∞" in legend_texts(figure)
    assert not any("s.d." in text for text in legend_texts(one))


def test_a_selection_of_times(trees: Trees):
    select = {"time": "0,inf", "width": 32, "kernel": "empirical"}
    figure = plot.figure(trees("line"), "function_fit", select)
    assert [text for text in legend_texts(figure) if text.startswith("t =")] == ["t = 0", "t = ∞"]


def many_panels(count: int) -> Kind:
    return Kind(
        "many",
        "",
        (("prediction_test",),),
        ("predictions",),
        draw=plot.function_fit,
        panels=lambda data: [plot.Panel(str(i), data, plot.function_fit) for i in range(count)],
    )


def test_too_many_panels_show_the_main_one_of_each_member(trees: Trees):
    """Three members with nine panels each would be 27; then each has its first alone."""
    assert len(plot.figure(trees("line"), many_panels(8)).axes) == 24
    assert len(plot.figure(trees("line"), many_panels(9)).axes) == 3


def test_of_too_many_panels_the_datasets_are_drawn_that_fit(trees: Trees):
    one = Kind("one", "", (("loss_train",),), (), plot.loss, panels=lambda data: panels_of(data, 9))
    choice = plot.choose(trees("curves"), one)
    assert {panel.title.split("\n")[0] for row in choice.rows for panel in row} == {
        "5 points 0",
        "5 points 1",
    }
    (note,) = choice.notes
    assert note.startswith("2 of 6 values of dataset are drawn: 5 points 0, 5 points 1; choose")
    assert note.endswith("--select 'dataset=10 points 0'")


def panels_of(data: xr.Dataset, count: int) -> list[plot.Panel]:
    return [plot.Panel(str(i), data, plot.loss) for i in range(count)]


def test_multiples_stand_side_by_side_where_that_is_wider_than_high(trees: Trees):
    figure = plot.figure(trees("line"), many_panels(2))  # three members
    grid = figure.axes[0].get_subplotspec().get_gridspec()  # type: ignore[union-attr]
    assert (grid.nrows, grid.ncols) == (2, 3)
    figure = plot.figure(trees("line"), many_panels(4))
    grid = figure.axes[0].get_subplotspec().get_gridspec()  # type: ignore[union-attr]
    assert (grid.nrows, grid.ncols) == (3, 4)


def test_the_look_of_pictures_is_not_left_behind(trees: Trees):
    before = dict(mpl.rcParams)
    plot.figure(trees("field"))
    plot.loss(plot.read_dataset(trees("labels"), "true"))
    assert dict(mpl.rcParams) == before


def test_a_store_is_drawn_from_its_path(stores):
    assert plot.figure(stores("velocity")).axes
    assert plot.read_dataset(stores("velocity")).attrs["dataset"] == "points"


@pytest.mark.parametrize(
    ("form", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]
)
def test_files_are_written_in_three_formats_and_are_the_same_each_time(
    form, start, trees: Trees, tmp_path
):
    paths = [tmp_path / f"{i}.{form}" for i in range(2)]
    for path in paths:
        plot.save(plot.figure(trees("labels"), "spectrum", {"dataset": "true"}), path)
    first, second = (path.read_bytes() for path in paths)
    assert first.startswith(start)
    assert first == second


def test_text_in_vector_pictures_is_text(trees: Trees, tmp_path):
    path = tmp_path / "line.svg"
    plot.save(plot.figure(trees("labels"), "spectrum", {"dataset": "true"}), path)
    assert "eigenvalue of the kernel" in path.read_text(encoding="utf-8")


def test_another_format_is_refused_with_the_nearest(trees: Trees, tmp_path):
    with pytest.raises(PlotError, match=r"'x\.pgn' does not end .*: png, pdf, svg; .*'png'"):
        plot.save(plot.figure(trees("field")), tmp_path / "x.pgn")


def test_an_unknown_kind_is_refused_with_the_nearest_and_what_each_needs(trees: Trees):
    with pytest.raises(PlotError) as error:
        plot.figure(trees("field"), "kernel_feild")
    message = str(error.value)
    assert "did you mean 'kernel_field'?" in message
    for kind in plot.KINDS:
        assert f"{kind.name}: {kind.needs[0][0]}" in message


def test_what_was_not_recorded_is_said_with_how_to_record_it(trees: Trees):
    with pytest.raises(PlotError, match=r"needs eigenvalue, .*`record: \[spectrum\]`"):
        plot.figure(trees("process"), "spectrum")


def test_inputs_with_many_features_are_no_function_of_one(trees: Trees):
    reasons = {item.kind.name: item.objection for item in plot.possibilities(trees("labels"))}
    assert "prediction_test" in reasons["function_fit"]
    data = plot.read_dataset(trees("labels"), "true")
    data = data.assign(prediction_test=data["loss_train"])
    (kind,) = (kind for kind in plot.KINDS if kind.name == "function_fit")
    assert re.search(r"the inputs have \d+ features", kind.objection(data) or "")


def test_a_dataset_is_read_by_its_label(trees: Trees):
    assert plot.read_dataset(trees("labels"), "random").attrs["dataset"] == "random"
    with pytest.raises(PlotError, match="several datasets, name one of them: true, random"):
        plot.read_dataset(trees("labels"))
    with pytest.raises(PlotError, match=r"no dataset 'treu'; .*did you mean 'true'"):
        plot.read_dataset(trees("labels"), "treu")


def test_a_dataset_has_the_values_of_both_groups(trees: Trees):
    data = plot.read_dataset(trees("line"))
    root = trees("line").to_dataset()["loss_train"].sel(dataset="points", drop=True)
    xr.testing.assert_equal(data["loss_train"], root)
    group = trees("line")["points"].to_dataset()["prediction_test"]
    assert np.array_equal(data["prediction_test"], group, equal_nan=True)


def test_a_kind_of_ones_own_is_drawn_like_the_others(trees: Trees):
    def margin(data, /, *, ax: Axes | None = None, palette=None) -> Axes:
        del palette
        assert ax is not None
        ax.plot(data["time"], data["loss_train"].squeeze())
        return ax

    own = Kind("margin", "A picture of my own.", (("loss_train",),), ("loss",), margin)
    figure = plot.figure(trees("labels"), own)
    assert [ax.get_title() for ax in figure.axes] == ["true", "random"]
    assert plot.choose(trees("labels"), "margin", kinds=(*plot.KINDS, own)).kind is own
    assert plot.choose(trees("labels"), kinds=(own,)).kind is own


def test_what_kinds_need_is_what_can_be_recorded():
    """Every name is a variable of an installed diagnostic, every hint a name of one."""
    offers = Registry.load().of_kind("diagnostic")
    variables = {name for offer in offers for name in offer.cls.variables}  # type: ignore
    diagnostics = {offer.cls.name for offer in offers}
    for kind in plot.KINDS:
        assert set(kind.record) <= diagnostics
        for name in (name for group in kind.needs for name in group):
            assert "*" in name or name in variables
