"""``ntksim verify``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ntksim.cli.outcome import STORE_UNUSABLE, explained


@click.command("verify")
@click.argument("store", type=click.Path(path_type=Path))
def command(store: Path) -> None:
    """Compare every file of STORE, and every record of its journal, with its digest.

    A missing chunk would be read as NaN without a word, a flipped bit perhaps as another number.
    What is found damaged is computed or collected again by the next `ntksim run`.
    """
    from ntksim.store import Places
    from ntksim.store.verify import verify

    with explained():
        found = verify(store)
    click.echo(f"{found.files} files and {found.cells} journalled cells looked at")
    for what in ("missing", "damaged", "foreign"):
        for name in getattr(found, what):
            click.echo(f"{what}: {name}")
    for key in found.damaged_cells:
        unused = " of a cell that the store does not have" if key in found.unused_cells else ""
        click.echo(f"damaged record{unused}: {key}")
    if not found.has_manifest:
        click.echo("there is no list of digests beside this store; it was judged as a whole")
    if found.is_repairable:
        click.echo("error: the store is damaged; run its study again to repair it", err=True)
        sys.exit(STORE_UNUSABLE)
    if not found.is_whole:
        click.echo(
            "error: the store is whole, but beside it are damaged records that it does not need: "
            f"delete them from {Places.of(store).journal}; if their cells are asked for again, "
            "they are computed again",
            err=True,
        )
        sys.exit(STORE_UNUSABLE)
    click.echo("everything is as it was written")
