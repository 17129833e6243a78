"""``ntksim new``."""

from __future__ import annotations

from pathlib import Path

import click

from ntksim.cli.completing import plugin_names
from ntksim.cli.outcome import WRONG, explained, fail


@click.group("new")
def command() -> None:
    """Write something to start from.

    ``ntksim plugin new`` writes a plugin.
    """


@command.command("study")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default="study.yaml")
@click.option(
    "--dataset",
    default="three_points",
    show_default=True,
    help="Data to begin with.",
    shell_complete=plugin_names("dataset"),
)
@click.option(
    "--architecture",
    default="shallow_relu",
    show_default=True,
    help="Network to begin with.",
    shell_complete=plugin_names("architecture"),
)
@click.option(
    "--solver",
    default="eigh",
    show_default=True,
    help="Solver to begin with.",
    shell_complete=plugin_names("solver"),
)
def study(path: Path, dataset: str, architecture: str, solver: str) -> None:
    """Write a commented study to PATH (study.yaml without it).

    It runs as it is. Comments show every option of the plugins that it names, with its default,
    and the names of all others that are installed.
    """
    from ntksim.registry import Registry
    from ntksim.scaffold import StudyNameError, new_study

    path = path if path.suffix in {".yaml", ".yml"} else path.with_name(f"{path.name}.yaml")
    missing: list[str] = []
    with explained():
        try:
            missing = new_study(
                path,
                Registry.load(),
                dataset=dataset,
                architecture=architecture,
                solver=solver,
            )
        except StudyNameError as error:
            fail(str(error), WRONG)
        except FileExistsError:
            fail(f"{path} exists already; choose another name, or remove it", WRONG)
    click.echo(f"wrote {path}")
    for option in missing:
        click.echo(f"  to be filled in: {option}")
    click.echo(f"\nNext:\n  ntksim check {path}\n  ntksim run {path}")
