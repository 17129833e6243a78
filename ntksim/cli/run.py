"""``ntksim run``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ntksim.cli.outcome import CELLS_FAILED, INTERRUPTED, explained
from ntksim.cli.sizes import SIZE


@click.command("run")
@click.argument("study", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--store", type=click.Path(path_type=Path), help="Where results go.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Worker processes on this machine; 1 computes in this process, unless something is "
    "limited.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Use a Dask cluster, such as tcp://host:8786.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Threads of numerical libraries in each worker; part of what fixes the last bits.",
)
@click.option(
    "--memory",
    type=SIZE,
    help="Memory that all workers may use together, such as 8GB; a cell that takes more fails.",
)
@click.option(
    "--cell-timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Time that a cell, or a piece of work that it shares, may take; one that takes longer "
    "fails.",
)
@click.option("--retry-failed", is_flag=True, help="Compute cells again that failed before.")
@click.option(
    "--recompute",
    is_flag=True,
    help="Go on with a store that other versions of the plugins computed.",
)
@click.option("--no-local-plugins", is_flag=True, help="Refuse plugin files named in the study.")
def command(
    study: Path,
    store: Path | None,
    workers: int,
    scheduler: str | None,
    threads: int,
    memory: int | None,
    cell_timeout: float | None,
    retry_failed: bool,
    recompute: bool,
    no_local_plugins: bool,
) -> None:
    """Run STUDY, or what is still missing of it.

    Cells that are stored already are kept: adding a width or a seed to the study computes only
    what is new. Ctrl-C once finishes the cells in flight, twice stops at once; either way what is
    finished is in the store. What fails is described in full in a text file beside the store.
    """
    from ntksim.cli.progress import progress
    from ntksim.engine import run
    from ntksim.store.places import Places
    from ntksim.study import load_study

    with explained():
        loaded = load_study(study, allow_local=not no_local_plugins)
        with progress() as listener:
            summary = run(
                loaded,
                store=store,
                workers=workers,
                scheduler=scheduler,
                threads=threads,
                memory=memory,
                cell_timeout=cell_timeout,
                retry_failed=retry_failed,
                recompute=recompute,
                listener=listener,
            )
    counts = ", ".join(f"{count} {status}" for status, count in summary.counts.items() if count)
    click.echo(f"{loaded.name}: {counts} ({summary.computed} computed in {summary.seconds:.1f} s)")
    click.echo(f"\nResults are in {summary.store}. Open them with\n")
    click.echo("  import xarray")
    click.echo(f'  results = xarray.open_datatree("{_shortest(summary.store)}", engine="zarr")')
    click.echo(f"\nA picture: ntksim plot {_shortest(summary.store)}")
    if summary.unasked:
        kept = _shortest(Places.of(summary.store).journal)
        click.echo(
            f"\n{summary.unasked} earlier results that {study} does not ask for are not in the "
            f"store now. They are kept in {kept}, for a study that does; to have both, give one "
            "another --store."
        )
    if summary.counts.get("failed"):
        click.echo(
            f"\nWhat failed: ntksim status {_shortest(summary.store)}; full tracebacks: "
            f"{_shortest(Places.of(summary.store).log)}",
            err=True,
        )
    if summary.interrupted:
        click.echo("\nInterrupted; run the study again to go on.", err=True)
        sys.exit(INTERRUPTED)
    if not summary.is_complete:
        sys.exit(CELLS_FAILED)


def _shortest(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
