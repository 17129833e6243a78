"""``ntksim report``."""

from __future__ import annotations

from pathlib import Path

import click

from ntksim.cli.outcome import explained


@click.command("report")
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="HTML file to write.  [default: <store>.html]",
)
def command(store: Path, output: Path | None) -> None:
    """Write one HTML page about STORE: study, provenance, cells, results, interactive pictures.

    The page is one file, works without a network, and can be sent to anybody.
    """
    from ntksim.report import write_report

    with explained():
        path = write_report(store, output or Path(f"{store.resolve().stem}.html"))
        click.echo(f"wrote {path} ({path.stat().st_size / 1000:.0f} kB)")
