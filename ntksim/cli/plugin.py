"""``ntksim plugin``."""

from __future__ import annotations

from pathlib import Path

import click

from ntksim.cli.outcome import WRONG, explained, fail

_KINDS = ("architecture", "activation", "kernel", "solver", "dataset", "diagnostic")


@click.group("plugin")
def command() -> None:
    """Write plugins of your own.

    ``ntksim plugins`` lists those that are there.
    """


@command.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    default="architecture",
    show_default=True,
    help="What it is.",
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder in which the new folder is made; the current one without it.",
)
def new(name: str, kind: str, into: Path) -> None:
    """Write a complete, installable, tested plugin into the new folder NAME.

    The package holds a working example, whose class you edit, a test file that checks all laws of
    its kind (see ntksim.testing), and a study that uses it.
    """
    from ntksim.scaffold import PluginNameError, new_plugin

    folder = into / name
    written: list[Path] = []
    with explained():
        try:
            written = new_plugin(name, kind, into)
        except PluginNameError as error:
            fail(str(error), WRONG)
        except FileExistsError:
            fail(f"{folder} exists already; choose another name, or remove it", WRONG)
    click.echo(f"wrote the {kind} '{name}':")
    for path in written:
        click.echo(f"  {path}")
    click.echo(
        f"\nNext:\n  cd {folder}\n  pip install -e '.[test]'\n  pytest\n  ntksim run study.yaml"
    )
