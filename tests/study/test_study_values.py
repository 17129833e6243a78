"""What a right study means: axes, labels, times, recordings, and everything resolved."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from ntksim.registry import LocalPlugin, Registry
from ntksim.study import AXES, Reference, Source, Study, load_study
from ntksim.study.numeric import times
from ntksim.study.place import Place
from ntksim.types import Solver

Load = Callable[..., Study]


def times_of(value: Any) -> tuple[float, ...]:
    problems: list[Any] = []
    found = times(Place(Source.of({"time": value}), problems, ("time",)), value)
    assert not problems
    return found


def test_a_scalar_is_an_axis_of_one_value(load: Load) -> None:
    study = load(width=".inf", seed="3", time="5")
    assert study.shape == (1, 1, 1, 1, 1, 1)
    assert [study.axes[axis][0].label for axis in AXES] == [
        "points-3",
        "line-1",
        "inf",
        "3",
        "limit",
        "exact",
    ]
    assert study.axes["width"][0].value == math.inf
    assert study.times == (5.0,)


def test_defaults(load: Load) -> None:
    study = load(seed=None)
    assert study.store == "tiny.zarr"
    assert study.description == ""
    assert study.initial_output == "network"
    assert [value.value for value in study.axes["seed"]] == [0]
    assert study.root == 0
    assert [recording.reference["name"] for recording in study.recordings] == [
        "tiny:predictions",
        "tiny:loss",
    ]


def test_whole_floats_are_widths(load: Load) -> None:
    study = load(width="[1e1, 100.0, .inf]")
    assert [value.value for value in study.axes["width"]] == [10, 100, math.inf]
    assert [value.label for value in study.axes["width"]] == ["10", "100", "inf"]
    assert all(isinstance(value.value, int) for value in study.axes["width"][:2])


def test_seeds_by_number_and_root(load: Load) -> None:
    study = load(seed="{count: 3, root: 7}")
    assert [value.value for value in study.axes["seed"]] == [0, 1, 2]
    assert study.root == 7


def test_labels_are_given_or_the_plugin_s_own(load: Load) -> None:
    study = load(solver="[euler, {name: euler, steps: 5, label: 'fünf / 5'}]")
    assert [value.label for value in study.axes["solver"]] == ["euler", "fünf / 5"]
    assert [value.value.steps for value in study.axes["solver"]] == [10, 5]


def test_references_hold_every_option_and_make_the_plugin_again(load: Load) -> None:
    study = load(architecture="{name: line, activation: {name: relu, slope: 1e-1}}")
    (value,) = study.axes["architecture"]
    assert json.loads(value.reference.text) == {
        "name": "tiny:line",
        "depth": 1,
        "activation": {"name": "tiny:relu", "slope": 0.1},
        "most_outputs": 10,
    }
    kind = type(value.value).__mro__[1]
    assert study.registry.create(kind, value.reference) == value.value


def test_times_are_sorted_and_merged() -> None:
    assert times_of([3, 0, math.inf, 1]) == (0.0, 1.0, 3.0, math.inf)
    assert times_of({"values": [2, 1]}) == (1.0, 2.0)
    merged = times_of({"linspace": [0, 1], "count": 3, "include": [0.5, math.inf, 0]})
    assert merged == (0.0, 0.5, 1.0, math.inf)


def test_times_of_grids_can_be_typed() -> None:
    # The plain functions give 0.30000000000000004 and 0.010000000000000002.
    assert times_of({"linspace": [0, 1], "count": 11})[3] == 0.3
    assert times_of({"logspace": [1e-3, 1e3], "count": 7}) == (1e-3, 1e-2, 0.1, 1, 10, 100, 1e3)


ENDS = st.tuples(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300)).map(sorted)


@given(ENDS, st.integers(2, 50), st.sampled_from(["logspace", "linspace"]))
def test_grids_are_between_their_ends_and_evenly_spaced(
    ends: list[float], count: int, grid: str
) -> None:
    first, last = ends
    if not first < last:
        return
    found = np.array(times_of({grid: ends, "count": count}))
    assert found[0] == first
    assert found[-1] == last
    assert np.all(np.diff(found) > 0)
    assert len(found) <= count
    if len(found) == count and last / first > 1.001:
        with np.errstate(over="ignore"):
            positions = np.log(found) if grid == "logspace" else found / last
        steps = np.diff(positions)
        # Points are rounded to 12 digits, by at most 5e-12 of themselves; steps can then differ
        # by four times that, and by the rounding of the positions.
        tolerance = 2e-11 + 1e-13 * np.abs(positions).max()
        assert np.ptp(steps) <= tolerance


def test_recordings_merge_groups_and_variables(load: Load) -> None:
    study = load(record="[loss_test, predictions, loss, {name: movement, layer: 2}]")
    assert [(item.reference["name"], item.variables) for item in study.recordings] == [
        ("tiny:loss", ("loss_train", "loss_test")),
        ("tiny:predictions", ("prediction_train", "prediction_test")),
        ("tiny:movement", ("movement",)),
    ]
    study = load(record="loss_test")
    assert [item.variables for item in study.recordings] == [("loss_test",)]


def test_everything_resolved_is_strict_json(load: Load, folder: Path) -> None:
    study = load(width="[10, .inf]", time="[0, .inf]", description="d", record="loss")
    resolved = json.loads(json.dumps(study.resolved(), allow_nan=False))
    assert resolved["width"] == [10, ".inf"]
    assert resolved["time"] == [0.0, ".inf"]
    assert resolved["solver"] == [
        {"label": "exact", "name": "tiny:exact", "method": "evd", "tolerance": 1e-9}
    ]
    assert resolved["record"] == [{"name": "tiny:loss", "variables": ["loss_train", "loss_test"]}]
    plugin = LocalPlugin.read(folder / "tiny.py")
    assert resolved["plugins"]["tiny"]["sha256"] == plugin.sha256
    assert resolved["numerics"] >= 1


def test_provenance_names_only_the_plugins_that_are_used(load: Load, folder: Path) -> None:
    text = (folder / "tiny.py").read_text(encoding="utf-8")
    only = (
        text[: text.index("@hookimpl")] + "@hookimpl\ndef ntksim_kernels():\n    return [Limit]\n"
    )
    (folder / "unused.py").write_text(only, encoding="utf-8")
    study = load(plugins="[tiny.py, unused.py]", kernel="tiny:limit")
    assert list(study.resolved()["plugins"]) == ["tiny"]
    study = load(plugins="[tiny.py, unused.py]", kernel="unused:limit")
    assert sorted(study.resolved()["plugins"]) == ["tiny", "unused"]


def as_mapping(folder: Path) -> dict[str, Any]:
    return {
        "study": "tiny",
        "plugins": [str(folder / "tiny.py")],
        "dataset": "points",
        "architecture": "line",
        "width": np.array([10, 100]),
        "seed": (0, 1),
        "time": np.geomspace(1, 100, 3),
        "kernel": "limit",
        "solver": {"name": "exact", "tolerance": 0.5},
    }


def test_a_study_can_be_a_mapping(folder: Path) -> None:
    study = load_study(as_mapping(folder), block=["builtin"])
    assert study.shape == (1, 1, 2, 2, 1, 1)
    assert study.times == (1.0, 10.0, 100.0)
    again = load_study(study.text + "\n", block=["builtin"])
    assert again.resolved() == study.resolved()


def test_a_mapping_can_hold_plugins_themselves(folder: Path) -> None:
    plugin = LocalPlugin.read(folder / "tiny.py")
    registry = Registry.load([plugin], block=["builtin"])
    solver = registry.create(Solver, {"name": "exact", "tolerance": 0.25})
    data = as_mapping(folder) | {"solver": [solver, "euler"]}
    study = load_study(data, block=["builtin"])
    assert study.axes["solver"][0].value == solver
    assert study.axes["solver"][0].reference["tolerance"] == 0.25


def test_mistakes_in_a_mapping_are_placed_by_their_keys(folder: Path) -> None:
    data = as_mapping(folder) | {"solver": [{"name": "exact", "tolerance": 2}]}
    with pytest.raises(ValueError, match=r"^solver\[0\]\.tolerance: 2 is not less than 1\.0$"):
        load_study(data, block=["builtin"])


def test_a_reference_is_a_mapping_with_one_text() -> None:
    one = Reference.of({"b": 1.0, "name": "x", "a": math.inf})
    other = Reference.of({"a": math.inf, "name": "x", "b": 1.0})
    assert one == other
    assert hash(one) == hash(other)
    assert isinstance(one, Mapping)
    assert dict(one) == {"a": math.inf, "name": "x", "b": 1.0}
    assert str(one) == '{"a":Infinity,"b":1.0,"name":"x"}'
