"""Any stored variable is drawn by its name, over its own dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from matplotlib.collections import QuadMesh
from ntksim import open_results, plot, run
from ntksim.cli import main
from ntksim.plot import PlotError

from drawn_axes import curves, legend_texts, overlapping_texts, texts_outside

OWN = '''
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from ntksim import Diagnostic, VariableSpec, hookimpl

@dataclass(frozen=True)
class Own(Diagnostic):
    """Variables with every sort of dimensions."""
    name: ClassVar[str] = "own"
    variables: ClassVar = {
        "own_number": VariableSpec((), "a number", units="m"),
        "own_flag": VariableSpec((), "a flag", dtype="bool"),
        "own_count": VariableSpec(("bin",), "a count", dtype="int64"),
        "own_time": VariableSpec(("time",), "a number over time"),
        "own_layer": VariableSpec(("time", "layer"), "of layers"),
        "own_mode": VariableSpec(("mode",), "of modes"),
        "own_point": VariableSpec(("test_point",), "of points"),
        "own_time_point": VariableSpec(("time", "test_point"), "of points over time"),
        "own_matrix": VariableSpec(("layer", "bin"), "a matrix"),
        "own_time_matrix": VariableSpec(("time", "layer", "bin"), "a matrix over time"),
        "own_cube": VariableSpec(("bin", "layer", "mode"), "a cube"),
    }
    def measure(self, cell):
        width = min(cell.problem.model.width, 1000)
        decay, x = np.exp(-cell.times) + 1 / width, cell.dataset.x_test[:, 0]
        matrix = np.arange(12.0).reshape(3, 4)
        return {
            "own_number": 1 / width,
            "own_flag": width > 100,
            "own_count": 1 + np.arange(4),
            "own_time": decay,
            "own_layer": decay[:, None] * [1, 2, 3],
            "own_mode": np.array([3.0, 2.0, 1.0]) / width,
            "own_point": x**2,
            "own_time_point": decay[:, None] * x,
            "own_matrix": matrix / width,
            "own_time_matrix": decay[:, None, None] * matrix,
            "own_cube": np.ones((4, 3, 3)),
        }
    def labels(self, cell):
        return {"layer": ["first", "second", "third"]}

@hookimpl
def ntksim_diagnostics():
    return [Own]
'''

STUDY = """
study: own
plugins: own.py
dataset: {name: three_points, points: 11}
architecture: shallow_relu
width: [16, 256, .inf]
kernel: [analytic, empirical]
solver: eigh
time: [0, 1, 10]
record: [own]
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "own.py").write_text(OWN)
    (folder / "own.yaml").write_text(STUDY)
    return run(folder / "own.yaml", store=folder / "own.zarr").store


@pytest.fixture(scope="module")
def tree(store: Path) -> Iterator[xr.DataTree]:
    with open_results(store) as opened:
        yield opened.load()


def drawn(tree: xr.DataTree, name: str, **select: Any) -> Any:
    return plot.figure(tree, name, select)


@pytest.mark.parametrize("name", ["own_layer", "own_time_matrix", "own_number"])
def test_no_text_runs_into_another_or_over_the_edge(tree, name):
    made = drawn(tree, name)
    made.draw_without_rendering()
    assert overlapping_texts(made) == []
    assert texts_outside(made) == []


DECAY = np.exp([0.0, -1.0, -10.0])


def test_over_time_there_is_a_line_for_each_member(tree):
    (ax,) = drawn(tree, "own_time").axes
    assert ax.get_ylabel() == "a number over time"
    assert ax.get_xlabel().startswith("t (")
    for label, width in (("width 16", 16), ("width 256", 256), ("width ∞", 1000)):
        np.testing.assert_allclose(
            curves(ax)[label], (DECAY + 1 / width)[-len(curves(ax)[label]) :]
        )


def test_few_entries_of_another_dimension_are_lines_by_their_names(tree):
    made = drawn(tree, "own_layer")
    assert [ax.get_title() for ax in made.axes] == ["width 16", "width 256", "width ∞"]
    assert set(legend_texts(made)) == {"first", "second", "third"}


def test_many_points_are_curves_at_several_times_over_the_inputs(tree):
    made = drawn(tree, "own_time_point", width=16, kernel="analytic")
    (ax,) = made.axes
    x = np.sort(tree["three_points-points11"]["x_test"].values[:, 0])
    assert set(legend_texts(made)) == {"t = 0", "t = 1", "t = 10"}
    for line, decay in zip(ax.lines, DECAY + 1 / 16, strict=True):
        np.testing.assert_allclose(line.get_xdata(), x)
        np.testing.assert_allclose(line.get_ydata(), decay * x)


def test_points_lie_at_their_inputs(tree):
    (ax,) = drawn(tree, "own_point").axes
    (line,) = ax.lines
    np.testing.assert_allclose(line.get_ydata(), line.get_xdata() ** 2)
    assert ax.get_xlabel() == "input x"


def test_modes_are_counted_from_1(tree):
    (ax,) = drawn(tree, "own_mode").axes
    assert ax.get_xlabel() == "mode, largest eigenvalue first"
    assert [list(line.get_xdata()) for line in ax.lines] == [[1, 2, 3]] * 3


def test_a_number_is_drawn_over_the_width_its_limit_dotted(tree):
    made = drawn(tree, "own_number")
    (ax,) = made.axes
    limit, finite = ax.lines
    assert list(finite.get_xdata()) == [16, 256]
    np.testing.assert_allclose(finite.get_ydata(), [1 / 16, 1 / 256])
    np.testing.assert_allclose(limit.get_ydata(), 1 / 1000)
    assert (ax.get_xlabel(), ax.get_xscale()) == ("width", "log")
    assert ax.get_ylabel() == "a number (m)"
    assert set(legend_texts(made)) == {"limit, width ∞", "finite width"}


def test_a_number_of_one_width_is_drawn_cell_by_cell(tree):
    (ax,) = drawn(tree, "own_number", width=16).axes
    (mark,) = ax.lines
    assert list(mark.get_ydata()) == [1 / 16]


def test_where_there_is_no_cell_an_integer_or_a_flag_is_not_drawn(tree):
    """The empirical kernel has no infinite width: its place in the store holds 0 and false."""
    (ax,) = drawn(tree, "own_count").axes
    assert [list(line.get_ydata()) for line in ax.lines] == [[1, 2, 3, 4]]
    (ax,) = drawn(tree, "own_flag").axes
    assert [list(line.get_ydata()) for line in ax.lines] == [[1, 1], [0, 1]]


@pytest.mark.parametrize(("name", "at"), [("own_matrix", ""), ("own_time_matrix", " at t = 10")])
def test_two_dimensions_are_a_heat_map_at_the_last_time(tree, name, at):
    ax, bar = drawn(tree, name, width=16, kernel="analytic").axes
    (mesh,) = [c for c in ax.collections if isinstance(c, QuadMesh)]
    factor = DECAY[-1] + 1 / 16 if at else 1 / 16
    values = np.asarray(mesh.get_array()).reshape(3, 4)
    np.testing.assert_allclose(values, factor * np.arange(12.0).reshape(3, 4))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["first", "second", "third"]
    assert bar.get_ylabel().replace("\n", " ").replace("\xa0", " ").endswith(at)


def test_three_dimensions_ask_for_a_value_of_one(tree):
    with pytest.raises(PlotError, match=r"bin, layer, mode.* such as `--select bin=0`"):
        plot.figure(tree, "own_cube")
    assert len(drawn(tree, "own_cube", bin=0, width=16).axes) == 2  # the map and its bar


def test_what_only_a_plugin_knows_is_drawn_where_nothing_else_can_be(tree):
    assert plot.choose(tree).kind.name == "own_layer"  # what is over time comes first


def test_the_command_lists_and_draws_variables(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    listed = CliRunner().invoke(main, ["plot", str(store), "--list"]).output
    assert "Any variable, over its own dimensions: diverged, own_count, own_cube" in listed
    done = CliRunner().invoke(main, ["plot", str(store), "--kind", "own_time"])
    assert (done.exit_code, done.output) == (0, "own_time: own.png\n")
    wrong = CliRunner().invoke(main, ["plot", str(store), "--kind", "own_tine"])
    assert wrong.exit_code == 2
    assert "there is no kind 'own_tine', and no such variable; did you mean 'own_time'?" in (
        wrong.output
    )
    assert "Stored variables: diverged, own_count" in wrong.output


def test_a_function_draws_in_the_axes_it_is_given(tree):
    data = plot.read_dataset(tree).sel(width=[16.0], kernel=["analytic"])
    ax = plot.variable(data, name="own_time")
    assert plot.variable(data, name="own_point", ax=ax) is ax
    with pytest.raises(
        PlotError, match="no variable 'own_tim' of numbers; did you mean 'own_time'"
    ):
        plot.variable(data, name="own_tim")
