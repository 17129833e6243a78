"""The command line: one module per command, imported when the command is asked for."""

from __future__ import annotations

import os
from importlib import import_module

import click

from ntksim.version import __version__

_COMMANDS = {
    "check": "Check a study and show what running it would do.",
    "run": "Run a study, or what is still missing of it.",
    "status": "Show which cells of a store are done, failed or missing.",
    "plot": "Draw what a store holds, chosen by what was recorded.",
    "report": "Write one HTML page about a store, with interactive pictures.",
    "verify": "Look for damaged, missing or foreign data in a store.",
    "diff": "Compare two stores: studies, versions, cells and numbers.",
    "plugins": "List what studies can name, and where it comes from.",
    "new": "Write a study to start from.",
    "plugin": "Write a plugin of your own: a complete package, with tests.",
    "schema": "Write the JSON Schema of studies, for editors.",
    "completion": "Let the shell complete commands, options and files.",
}


class _LazyGroup(click.Group):
    """Shows the help of all commands without importing any of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        return import_module(f"ntksim.cli.{cmd_name}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            if not (close := get_close_matches(args[0], _COMMANDS, n=1)):
                raise
            raise click.UsageError(f"{error.message} Did you mean '{close[0]}'?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Start here:
  ntksim check studies/quickstart.yaml     what would run, and is the study right?
  ntksim run studies/quickstart.yaml       run it; run it again to compute what is missing
  python -c "import xarray; print(xarray.open_datatree('quickstart.zarr', engine='zarr'))"

\b
Exit codes: 0 done, 1 some cells failed, 2 the study or the command is wrong, 3 the store is
damaged or belongs to something else, 75 the store is in use, 130 interrupted.""",
)
@click.version_option(__version__, prog_name="ntksim")
def main() -> None:
    """Simulate the training dynamics of wide neural networks.

    A study is a YAML file: grids over dataset, architecture, width, seed, kernel and solver, and
    the training times to look at. ntksim runs its cells with Dask and stores labelled results
    that xarray opens.
    """


if "_NTKSIM_COMPLETE" in os.environ:  # asked by a shell, and by nobody else
    import_module("ntksim.cli.completing").register()
