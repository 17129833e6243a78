"""The table of corrections: complete, and every row backed by tests and studies that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "corrections.md").read_text(encoding="utf-8")
ROWS = {row.split("|")[1].strip(): row for row in TEXT.splitlines() if row.startswith("| C")}
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
}
WORDS_ONLY = {"C27", "C29"}
"""Rows about citations and symbols, of which there is nothing to compute."""


def test_every_correction_is_there() -> None:
    assert list(ROWS) == [f"C{number}" for number in range(1, 30)]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_all_cells_and_is_backed_by_tests_and_studies_that_exist(row: str) -> None:
    cells = [cell.strip() for cell in ROWS[row].strip("| ").split("|")]
    assert len(cells) == 5
    assert all(cells)
    names = re.findall(r"`([^`]+)`", cells[-1])
    tests = [name for name in names if name.startswith("test_")]
    assert set(tests) <= TESTS
    assert bool(tests) != (row in WORDS_ONLY)
    for study in set(names) - set(tests):
        assert (ROOT / "studies" / f"{study}.yaml").is_file(), study


def test_names_in_the_text_exist() -> None:
    assert set(re.findall(r"`(test_\w+)`", TEXT)) <= TESTS
    for path in re.findall(r"`(studies/[\w.]+\.py)`", TEXT):
        assert (ROOT / path).is_file(), path
