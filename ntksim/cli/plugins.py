"""``ntksim plugins``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ntksim.cli.outcome import explained, plugins_aside


@click.command("plugins")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """List architectures, kernels, solvers, datasets, diagnostics and activations.

    Each is shown with the plugin that offers it, its version and a one-line description, followed
    by the plugins that failed to load and why. FILES are local plugin files to look at as well.
    """
    from ntksim.hookspecs import KINDS
    from ntksim.registry import LocalPlugin, Registry

    with explained(), plugins_aside():
        registry = Registry.load([LocalPlugin.read(path) for path in files])
    rows = [
        {
            "kind": offer.kind,
            "name": offer.cls.name,
            "plugin": offer.origin.plugin,
            "distribution": offer.origin.distribution,
            "version": offer.origin.version,
            "file": offer.origin.file,
            "description": offer.cls.description(),
            "options": list(offer.options),
        }
        for kind in KINDS
        for offer in sorted(registry.of_kind(kind), key=lambda offer: offer.cls.name)
    ]
    broken = [
        {"plugin": item.origin.plugin, "origin": str(item.origin), "reason": item.reason}
        for item in registry.broken
    ]
    if as_json:
        click.echo(json.dumps({"plugins": rows, "broken": broken}, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for kind in KINDS:
        table = Table(box=None, title=f"{kind}s", title_justify="left", title_style="bold")
        table.add_column("name", no_wrap=True)
        table.add_column("plugin", no_wrap=True)
        table.add_column("version", no_wrap=True)
        table.add_column("description")
        for row in rows:
            if row["kind"] == kind:
                version = row["version"] or "local file"
                table.add_row(row["name"], row["plugin"], version, row["description"])
        console.print(table, highlight=False)
        console.print()
    for item in broken:
        console.print(f"not loaded: {item['origin']}: {item['reason']}", style="red", markup=False)
