"""``ntksim schema``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ntksim.cli.outcome import explained


@click.command("schema")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; standard output without it.",
)
def command(output: Path | None) -> None:
    """Write the JSON Schema of studies, with the options of every installed plugin.

    With this line at the top of a study, editors that know YAML complete and check it:

    \b
      # yaml-language-server: $schema=ntksim.schema.json
    """  # noqa: D301 - the \b is click's, which does not re-wrap what follows
    from ntksim.registry import Registry
    from ntksim.study import json_schema

    with explained():
        text = json.dumps(json_schema(Registry.load()), indent=2) + "\n"
        if output is None:
            click.echo(text, nl=False)
        else:
            output.write_text(text, encoding="utf-8")
            click.echo(f"wrote {output}")
