"""``ntksim status``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ntksim.cli.outcome import explained


@click.command("status")
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def command(store: Path, as_json: bool) -> None:
    """Show which cells of STORE are done, failed, missing or not applicable, and why."""
    from ntksim.store.summary import summarise

    with explained():
        found = summarise(store)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
        return
    counts = ", ".join(f"{count} {status}" for status, count in found.counts.items() if count)
    click.echo(f"{found.study}: {counts}; cells took {found.wall_time:.1f} s in all")
    for status in ("failed", "missing", "not applicable", "done"):
        for message, cells in found.messages.get(status, {}).items():
            if status == "done" and not message:
                continue
            click.echo(f"\n{status}: {message or 'not computed yet'}")
            for cell in cells[:5]:
                click.echo(f"  {cell}")
            if len(cells) > 5:
                click.echo(f"  … and {len(cells) - 5} more")
    if found.diverged:
        click.echo(f"\ndiverged: {len(found.diverged)} cells")
        for cell in found.diverged[:5]:
            click.echo(f"  {cell}")
