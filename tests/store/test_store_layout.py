import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from ntksim.store.chunks import CELL_LIMIT, CELLS_TARGET, blocks, cell_extents, inner_chunks
from ntksim.store.declared import CELL_AXES
from ntksim.store.names import group_names
from ntksim.types import VariableSpec

from store.store_examples import example_plan, small_plan


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": (1.0, 1.0)}, r"width 1\.0 is there 2 times"),
        ({"solver": ()}, "solver has no value"),
        ({"time": (0.0, math.nan)}, "time holds NaN"),
        ({"dataset": ("e",)}, "no data for dataset 'e'"),
        ({"cells": {(0, 0, 2, 0, 0, 0): "ab"}}, r"\(0, 0, 2, 0, 0, 0\) lies outside"),
        ({"cells": {(0, 0, 0, 0, 0, 0): "XY"}}, "'XY' at .* is not a key"),
        ({"attributes": {"study": "other"}}, "attribute 'study' is written by the store"),
        ({"specs": {"status": VariableSpec((), "x")}}, "'status' is the name of something else"),
        ({"specs": {"x_train": VariableSpec((), "x")}}, "'x_train' is the name"),
        ({"specs": {"a/b": VariableSpec((), "x")}}, "'a/b' cannot be the name"),
        ({"specs": {"a": VariableSpec(("a",), "x")}}, "'a' is the name"),
        ({"specs": {"a": VariableSpec((), "x", dtype="object")}}, "dtype 'object'"),
        ({"specs": {"a": VariableSpec(("mode", "mode"), "x")}}, "a dimension twice"),
        ({"specs": {"a": VariableSpec(("width",), "x")}}, "cannot have the dimension 'width'"),
        ({"specs": {"a": VariableSpec(("feature",), "x")}}, "cannot have the dimension 'feature'"),
    ],
)
def test_a_plan_that_cannot_be_stored_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small_plan(**changes)


def test_the_sizes_that_a_plan_knows() -> None:
    sizes = example_plan().fixed_sizes("images")
    assert sizes == {
        "time": 3,
        "train_point": 3,
        "train_point_other": 3,
        "test_point": 2,
        "test_point_other": 2,
        "output": 1,
        "feature_0": 2,
        "feature_1": 3,
        "feature_2": 1,
    }


def test_group_names_are_unique_whatever_the_labels() -> None:
    labels = ["a", "A", "a-2", "é/x", "é x", "__x", "...", "", "x" * 300, "x" * 299]
    names = group_names(labels, taken={"a"})
    assert list(names) == labels
    assert len({name.casefold() for name in names.values()}) == len(labels)
    for name in names.values():
        assert name.casefold() != "a"
        assert not name.startswith(("__", "."))
        assert "/" not in name
        assert 0 < len(name) < 120


SIZES = st.integers(1, 40)


@given(st.fixed_dictionaries(dict.fromkeys(CELL_AXES, SIZES)), st.integers(0, 10**8), st.data())
def test_chunks_of_cells_stay_below_the_target(
    sizes: dict[str, int], cell_bytes: int, data: st.DataObject
) -> None:
    extents = cell_extents(sizes, cell_bytes)
    assert list(extents) == list(sizes)
    assert all(1 <= extents[axis] <= sizes[axis] for axis in sizes)
    taken = math.prod(extents.values())
    assert taken == 1 or taken * cell_bytes <= CELLS_TARGET
    # An axis is only begun when all that are read more closely together are complete.
    order = ["seed", "solver", "kernel", "width", "architecture", "dataset"]
    begun = [axis for axis in order if extents[axis] > 1]
    for axis in order[: order.index(begun[-1])] if begun else []:
        assert extents[axis] == sizes[axis]
    # Blocks are made of whole chunks, or reach to the end.
    limit = data.draw(st.integers(1, 10**9))
    larger = cell_extents(sizes, cell_bytes, limit, extents)
    for axis in sizes:
        assert larger[axis] % extents[axis] == 0 or larger[axis] >= sizes[axis]


@given(st.lists(st.tuples(st.integers(1, 7), st.integers(1, 9)), min_size=1, max_size=3))
def test_blocks_cover_an_array_exactly_once(pairs: list[tuple[int, int]]) -> None:
    sizes, extents = zip(*pairs, strict=True)
    seen = np.zeros(sizes, dtype=int)
    for block in blocks(sizes, extents):
        seen[block] += 1
    assert (seen == 1).all()


def test_time_is_cut_last() -> None:
    few = inner_chunks({"time": 1000, "test_point": 5000, "output": 10}, 8)
    assert few["time"] == 1000
    assert math.prod(few.values()) * 8 <= CELL_LIMIT
    assert math.prod(few.values()) * 8 > CELL_LIMIT / 4
    long = inner_chunks({"time": 10**7, "output": 2}, 8)
    assert long["output"] == 1
    assert math.prod(long.values()) * 8 <= CELL_LIMIT
    assert inner_chunks({"time": 3, "test_point": 0}, 8) == {"time": 3, "test_point": 1}
    assert inner_chunks({}, 8) == {}
