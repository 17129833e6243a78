"""``ntksim plot``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ntksim.cli.completing import kinds, selections
from ntksim.cli.outcome import WRONG, explained, fail

if TYPE_CHECKING:
    from ntksim.plot import Possibility


@click.command("plot")
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--kind",
    metavar="KIND",
    shell_complete=kinds,
    help="What to draw: a kind of picture, or any stored variable; --list shows both.",
)
@click.option(
    "--select",
    "selections",
    multiple=True,
    metavar="AXIS=VALUE",
    shell_complete=selections,
    help="Draw only these values of an axis, such as width=512,inf; may be given for several axes.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Picture to write: .png, .pdf or .svg.  [default: <study>.png]",
)
@click.option("--list", "only_list", is_flag=True, help="List the kinds of pictures; draw none.")
def command(
    store: Path, kind: str | None, selections: tuple[str, ...], output: Path | None, only_list: bool
) -> None:
    """Draw what STORE holds.

    Without --kind the picture is chosen by what was recorded. Seeds become a mean and a band of one
    standard deviation; other axes that vary become lines or panels, as long as they fit.
    """
    try:
        from ntksim import plot
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        fail("pictures need matplotlib: pip install matplotlib", WRONG)
        raise
    from ntksim.store import open_results

    with explained():
        try:
            with open_results(store) as tree:
                select = plot.parse_selection(selections)
                if only_list:
                    _list(plot.possibilities(tree, select), plot.stored_variables(tree, select))
                    return
                target = output or Path(f"{tree.attrs['study']}.png")
                plot.check_format(target)
                choice = plot.choose(tree, kind, select)
                plot.save(plot.drawn(choice), target)
        except plot.PlotError as error:
            fail(str(error), WRONG)
            raise
    if choice.left_out:
        click.echo(f"not drawn: {choice.left_out} cells that failed or are missing", err=True)
    for note in choice.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{choice.kind.name}: {target}")


def _list(found: list[Possibility], variables: list[str]) -> None:
    """Print the kinds that are possible, the variables, and the other kinds with what they lack."""
    width = max(len(item.kind.name) for item in found)
    for item in found:
        if item.datasets:
            click.echo(f"{item.kind.name:{width}}  {item.kind.description}")
    if variables:
        text = f"\nAny variable, over its own dimensions: {', '.join(variables)}"
        click.echo(click.wrap_text(text, 100, "", "  "))
    if any(not item.datasets for item in found):
        click.echo("\nNot of this store:")
    for item in found:
        if not item.datasets:
            click.echo(f"{item.kind.name:{width}}  {item.objection}")
