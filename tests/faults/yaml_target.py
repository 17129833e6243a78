"""What is tried with every input of the fuzzer: whatever the bytes, a study or a StudyError."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ntksim.registry import Registry
from ntksim.study import Source, StudyError, limits, load, load_study
from ntksim.study.limits import MAX_DEPTH, MAX_NODES
from ntksim.study.problems import lines_of

CORPUS = Path(__file__).parent / "yaml_corpus"
"""Small texts that reach all parts of the reader, and every input that was once read wrongly."""

STUDIES = Path(__file__).parents[2] / "studies"


def seeds() -> list[Path]:
    """Return the files with which a search begins."""
    return sorted([*CORPUS.iterdir(), *STUDIES.glob("*.yaml")])


def try_bytes(data: bytes) -> None:
    """Read bytes as a file, with both parsers; then check them as a study."""
    path = _file()
    path.write_bytes(data)
    for parser in _PARSERS:
        limits._Loader = parser
        try:
            source = Source.read(path)
        except StudyError as error:
            _check_problems(error, data)
        else:
            _check_values(source)
    if not isinstance(source_data(path), dict):
        return
    try:
        study = load_study(path, allow_local=False)
    except StudyError as error:
        _check_problems(error, data)
    else:
        assert math.prod(study.shape) <= load.MAX_CELLS
        repr(study.resolved())


def source_data(path: Path) -> Any:
    """Return what a file says, ``None`` where it cannot be read."""
    try:
        return Source.read(path).data
    except StudyError:
        return None


def use_one_registry() -> None:
    """Load plugins once; they are not what is looked at."""
    registry = Registry.load()
    Registry.load = classmethod(lambda *_: registry)  # type: ignore[assignment]


_PARSERS: list[Any] = [yaml.SafeLoader]
if hasattr(yaml, "CSafeLoader"):
    _PARSERS.append(yaml.CSafeLoader)  # last, so that it is the one that stays


@cache
def _file() -> Path:
    folder = "/dev/shm" if os.path.isdir("/dev/shm") else None
    return Path(tempfile.mkdtemp(prefix="ntksim-fuzz-", dir=folder)) / "input.yaml"


def _check_problems(error: StudyError, data: bytes) -> None:
    assert str(error)
    assert error.problems
    text = data.decode("utf-8", "replace")
    lines = len(lines_of(text))
    for problem in error.problems:
        assert problem.line is not None, problem
        assert problem.column is not None, problem
        assert 1 <= problem.line <= lines, problem
        assert 1 <= problem.column <= len(text) + 1, problem
        assert problem.message


def _check_values(source: Source) -> None:
    nodes = 0
    for path, value in _walk(source.data):
        nodes += 1
        assert len(path) < MAX_DEPTH
        assert type(value) in (dict, list, str, int, float, bool, type(None)), type(value)
        assert source.position(path) is not None
    assert nodes <= MAX_NODES
    if isinstance(source.data, dict) and nodes < 200:
        again = Source.parse(Source.of(source.data).text)
        assert _comparable(again.data) == _comparable(source.data)


def _walk(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            assert type(key) is str
            yield from _walk(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    return type(value).__name__, repr(value)
