"""Studies in a folder of their own, with the smallest plugins and nothing that is installed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ntksim.study import Study, StudyError, StudyProblem, load_study

TINY = Path(__file__).parent / "plugins" / "tiny.py"

RIGHT = {
    "study": "tiny",
    "plugins": "tiny.py",
    "dataset": "points",
    "architecture": "line",
    "width": "[10, 100]",
    "seed": "[0, 1]",
    "time": "[0, 1]",
    "kernel": "limit",
    "solver": "exact",
}
"""A right study, a line a key."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(TINY, tmp_path / "tiny.py")
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Callable[..., Study]:
    """Load a right study in which some keys have other text; ``None`` leaves a key out."""

    def load(*, options: dict[str, Any] | None = None, **changes: str | None) -> Study:
        lines = {key: text for key, text in (RIGHT | changes).items() if text is not None}
        path = folder / "tiny.yaml"
        text = "".join(f"{key}: {text}\n" for key, text in lines.items())
        path.write_text(text, encoding="utf-8")
        return load_study(path, block=["builtin"], **(options or {}))

    return load


@pytest.fixture
def refused(load: Callable[..., Study]) -> Callable[..., StudyProblem]:
    """Return the one problem that a changed study has."""

    def refused(**changes: Any) -> StudyProblem:
        with pytest.raises(StudyError) as caught:
            load(**changes)
        assert len(caught.value.problems) == 1, str(caught.value)
        return caught.value.problems[0]

    return refused
