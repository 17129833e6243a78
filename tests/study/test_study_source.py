"""Reading YAML: values, positions, limits, and never another exception than StudyError."""

from __future__ import annotations

import math
import pickle
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings, strategies as st
from ntksim.study import Source, StudyError, StudyProblem, limits as limits_module
from ntksim.study.limits import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, MAX_NODES
from ntksim.study.problems import dotted


def problem_of(text: str) -> StudyProblem:
    with pytest.raises(StudyError) as caught:
        Source.parse(text, "a.yaml")
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("-2", -2),
        ("+7", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("010", 10),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("+.Inf", math.inf),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("y", "y"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("2001-12-14", "2001-12-14"),
        ("0b101", "0b101"),
        ("inf", "inf"),
        ("=", "="),
        ("'1'", "1"),
        ('"true"', "true"),
        ("|\n  1\n", "1\n"),
    ],
)
def test_scalars_are_those_of_the_core_schema(text: str, value: object) -> None:
    found = Source.parse(f"a: {text}").data["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_not_a_number_is_read(text: str) -> None:
    assert math.isnan(Source.parse(f"a: {text}").data["a"])


def test_keys_are_words_whatever_they_would_be_as_values() -> None:
    assert Source.parse("{1: a, no: b, true: c, ~: d}").data == {
        "1": "a",
        "no": "b",
        "true": "c",
        "~": "d",
    }


TEXT = """\
study: é
solver:
- eigh
- {name: descent, rate: [1, x]}
"""


def test_positions_of_values_and_keys() -> None:
    source = Source.parse(TEXT)
    assert source.position(()) == (1, 1)
    assert source.position(("study",)) == (1, 8)
    assert source.position(("study",), key=True) == (1, 1)
    assert source.position(("solver", 0)) == (3, 3)
    assert source.position(("solver", 1)) == (4, 3)
    assert source.position(("solver", 1, "rate"), key=True) == (4, 19)
    assert source.position(("solver", 1, "rate", 1)) == (4, 29)


def test_a_path_that_leads_nowhere_has_the_position_of_where_it_stops() -> None:
    source = Source.parse(TEXT)
    assert source.position(("solver", 0, "name")) == (3, 3)
    assert source.position(("time", "count"), key=True) == (1, 1)


def test_positions_count_characters_and_not_bytes() -> None:
    assert Source.parse("{é: ü, b: 1}").position(("b",)) == (1, 11)


def test_aliases_and_merged_keys() -> None:
    text = "a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\nd: {<<: [{x: 5}, *a]}\n"
    source = Source.parse(text)
    assert source.data["b"] == {"x": 1, "y": 2}
    assert source.data["c"] == {"x": 1, "y": 3}
    assert source.data["d"] == {"x": 5, "y": 2}
    assert source.position(("b",)) == (2, 4)  # where the alias stands
    assert source.position(("b", "y")) == (1, 17)  # where it was written
    assert source.position(("c", "y")) == (3, 16)
    assert source.position(("c", "x"), key=True) == (1, 8)


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "the key 'a' is there twice, first on line 1"),
        ("a: {b: 1, b: 2}\n", 1, 11, "the key 'b' is there twice"),
        ("a: !!str 1\n", 1, 4, "tags such as 'tag:yaml.org,2002:str'"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, 4, "tags such as"),
        ("a: ! x\n", 1, 4, "tags such as '!'"),
        ("? [1]\n: 2\n", 1, 3, "a key must be a word"),
        ("a: 1e999\n", 1, 4, "1e999 is beyond the largest number; infinity is written .inf"),
        ("a: -1.5e-999\n", 1, 4, "-1.5e-999 is below the smallest number that is not 0"),
        ("a: " + "9" * 251, 1, 4, "a number of 251 characters; at most 250"),
        ("a: *b\n", 1, 4, "the alias *b has no anchor &b before it"),
        ("a: &b [1, *b]\n", 1, 11, "the alias *b stands inside what it refers to"),
        ("a: &b 1\nc: &b 2\n", 2, 4, "the anchor &b is there twice"),
        ("a: &a {<<: {b: 1}, <<: {c: 1}}\n", 1, 20, "the key '<<' is there twice"),
        ("a: {<<: 1}\n", 1, 9, "'<<' merges a mapping"),
        ("a: 1\n---\nb: 2\n", 2, 1, "one YAML document"),
        ("a: [1,\nb: }\n", 2, 4, "this is not YAML"),
        ("a:\n\t- b\n", 2, 1, "this is not YAML"),
        ("a: 1\n b: 2\n", 2, 3, "; is the line indented like its neighbours?"),
        ("a: 1\n- b\n", 2, 1, "; is the line indented like its neighbours?"),
        ("a: b\x07\n", 1, 5, "the character '\\x07' cannot be part of YAML"),
        ("a\n\n b\x00", 3, 3, "the character '\\x00'"),
        ("a: \ud800", 1, 4, "the character '\\ud800'"),
    ],
)
def test_what_is_refused_and_where(text: str, line: int, column: int, words: str) -> None:
    problem = problem_of(text)
    assert (problem.line, problem.column) == (line, column)
    assert words in problem.message
    assert problem.file == "a.yaml"


def test_too_deep_by_nesting_and_by_aliases() -> None:
    # Some parsers have a limit of their own, and say so.
    message = problem_of("[" * 100_000).message
    assert "nested more than" in message or "maximum nesting depth" in message
    fits = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert Source.parse(fits).data
    assert problem_of(f"[{fits}]").column == MAX_DEPTH + 1
    half = "[" * (MAX_DEPTH // 2) + "]" * (MAX_DEPTH // 2)
    nested = "[" * (MAX_DEPTH // 2) + "*a" + "]" * (MAX_DEPTH // 2)
    assert "nested more than" in problem_of(f"- &a {half}\n- {nested}\n").message


def test_too_many_values_by_number_and_by_aliases() -> None:
    assert "more than 100,000 values" in problem_of("[" + "1," * MAX_NODES + "]").message
    # Each line refers nine times to the one before: 9^9 values from 90 aliases.
    lines = [
        f"a{level}: &a{level} [" + ", ".join([f"*a{level - 1}"] * 9) + "]" for level in range(1, 10)
    ]
    text = "\n".join(["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]", *lines])
    assert "more than 100,000 values" in problem_of(text).message


def test_too_many_aliases() -> None:
    problem = problem_of("- &a 1\n" + "- *a\n" * (MAX_ALIASES + 1))
    assert problem.line == MAX_ALIASES + 2
    assert "more than 100 aliases" in problem.message


def test_the_counts_are_checked_while_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = 0
    parse = yaml.parse

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal seen
        for event in parse(*args, **kwargs):
            seen += 1
            yield event

    monkeypatch.setattr(limits_module.yaml, "parse", counted)
    problem_of("[" * 10_000)
    assert seen <= MAX_DEPTH + 3  # start of stream and document, and the value that is too deep


def test_too_large(tmp_path: Path) -> None:
    assert "1,048,576 bytes" in problem_of("# " + "x" * MAX_BYTES).message
    assert "1,048,576 bytes" in problem_of("# " + "é" * (MAX_BYTES // 2)).message
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(StudyError, match="larger than 1,048,576 bytes"):
        Source.read(path)


def test_files_that_are_missing_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"nothing\.yaml: the study cannot be read: No such file"):
        Source.read(tmp_path / "nothing.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(StudyError) as caught:
        Source.read(path)
    assert (caught.value.problems[0].line, caught.value.problems[0].column) == (2, 4)
    path.write_bytes("\ufeffa: 1\n".encode())
    assert Source.read(path).position(("a",)) == (1, 4)


def test_an_error_shows_every_line_with_a_caret() -> None:
    with pytest.raises(StudyError) as caught:
        Source.parse("a: 1\nab:\t!x 1\na: 2\n", "s.yaml")
    assert str(caught.value) == (
        "s.yaml:2:5: tags such as '!x' are not part of a study\n"
        "    ab: !x 1\n"
        "        ^\n"
        "s.yaml:3:1: the key 'a' is there twice, first on line 1\n"
        "    a: 2\n"
        "    ^"
    )


def test_a_long_line_is_shown_around_the_caret() -> None:
    with pytest.raises(StudyError) as caught:
        Source.parse("a: [" + "word, " * 100 + "!x 1, " + "word, " * 100 + "]")
    _, shown, caret = str(caught.value).splitlines()
    assert len(shown) < 120
    assert shown[caret.index("^") :].startswith("!x 1")


def test_problems_are_sorted_and_survive_pickling() -> None:
    problems = [StudyProblem(("b",), 2, 1, "two"), StudyProblem(("a",), 1, 1, "one")]
    error = StudyError(problems, "a: 1\nb: 2\n")
    assert [problem.message for problem in error.problems] == ["one", "two"]
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_problem_without_a_text_names_the_keys() -> None:
    assert str(StudyProblem(("solver", 1, "rate"), None, None, "wrong")) == "solver[1].rate: wrong"
    assert dotted((0, "a")) == "[0].a"


def test_a_mapping_becomes_plain_data_and_a_text_that_reads_the_same() -> None:
    data = {
        "width": np.array([1, 2]),
        "time": (np.float64(0.5), math.inf, -math.inf),
        "seed": range(3),
        "label": "no: 1e3",
        "deep": {"flag": np.True_, "nothing": None},
    }
    source = Source.of(data)
    assert source.data == {
        "width": [1, 2],
        "time": [0.5, math.inf, -math.inf],
        "seed": [0, 1, 2],
        "label": "no: 1e3",
        "deep": {"flag": True, "nothing": None},
    }
    assert Source.parse(source.text).data == source.data
    assert source.position(("width",)) is None


def test_a_mapping_that_contains_itself_is_refused() -> None:
    data: dict[str, Any] = {}
    data["again"] = data
    with pytest.raises(StudyError, match="nested too deep"):
        Source.of(data)


def attempt(read: Callable[[], Source]) -> tuple[Source | None, StudyError | None]:
    try:
        return read(), None
    except StudyError as error:
        return None, error


YAML_LIKE = st.text(
    st.sampled_from("abc019 \n\t:-[]{},&*!?|>'\"%@#<=~.é\x85\u2028\ufeff\x00\ud800" + "  \n\n"),
    max_size=200,
)


@given(st.one_of(st.text(max_size=200), YAML_LIKE, st.text(string.printable, max_size=100)))
@example("- &a [*a]")
@example("<<: *a")
@example("%TAG ! x\n---\n!a b")
@example("? ")
@example("{? }")
@example("--- |\n\x85 a")
@example("a: 0x" + "f" * 10_000)
@example("a: " + "9" * 10_000)
def test_any_text_gives_values_or_a_study_error(text: str) -> None:
    source, error = attempt(lambda: Source.parse(text))
    if error is None:
        assert source is not None
        repr(source.data)
        assert source.position(()) is not None
        return
    assert str(error)
    for problem in error.problems:
        assert problem.line is not None
        assert problem.line >= 1


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
)
KEYS = st.text(max_size=3)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(KEYS, SCALARS, max_size=3)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_what_is_written_is_read_back(data: dict[str, Any]) -> None:
    source = Source.of(data)
    assert Source.parse(source.text).data == source.data


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=100))
def test_any_file_gives_values_or_a_study_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "fuzz.yaml"
    path.write_bytes(data)
    source, error = attempt(lambda: Source.read(path))
    assert source or str(error)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: [2, 3\nc: 4\n", "is the [ of line 2 closed?"),
        ("a: {b: 1,\n  c: 2\nd: 3\n", "is the { of line 1 closed?"),
    ],
)
def test_a_bracket_that_is_not_closed_is_named(text: str, said: str) -> None:
    assert said in problem_of(text).message


def test_a_bracket_in_the_line_of_the_error_needs_no_name() -> None:
    assert "closed" not in problem_of("a: [1, 2}\n").message
