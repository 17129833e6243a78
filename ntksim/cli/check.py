"""``ntksim check``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ntksim.cli.outcome import explained, grid_of, plugins_aside


@click.command("check")
@click.argument("study", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--store", type=click.Path(path_type=Path), help="Store to compare with.")
@click.option("--no-local-plugins", is_flag=True, help="Refuse plugin files named in the study.")
@click.option("--cells", "each", is_flag=True, help="List every cell with its reason.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def command(
    study: Path, store: Path | None, no_local_plugins: bool, each: bool, as_json: bool
) -> None:
    """Check STUDY and show what running it would do.

    Nothing is computed and nothing is written: data are loaded, every option is validated, and
    the grid is expanded into cells: positions where the same is computed, such as an analytic
    kernel at every width, share one. What cells share is computed once. Cells that are not stored
    are counted by the reason: new, changed (and what), not computed yet, damaged; --cells lists
    them all, and so does --json.
    """
    from ntksim.engine import check

    with explained(), plugins_aside():
        found = check(study, store=store, allow_local=not no_local_plugins)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    count = len(found.warnings)
    but = f", with {count} warning{'s' if count > 1 else ''}, see below" if count else ""
    console.print(f"{found.study}: {study} is right{but}", highlight=False, markup=False)
    table = Table(box=None, show_header=False, padding=(0, 2))
    for axis, labels in found.axes.items():
        shown = ", ".join(labels[:8]) + (f", … ({len(labels)})" if len(labels) > 8 else "")
        table.add_row(axis, shown)
    console.print(table, highlight=False, markup=False)
    for label, extent in found.data.items():
        console.print(f"{label}: {extent}", highlight=False, markup=False)
    impossible = sum(found.not_applicable.values())
    console.print(
        f"{grid_of(found.positions, found.cells, impossible)}: {found.stored} stored, "
        f"{found.failed} failed before, {found.missing} to compute",
        highlight=False,
    )
    console.print(
        f"they share {found.kernels} kernels, {found.spectra} eigendecompositions and "
        f"{found.initial_outputs} evaluations of initial networks; the largest cell needs about "
        f"{_size(found.largest_memory)}",
        highlight=False,
    )
    console.print(f"estimated time: {found.time}", highlight=False, markup=False)
    table = Table(box=None, padding=(0, 2))
    for title in ("cells", "reason", "such as"):
        table.add_column(title)
    examples = {cell.reason: cell.label for cell in reversed(found.planned)}
    for reason, count in found.reasons.items():
        table.add_row(str(count), reason, examples[reason])
    console.print(table, highlight=False, markup=False)
    if each:
        table = Table(box=None, padding=(0, 2))
        for title in ("cell", "reason"):
            table.add_column(title)
        for cell in found.planned:
            table.add_row(cell.label, cell.reason)
        console.print(table, highlight=False, markup=False)
    for reason, count in found.not_applicable.items():
        console.print(f"{count} positions are not applicable: {reason}", markup=False)
    for warning in found.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False)


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
