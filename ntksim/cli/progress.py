"""Showing what a run does: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ntksim.engine import CellFinished, Collecting, Event, Interrupted, RunStarted, Warned

if TYPE_CHECKING:
    from rich.console import Console

SECONDS_BETWEEN_LINES = 10.0

STOPPING = "finishing the cells in flight; press Ctrl-C again to stop at once"


@contextmanager
def progress() -> Iterator[Callable[[Event], None]]:
    """Return a listener that shows events on standard error."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        with _bar(console) as listener:
            yield listener
    else:
        yield _Lines().show


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[Event], None]]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cells"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("running", total=None)

        def show(event: Event) -> None:
            match event:
                case RunStarted(missing=missing):
                    bar.update(task, total=missing)
                case CellFinished(label=label, error=error, finished=finished):
                    bar.update(task, completed=finished)
                    if error:
                        bar.console.print(f"failed: {label}: {error}", style="red", markup=False)
                case Collecting():
                    bar.update(task, description="collecting")
                case Interrupted():
                    bar.console.print(STOPPING, markup=False)
                case Warned(message=message):
                    bar.console.print(f"warning: {message}", style="yellow", markup=False)

        yield show


class _Lines:
    def __init__(self) -> None:
        self.started = self.last = time.monotonic()

    def show(self, event: Event) -> None:
        match event:
            case RunStarted(missing=missing, stored=stored):
                click.echo(f"computing {missing} cells, {stored} are stored", err=True)
            case CellFinished(error=error, label=label) if error:
                click.echo(f"failed: {label}: {error}", err=True)
            case CellFinished(finished=finished, missing=missing):
                now = time.monotonic()
                if now - self.last > SECONDS_BETWEEN_LINES:
                    self.last = now
                    left = (now - self.started) / finished * (missing - finished)
                    click.echo(f"{finished} of {missing} cells, about {left:.0f} s left", err=True)
            case Interrupted():
                click.echo(STOPPING, err=True)
            case Warned(message=message):
                click.echo(f"warning: {message}", err=True)
            case _:
                pass
