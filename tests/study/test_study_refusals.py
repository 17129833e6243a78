"""What is wrong with a study: its place, the value, what is allowed, and the nearest match."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ntksim.study import Study, StudyError, StudyProblem, load_study

Refused = Callable[..., StudyProblem]

# The lines of the right study, from 1: study, plugins, dataset, architecture, width, seed, time,
# kernel, solver; further keys follow.
CASES = [
    # unknown keys
    ({"wdith": "3"}, 10, 1, ["'wdith' is not a key of a study", "did you mean 'width'?"]),
    ({"seed": "{count: 2, rot: 1}"}, 6, 18, ["'rot' is not a key of seed", "count, root"]),
    ({"time": "{logspac: [1, 2], count: 3}"}, 7, 8, ["'logspac'", "did you mean 'logspace'?"]),
    # unknown plugins
    ({"dataset": "[points, pionts]"}, 3, 19, ["no dataset 'pionts'", "mean 'points'?"]),
    ({"kernel": "{name: limits}"}, 8, 16, ["no kernel 'limits'", "there are finite, limit"]),
    ({"solver": "tiny:exat"}, 9, 9, ["no solver 'tiny:exat'", "did you mean 'tiny:exact'?"]),
    ({"solver": "line"}, 9, 9, ["no solver 'line'", "euler, exact, posterior, train"]),
    ({"architecture": "{name: line, activation: rellu}"}, 4, 40, ["'rellu'", "mean 'relu'?"]),
    # options
    ({"solver": "{name: exact, metod: evd}"}, 9, 23, ["'metod' is not an option of exact"]),
    ({"solver": "{name: exact, method: evb}"}, 9, 31, ["'evb' is not one of 'evd' or 'evr'", "?"]),
    ({"solver": "{name: exact, tolerance: 2}"}, 9, 34, ["2 is not less than 1"]),
    ({"solver": "{name: euler, steps: 1.5}"}, 9, 30, ["1.5 is not a valid integer"]),
    ({"solver": "{name: euler, steps: true}"}, 9, 30, ["true is not a valid integer"]),
    ({"solver": "{name: euler, steps: ten}"}, 9, 30, ["'ten' is not a valid integer"]),
    ({"solver": "{name: euler, steps: -3}"}, 9, 30, ["-3 is not greater than 0"]),
    ({"kernel": "{name: limit, scale: .inf}"}, 8, 30, [".inf is not a finite number"]),
    (
        {"architecture": "{name: line, activation: {name: relu, slop: 1}}"},
        4,
        53,
        ["'slop' is not an option of relu", "did you mean 'slope'?"],
    ),
    ({"solver": "{method: evd}"}, 9, 9, ["names no solver", "a mapping with 'name'"]),
    ({"solver": "[[exact]]"}, 9, 10, ["names no solver"]),
    ({"kernel": "3"}, 8, 9, ["3 names no kernel"]),
    ({"kernel": ""}, 8, 8, ["null names no kernel"]),
    # empty and repeated values
    ({"dataset": "[]"}, 3, 10, ["dataset is an empty list"]),
    ({"width": "[]"}, 5, 8, ["width is an empty list"]),
    ({"seed": "[]"}, 6, 7, ["seed is an empty list"]),
    ({"time": "[]"}, 7, 7, ["time is an empty list"]),
    ({"record": "[]"}, 10, 9, ["record is an empty list"]),
    ({"plugins": "[tiny.py, tiny.py]"}, 2, 20, ["two plugin files are named 'tiny'"]),
    ({"width": "[10, 100, 1e1]"}, 5, 18, ["10 is there twice"]),
    ({"seed": "[0, 0]"}, 6, 11, ["0 is there twice"]),
    ({"time": "[0, 1, 0.0]"}, 7, 14, ["0.0 is there twice"]),
    ({"time": "[0, -0.0]"}, 7, 11, ["0.0 is there twice"]),
    ({"solver": "[exact, {name: exact}]"}, 9, 17, ["solver 'exact' is there twice"]),
    ({"solver": "[exact, {name: tiny:exact, method: evd}]"}, 9, 17, ["with the same options"]),
    (
        {"solver": "[euler, {name: euler, steps: 5}]"},
        9,
        17,
        ["two values of solver have the label 'euler'", "label: euler-2"],
    ),
    ({"record": "[loss, loss]"}, 10, 16, ["'loss' is there twice"]),
    # widths
    ({"width": "[10, -100]"}, 5, 13, ["-100 is not a width", "a positive integer, or .inf"]),
    ({"width": "0"}, 5, 8, ["0 is not a width"]),
    ({"width": "10.5"}, 5, 8, ["10.5 is not a width"]),
    ({"width": "true"}, 5, 8, ["true is not a width"]),
    ({"width": "-.inf"}, 5, 8, ["-.inf is not a width"]),
    ({"width": ".nan"}, 5, 8, [".nan is not a width"]),
    ({"width": "inf"}, 5, 8, ["'inf' is a word; infinite width is written .inf"]),
    ({"width": "wide"}, 5, 8, ["'wide' is not a width"]),
    ({"width": "'2'"}, 5, 8, ["'2' is not a width", "without the quotes it is the number 2"]),
    ({"seed": "'1'"}, 6, 7, ["'1' is not a seed", "without the quotes it is the number 1"]),
    ({"time": "['1e3']"}, 7, 8, ["is a word, not a time; without the quotes it is the number"]),
    (
        {"time": "{linspace: [0, 1], count: '3'}"},
        7,
        33,
        ["'3' is not a count", "without the quotes it is the number 3"],
    ),
    ({"width": "1000000001"}, 5, 8, ["1000000001 is beyond 1,000,000,000"]),
    ({"width": "{count: 3}"}, 5, 8, ["{'count': 3} is not a width"]),
    # seeds
    ({"seed": "-1"}, 6, 7, ["-1 is not a seed: an integer from 0"]),
    ({"seed": "[0, 1.0]"}, 6, 11, ["1.0 is not a seed"]),
    ({"seed": "{root: 3}"}, 6, 7, ["seed needs a count"]),
    ({"seed": "{count: 0}"}, 6, 15, ["0 is not a count: an integer from 1"]),
    ({"seed": "{count: 2000000}"}, 6, 15, ["2000000 seeds are more than the 1,000,000 cells"]),
    ({"seed": "{count: 2, root: -1}"}, 6, 24, ["-1 is not a root"]),
    # times
    ({"time": "[0, -1]"}, 7, 11, ["the time -1 is negative; training starts at 0"]),
    ({"time": "-.inf"}, 7, 7, ["the time -.inf is negative"]),
    ({"time": "[.nan]"}, 7, 8, [".nan is not a time: a number from 0 to .inf"]),
    ({"time": "[true]"}, 7, 8, ["true is not a time"]),
    ({"time": "[inf]"}, 7, 8, ["'inf' is a word, not a time; did you mean '.inf'?"]),
    ({"time": "{logspace: [0, 1], count: 3}"}, 7, 19, ["logspace cannot start at 0"]),
    ({"time": "{logspace: [1, .inf], count: 3}"}, 7, 22, ["must end at a finite time"]),
    ({"time": "{linspace: [2, 1], count: 3}"}, 7, 18, ["linspace must go up"]),
    ({"time": "{linspace: [1], count: 3}"}, 7, 18, ["linspace needs its two ends"]),
    ({"time": "{linspace: [0, 1]}"}, 7, 7, ["linspace needs a count"]),
    ({"time": "{linspace: [0, 1], count: 1}"}, 7, 33, ["1 is not a count: an integer from 2"]),
    ({"time": "{linspace: [0, 1], logspace: [1, 2], count: 3}"}, 7, 7, ["not 2"]),
    ({"time": "{values: [1], count: 3}"}, 7, 21, ["'count' belongs to logspace and linspace"]),
    (
        {"time": "{linspace: [0, 1], count: 3, include: [-1]}"},
        7,
        46,
        ["the time -1 is negative"],
    ),
    # the rest
    ({"study": "a/b"}, 1, 8, ["'a/b' is not the name of a study"]),
    ({"study": ".."}, 1, 8, ["'..' is not the name of a study"]),
    ({"study": "12"}, 1, 8, ["12 is not text", 'did you mean "12"?']),
    ({"study": None}, 1, 1, ["the study has no 'study'"]),
    ({"solver": None}, 1, 1, ["the study has no 'solver'"]),
    ({"description": "[a]"}, 10, 14, ["['a'] is not text, as a description must be"]),
    ({"store": "''"}, 10, 8, ["'' is not the path of a store"]),
    ({"store": '"a\\0"'}, 10, 8, ["is not the path of a store"]),
    ({"initial_output": "zeros"}, 10, 17, ["'zeros' is not", "network or zero", "mean 'zero'?"]),
    ({"record": "[loss_tran]"}, 10, 10, ["no diagnostic or variable 'loss_tran'", "'loss_train'?"]),
    ({"record": "{name: movement, layer: x}"}, 10, 33, ["'x' is not a valid integer"]),
    ({"record": "[3]"}, 10, 10, ["3 names no diagnostic"]),
    (
        {"record": "[movement, {name: movement, layer: 1}]"},
        10,
        20,
        ["'movement' is recorded twice"],
    ),
    ({"solver": "{name: exact, label: ''}"}, 9, 30, ["'' is not a label"]),
    ({"solver": "{name: exact, label: 3}"}, 9, 30, ["3 is not a label"]),
    ({"dataset": "{name: points, file: ../x}"}, 3, 10, ["'../x' leaves the folder of the study"]),
    ({"plugins": "[tiny.py, other.py]"}, 2, 20, ["there is no plugin file", "other.py"]),
    ({"plugins": "[tiny.py, tiny.yaml]"}, 2, 20, ["'tiny.yaml' is not the path of a Python file"]),
]


@pytest.mark.parametrize(("changes", "line", "column", "words"), CASES, ids=lambda v: str(v)[:60])
def test_every_mistake_has_its_place_and_its_reason(
    refused: Refused, changes: dict[str, str | None], line: int, column: int, words: list[str]
) -> None:
    problem = refused(**changes)
    assert (problem.line, problem.column) == (line, column), str(problem)
    for word in words:
        assert word in problem.message
    assert problem.file.endswith("tiny.yaml")


def test_all_mistakes_are_shown_at_once(load: Callable[..., Study]) -> None:
    with pytest.raises(StudyError) as caught:
        load(width="[0, 5]", solver="exat", time="[-1]", colour="red")
    assert [problem.line for problem in caught.value.problems] == [5, 7, 9, 10]
    assert "    solver: exat\n            ^" in str(caught.value)


def test_what_stands_below_a_key_without_value_may_belong_to_it(load: Callable[..., Study]) -> None:
    with pytest.raises(StudyError) as caught:
        load(description="", count="3")
    said = {problem.line: problem.message for problem in caught.value.problems}
    assert said[11].endswith(
        "does it belong to 'description' above it? Then indent it more than that"
    )
    # A name that is nearly right is that, wherever it stands.
    with pytest.raises(StudyError) as caught:
        load(description="", recrod="[loss]")
    (_, problem) = caught.value.problems
    assert problem.message.endswith("did you mean 'record'?")


def test_the_number_of_mistakes_is_limited(load: Callable[..., Study]) -> None:
    with pytest.raises(StudyError) as caught:
        load(width=str([-1] * 1000))
    assert len(caught.value.problems) == 100


def test_too_many_cells_are_refused(load: Callable[..., Study]) -> None:
    with pytest.raises(StudyError) as caught:
        load(seed="{count: 600}", options={"max_cells": 1000})
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (6, 7)
    assert problem.message == ("2 width × 600 seed make 1,200 cells; at most 1,000 are allowed")
    with pytest.raises(StudyError, match="make 4 cells; at most 3 are allowed"):
        load(options={"max_cells": 3})
    assert load(options={"max_cells": 4}).shape == (1, 1, 2, 2, 1, 1)


@pytest.mark.parametrize("text", ["3\n\n", "[a]\n\n"])
def test_what_is_no_mapping_is_no_study(text: str) -> None:
    with pytest.raises(StudyError, match="is not a study: a study is a mapping"):
        load_study(text, block=["builtin"])


def test_local_plugins_can_be_forbidden(load: Callable[..., Study], folder: Path) -> None:
    (folder / "tiny.py").write_text("raise SystemExit", encoding="utf-8")  # it would not even load
    with pytest.raises(StudyError) as caught:
        load(options={"allow_local": False})
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (2, 10)
    assert "running them is not allowed" in problem.message


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("def f(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def ntksim_solvers(): return []", "ntksim_solvers is not decorated with @hookimpl"),
        (
            "from ntksim import hookimpl\n@hookimpl\ndef ntksim_solver(): return []",
            "ntksim_solver",
        ),
        ("from ntksim import hookimpl\n@hookimpl\ndef ntksim_solvers(): return [3]", "not one"),
    ],
)
def test_a_broken_plugin_file_is_located(
    load: Callable[..., Study], folder: Path, source: str, words: str
) -> None:
    (folder / "mine.py").write_text(source, encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        load(plugins="[tiny.py, mine.py]")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (2, 20)
    assert "the plugin cannot be used" in problem.message
    assert words in problem.message


def test_a_file_cannot_have_the_name_of_an_installed_plugin(folder: Path) -> None:
    (folder / "builtin.py").write_text("", encoding="utf-8")
    (folder / "a.yaml").write_text("study: a\nplugins: builtin.py\n", encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        load_study(folder / "a.yaml")
    assert any(
        (p.line, p.column) == (2, 10) and "'builtin' is already the name of" in p.message
        for p in caught.value.problems
    )


def test_a_variable_of_two_diagnostics_must_say_which(
    load: Callable[..., Study], folder: Path
) -> None:
    text = (folder / "tiny.py").read_text(encoding="utf-8")
    (folder / "twin.py").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        load(
            plugins="[tiny.py, twin.py]",
            dataset="tiny:points",
            architecture="{name: tiny:line, activation: tiny:relu}",
            kernel="limit",
            solver="tiny:exact",
            record="[loss_train, tiny:predictions, twin:predictions]",
        )
    messages = [problem.message for problem in caught.value.problems]
    assert messages[0].startswith("kernel 'limit' is offered more than once; write 'tiny:limit'")
    assert messages[1] == (
        "'loss_train' is recorded by several diagnostics; name one of them: tiny:loss, twin:loss"
    )
    assert "'prediction_train' is recorded twice, by tiny:predictions and by twin" in messages[2]


def test_exceptions_of_options_are_located_and_name_the_plugin(
    load: Callable[..., Study], folder: Path
) -> None:
    (folder / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom typing import ClassVar\n"
        "from ntksim import Solver, hookimpl\n"
        "@dataclass(frozen=True)\nclass Mine(Solver):\n    'Mine.'\n"
        "    name: ClassVar[str] = 'mine'\n    rate: float = 1.0\n"
        "    def __post_init__(self):\n"
        "        if self.rate > 2: raise ValueError('a rate above 2 diverges')\n"
        "        1 / self.rate\n"
        "    def evolve(self, problem, times): ...\n"
        "    def label(self): return self.rate\n"
        "@hookimpl\ndef ntksim_solvers(): return [Mine]\n",
        encoding="utf-8",
    )
    with pytest.raises(StudyError) as caught:
        load(plugins="[tiny.py, mine.py]", solver="[{name: mine, rate: 3}, {name: mine, rate: 0}]")
    first, second = caught.value.problems
    assert (first.column, first.message) == (10, "a rate above 2 diverges")
    assert (second.column, second.message) == (33, "ZeroDivisionError: float division by zero")
    with pytest.raises(StudyError, match=r"1\.0 is not a label: a printable text"):
        load(plugins="[tiny.py, mine.py]", solver="mine")


@pytest.mark.parametrize(
    ("text", "what"), [("", "is empty"), ("\n# later\n", "holds nothing but comments")]
)
def test_a_file_without_a_study_says_so(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text(text)
    with pytest.raises(StudyError) as caught:
        load_study(path)
    assert str(caught.value).splitlines() == [
        f"{path}:1:1: the file {what}; `ntksim new study` writes a study to start from"
    ]
