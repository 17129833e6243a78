"""``ntksim diff``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ntksim.cli.outcome import explained

if TYPE_CHECKING:
    from ntksim.store.differences import Change, Differences

_SHOWN = 12


@click.command("diff")
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0.0),
    default=0.0,
    show_default=True,
    help="Relative difference of a variable, to its largest magnitude, that counts as equal.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def command(first: Path, second: Path, tolerance: float, as_json: bool) -> None:
    """Compare two stores: their studies, versions, cells and numbers.

    Axes are compared by their labels, and numbers where both stores have a position. Exit code: 0
    if study, cells and numbers are the same (the code that computed them may be another), 1 if
    something differs.
    """
    from ntksim.store.differences import differences

    with explained():
        found = differences(first, second, tolerance=tolerance)
    click.echo(json.dumps(found.to_json(), indent=2) if as_json else _text(found))
    sys.exit(0 if found.are_none else 1)


def _text(found: Differences) -> str:
    lines = [
        *_section("study", _change_lines(found.study)),
        *_section("code", _change_lines(found.code)),
        *_section("axes", _axis_lines(found)),
        *_section("variables", _sided(*found.variables)),
        *_section("cells", _change_lines(found.cells)),
        *_section("numbers", _number_lines(found)),
    ]
    shared = f"{found.compared:,} values at shared positions were compared"
    if not found.numbers and not found.are_none:
        shared += ", and none differs"
    return "\n".join([*lines, f"{'the same: ' if found.are_none else ''}{shared}"])


def _section(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    more = [f"  … and {len(lines) - _SHOWN} more (--json shows all)"] if lines[_SHOWN:] else []
    return [f"{title}:", *(f"  {line}" for line in lines[:_SHOWN]), *more, ""]


def _change_lines(changes: Sequence[Change]) -> list[str]:
    return [f"{change.where}: {change.first} → {change.second}" for change in changes]


def _sided(first: Sequence[str], second: Sequence[str], name: str = "") -> list[str]:
    prefix = f"{name}: " if name else ""
    return [
        f"{prefix}only the {which} has {', '.join(values)}"
        for which, values in (("first", first), ("second", second))
        if values
    ]


def _axis_lines(found: Differences) -> list[str]:
    return [line for axis, sides in found.axes.items() for line in _sided(*sides, name=axis)]


def _number_lines(found: Differences) -> list[str]:
    lines = []
    for number in found.numbers:
        if number.problem:
            lines.append(f"{number.variable}: cannot be compared: {number.problem}")
            continue
        parts = [f"{number.differing:,} of {number.compared:,} values differ"]
        if number.largest:
            parts.append(f"by up to {number.largest:.3g} (relative {number.relative:.3g})")
        if number.one_sided:
            parts.append(f"{number.one_sided:,} are there in one store only")
        lines.append(f"{number.variable}: {', '.join(parts)}; at {number.where}")
    return lines
