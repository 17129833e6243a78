"""``ntksim plugins``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from ntksim.cli.completing import plugin_names
from ntksim.cli.outcome import WRONG, explained, fail, plugins_aside

if TYPE_CHECKING:
    from ntksim.registry import Offer, Registry


class _NameOrFile(click.Path):
    """Completes names of plugins; where there are none that begin so, files."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        names = plugin_names()(ctx, param, incomplete)
        return [CompletionItem(name) for name in names] or super().shell_complete(
            ctx, param, incomplete
        )


@click.command("plugins")
@click.argument("files", metavar="[NAMES|FILES]...", nargs=-1, type=_NameOrFile(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """List architectures, kernels, solvers, datasets, diagnostics and activations.

    Each is shown with the plugin that offers it, its version and a one-line description, followed
    by the plugins that failed to load and why. With NAMES, such as mlp or file, only these are
    shown, with all their options. FILES are local plugin files to look at as well.
    """
    from ntksim.hookspecs import KINDS
    from ntksim.registry import LocalPlugin, Registry

    names = [str(path) for path in files if not path.is_file()]
    with explained(), plugins_aside():
        registry = Registry.load([LocalPlugin.read(path) for path in files if path.is_file()])
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
        if not names or {offer.cls.name, offer.qualified_name} & set(names)
    ]
    _refuse_unknown(names, registry)
    broken = [
        {"plugin": item.origin.plugin, "origin": str(item.origin), "reason": item.reason}
        for item in registry.broken
    ]
    if as_json:
        click.echo(json.dumps({"plugins": rows, "broken": broken}, indent=2))
        return
    if names:
        click.echo("\n\n".join(_explained_plugins(names, registry)))
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


def _refuse_unknown(names: list[str], registry: Registry) -> None:
    """End the command if one of the names is neither a plugin nor a file."""
    from ntksim.registry.errors import nearest

    known = {name for offer in _offers(registry) for name in (offer.cls.name, offer.qualified_name)}
    for name in names:
        if name not in known:
            fail(
                f"there is no plugin or file {name!r}; `ntksim plugins` lists what there is"
                f"{nearest(name, known)}",
                WRONG,
            )


def _explained_plugins(names: list[str], registry: Registry) -> Iterator[str]:
    """Yield a text for every plugin of these names: what it is, and its options."""
    from ntksim.study import json_schema

    schemas = json_schema(registry)["$defs"]
    for offer in _offers(registry):
        if not {offer.cls.name, offer.qualified_name} & set(names):
            continue
        schema = schemas[f"{offer.kind}.{offer.qualified_name.replace(':', '.')}"]
        about = offer.cls.description().replace("``", "")
        lines = [click.wrap_text(f"{offer.cls.name} ({offer.kind}): {about}", 100, "", "  ")]
        for option in offer.options:
            described = schema["properties"].get(option, {})
            text = " ".join(str(described.get("description", "")).replace("``", "").split())
            value = "required"
            if option not in schema.get("required", []):
                default = described.get("default")
                if isinstance(default, dict) and default.keys() == {"name"}:
                    default = default["name"].partition(":")[2]
                value = f"default {json.dumps(default, ensure_ascii=False)}"
            lines.append(click.wrap_text(f"{option} ({value}): {text}", 100, "  ", "      "))
        yield "\n".join(lines if offer.options else [*lines, "  It has no options."])


def _offers(registry: Registry) -> Iterator[Offer]:
    from ntksim.hookspecs import KINDS

    return (offer for kind in KINDS for offer in registry.of_kind(kind))
