"""Whatever is written into a study, it is a study or a StudyError."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings, strategies as st
from ntksim.study import Study, StudyError, load_study, plan_cells

TINY = Path(__file__).parent / "plugins" / "tiny.py"

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 1100)
    | st.sampled_from([0.5, -0.0, math.inf, -math.inf, math.nan, 1e300, 10**200, 2**63])
    | st.sampled_from(["", "points", "line", "limit", "exact", "loss", "relu", "zero", "a/b", "\0"])
)
WORDS = st.sampled_from(
    [
        "name",
        "label",
        "count",
        "root",
        "logspace",
        "linspace",
        "values",
        "include",
        "scale",
        "slope",
        "depth",
        "activation",
        "train",
        "test",
        "steps",
        "tolerance",
        "reference",
        "layer",
        "broken",
    ]
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
NEARLY = {
    "study": st.just("tiny"),
    "dataset": st.sampled_from(["points", ["points"]]),
    "architecture": st.just("line"),
    "width": st.lists(st.integers(1, 20), min_size=1, max_size=3, unique=True),
    "seed": st.fixed_dictionaries({"count": st.integers(1, 3)}),
    "time": st.just([0, 1]),
    "kernel": st.sampled_from(["limit", "finite"]),
    "solver": st.sampled_from(["exact", "train", ["euler", "exact"]]),
}
STUDIES = st.fixed_dictionaries(
    {key: st.one_of(right, ANYTHING) for key, right in NEARLY.items()},
    optional=dict.fromkeys(
        ("description", "record", "store", "initial_output", "colour"), ANYTHING
    ),
)


def loaded(data: dict[str, Any]) -> Study | None:
    try:
        study = load_study(data | {"plugins": [str(TINY)]}, block=["builtin"])
    except StudyError as error:
        assert str(error)  # noqa: PT017 - any other exception fails the test by itself
        return None
    return study


@given(STUDIES)
@example({"width": 10**200, "time": 10**200, "seed": 10**200})
@example({"solver": {"name": "exact", "tolerance": 10**200}})
def test_any_data_give_a_study_or_a_study_error(data: dict[str, Any]) -> None:
    study = loaded(data)
    if study is None or math.prod(study.shape) > 1000:
        return
    try:
        plan = plan_cells(study)
    except StudyError as error:
        assert str(error)  # noqa: PT017
    else:
        assert {value for value in plan.cells.values() if isinstance(value, str)} == set(plan.tasks)


@settings(max_examples=30)
@given(st.fixed_dictionaries(NEARLY))
def test_a_right_study_means_the_same_when_its_text_is_read(data: dict[str, Any]) -> None:
    study = loaded(data)
    assert study is not None
    again = load_study(study.text + "\n", block=["builtin"])
    assert again.resolved() == study.resolved()
    assert set(plan_cells(again).tasks) == set(plan_cells(study).tasks)
