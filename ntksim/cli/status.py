"""``ntksim status``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import click

from ntksim.cli.outcome import explained, grid_of

_NUMBER = re.compile(r"(?<![\w.'-])(\d+(\.\d+)?(e[+-]?\d+)?|inf)(?![\w'])")
"""A number in a message, but not one that is part of a name such as width-64."""


@click.command("status")
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def command(store: Path, as_json: bool) -> None:
    """Show which cells of STORE are done, failed, missing or not applicable, and why.

    They are counted by their positions in the grid; positions where the same is computed, such as
    an analytic kernel at every width, share one cell.
    """
    from ntksim.store.summary import summarise

    with explained():
        found = summarise(store)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
        return
    counts = ", ".join(f"{count} {status}" for status, count in found.counts.items() if count)
    grid = grid_of(sum(found.counts.values()), found.cells, found.counts.get("not applicable", 0))
    click.echo(
        f"{found.study}: {grid}; cells took {found.wall_time:.1f} s in all, each with its training"
    )
    click.echo(f"positions: {counts}")
    for status in ("failed", "missing", "not applicable", "done"):
        for message, cells in _alike(found.messages.get(status, {})).items():
            if status == "done" and not message:
                continue
            click.echo(f"\n{status}: {message or 'not computed yet'}")
            for cell in cells[:5]:
                click.echo(f"  {cell}")
            if len(cells) > 5:
                click.echo(f"  … and {len(cells) - 5} more (--json lists all)")
    if found.diverged:
        click.echo(f"\ndiverged: {len(found.diverged)} positions")
        for cell in found.diverged[:5]:
            click.echo(f"  {cell}")


def _alike(messages: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Put the cells of messages together that differ in nothing but numbers.

    They stand under the first such message: a note with a number of every cell's own would
    otherwise be listed once for each cell.
    """
    groups: dict[str, list[str]] = {}
    for message in messages:
        groups.setdefault(_NUMBER.sub("#", message), []).append(message)
    return {
        same[0] + (f" (and {len(same) - 1} with other numbers)" if same[1:] else ""): tuple(
            cell for message in same for cell in messages[message]
        )
        for same in groups.values()
    }
