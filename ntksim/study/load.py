"""From what a study says to a validated study."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from ntksim.registry.errors import nearest, shown
from ntksim.study.choices import AxisValue, chosen
from ntksim.study.local import load_registry
from ntksim.study.model import AXES, Study
from ntksim.study.numeric import seeds, times, widths
from ntksim.study.place import Place
from ntksim.study.problems import StudyError, StudyProblem
from ntksim.study.recordings import DEFAULT_RECORD, recordings
from ntksim.study.source import Source

MAX_CELLS = 10**6

_REQUIRED = ("study", "dataset", "architecture", "width", "time", "kernel", "solver")
_OPTIONAL = ("description", "seed", "record", "store", "plugins", "initial_output", "storage")
_INITIAL_OUTPUTS = ("network", "zero")
_STORAGES = ("float64", "float32")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def load_study(
    study: str | Path | Mapping[str, Any],
    *,
    allow_local: bool = True,
    block: Collection[str] = (),
    max_cells: int = MAX_CELLS,
) -> Study:
    """Read a study and check all of it that can be checked without loading data.

    Parameters
    ----------
    study
        The path of its file; or its text, which is told from a path by a line break; or a mapping
        of the same keys, in which plugins may also be instances.
    allow_local
        Whether plugin files that the study names may be run.
    block
        Installed plugins that are not loaded, by the names of their entry points.
    max_cells
        Largest number of positions that its grid may have.

    Raises
    ------
    StudyError
        With everything that is wrong, each with its place.
    """
    if isinstance(study, Mapping):
        source = Source.of(study)
    elif isinstance(study, str) and len(study.splitlines()) > 1:
        source = Source.parse(study)
    else:
        source = Source.read(Path(study))
    problems: list[StudyProblem] = []
    place = Place(source, problems)
    if not isinstance(source.data, dict):
        place.refuse(_no_study(source))
        raise StudyError(problems, source.text)
    place.refuse_unknown(source.data, (*_REQUIRED, *_OPTIONAL), "a study")
    for key in _REQUIRED:
        if key not in source.data:
            place.refuse(f"the study has no '{key}'")
    found = _checked(place, source, allow_local, block, max_cells)
    if problems:
        raise StudyError(problems, source.text)
    return found


def _no_study(source: Source) -> str:
    if source.data is None:
        what = "the file" if source.path else "the text"
        holds = "holds nothing but comments" if source.text.strip() else "is empty"
        return f"{what} {holds}; `ntksim new study` writes a study to start from"
    return f"{shown(source.data)} is not a study: a study is a mapping of keys"


def _checked(
    place: Place, source: Source, allow_local: bool, block: Collection[str], max_cells: int
) -> Study:
    data: dict[str, Any] = source.data

    def get(key: str, check: Callable[[Place, Any], Any], default: Any) -> Any:
        return check(place.at(key), data[key]) if key in data else default

    def plugins(kind: str) -> tuple[AxisValue, ...]:
        return get(kind, lambda at, v: chosen(at, kind, v, registry, source.folder), ())

    registry = load_registry(
        place.at("plugins"),
        data.get("plugins"),
        source.folder,
        allow_local=allow_local,
        block=block,
    )
    if any(problem.path[:1] == ("plugins",) for problem in place.problems):
        raise StudyError(place.problems, source.text)  # names of missing plugins would all be wrong
    name = get("study", _name, "")
    seed_values, root = seeds(place.at("seed"), data.get("seed", 0), max_cells)
    axes = {
        "dataset": plugins("dataset"),
        "architecture": plugins("architecture"),
        "width": _numbers(get("width", widths, [])),
        "seed": _numbers(seed_values),
        "kernel": plugins("kernel"),
        "solver": plugins("solver"),
    }
    cells = math.prod(len(axes[axis]) for axis in AXES)
    if cells > max_cells:
        sizes = " × ".join(f"{len(axes[axis])} {axis}" for axis in AXES if len(axes[axis]) > 1)
        largest = max(AXES, key=lambda axis: len(axes[axis]))
        place.at(largest).refuse(f"{sizes} make {cells:,} cells; at most {max_cells:,} are allowed")
    return Study(
        name=name,
        description=get("description", lambda at, v: at.text(v, "a description"), ""),
        axes=axes,
        times=get("time", times, ()),
        recordings=recordings(place.at("record"), data.get("record", DEFAULT_RECORD), registry),
        initial_output=get("initial_output", _initial_output, "network"),
        store=get("store", _store, f"{name}.zarr"),
        root=root,
        registry=registry,
        source=source,
        storage=get("storage", _storage, "float64"),
    )


def _name(place: Place, value: Any) -> str:
    text = place.text(value, "the name of a study")
    if text is not None and not _FILE_NAME.fullmatch(text):
        place.refuse(
            f"{shown(text)} is not the name of a study, which names a file: use at most 100 "
            "letters, digits and any of . _ -, and begin with a letter or digit"
        )
    return text or ""


def _store(place: Place, value: Any) -> str:
    text = place.text(value, "the path of the store")
    if text is not None and (not text.isprintable() or Path(text).name in ("", "..")):
        place.refuse(f"{shown(text)} is not the path of a store")
    return text or ""


def _initial_output(place: Place, value: Any) -> Any:
    if value not in _INITIAL_OUTPUTS:
        close = nearest(str(value), _INITIAL_OUTPUTS)
        place.refuse(f"{shown(value)} is not an initial output: network or zero{close}")
    return value


def _storage(place: Place, value: Any) -> Any:
    if value not in _STORAGES:
        close = nearest(str(value), _STORAGES)
        place.refuse(f"{shown(value)} is not a way to store numbers: float64 or float32{close}")
    return value


def _numbers(found: Any) -> tuple[AxisValue, ...]:
    return tuple(AxisValue(_label(value), value, path=at.path) for at, value in found)


def _label(number: float) -> str:
    return "inf" if number == math.inf else str(number)
