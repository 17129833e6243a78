"""``ntksim completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that lets SHELL complete commands, options and files.

    \b
    bash:  ntksim completion bash > ~/.local/share/bash-completion/completions/ntksim
    zsh:   ntksim completion zsh > ~/.zfunc/_ntksim      (a folder that is in $fpath)
    fish:  ntksim completion fish > ~/.config/fish/completions/ntksim.fish
    """  # noqa: D301 - the \b is click's, which does not re-wrap what follows
    from ntksim.cli import main

    made = get_completion_class(shell)
    assert made is not None  # noqa: S101 - click has all three
    click.echo(made(main, {}, "ntksim", "_NTKSIM_COMPLETE").source())
