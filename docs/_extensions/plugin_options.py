"""The directive ``plugin-options``: every installed plugin of a kind with its options.

It reads what the plugins say of themselves, so the page cannot fall behind the code.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from docutils import nodes
from ntksim.registry import Offer, Registry
from ntksim.study import json_schema
from sphinx.util.docutils import SphinxDirective


class PluginOptions(SphinxDirective):
    """Lists the plugins of the kind that is its argument."""

    required_arguments = 1
    has_content = False
    _found: ClassVar[tuple[Registry, dict[str, Any]] | None] = None

    def run(self) -> list[nodes.Node]:
        """Return a definition of each plugin, with a table of its options."""
        if self._found is None:
            registry = Registry.load()
            PluginOptions._found = registry, json_schema(registry)["$defs"]
        assert self._found is not None  # noqa: S101 - for the type checker
        registry, schemas = self._found
        kind = self.arguments[0]
        made: list[nodes.Node] = []
        for offer in sorted(registry.of_kind(kind), key=lambda offer: offer.cls.name):
            section = nodes.section(ids=[f"{kind}-{offer.cls.name}".replace("_", "-")])
            section += nodes.title("", "", nodes.literal(text=offer.cls.name))
            schema = schemas[f"{kind}.{offer.qualified_name.replace(':', '.')}"]
            section += self._prose(schema.get("description", ""), offer)
            if table := _table(schema):
                section += table
            made.append(section)
        return made

    def _prose(self, text: str, offer: Offer) -> list[nodes.Node]:
        made: list[nodes.Node] = []
        for block in text.split("\n\n"):
            if all(line.startswith("    ") for line in block.splitlines()):
                made.append(nodes.literal_block(text=block))
                continue
            made.append(nodes.paragraph("", "", *_inline(" ".join(block.split()))))
        variables = getattr(offer.cls, "variables", None)
        if offer.kind == "diagnostic" and variables:
            listed = nodes.bullet_list()
            for name, spec in variables.items():
                dims = f" ({', '.join(spec.dims)})" if spec.dims else ""
                entry = nodes.paragraph("", "", nodes.literal(text=name))
                entry += nodes.Text(f"{dims}: {spec.long_name}")
                listed += nodes.list_item("", entry)
            made.append(listed)
        return made


def _inline(text: str) -> list[nodes.Node]:
    made: list[nodes.Node] = []
    for i, part in enumerate(text.replace("``", "`").split("`")):
        if part:
            made.append(nodes.literal(text=part) if i % 2 else nodes.Text(part))
    return made


def _table(schema: dict[str, Any]) -> nodes.table | None:
    options = {
        name: described
        for name, described in schema["properties"].items()
        if name not in ("name", "label")
    }
    if not options:
        return None
    table = nodes.table()
    group = nodes.tgroup(cols=3)
    table += group
    for width in (20, 20, 60):
        group += nodes.colspec(colwidth=width)
    head = nodes.thead()
    head += _row(*([nodes.Text(title)] for title in ("option", "default", "what it is")))
    body = nodes.tbody()
    for name, described in options.items():
        required = name in schema["required"]
        default = [] if required else [nodes.literal(text=_default(described.get("default")))]
        body += _row(
            [nodes.literal(text=name)],
            default or [nodes.emphasis(text="required")],
            _inline(" ".join(described.get("description", "").split())),
        )
    group += head
    group += body
    return table


def _default(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"name"}:
        return str(value["name"]).partition(":")[2]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _row(*cells: Sequence[nodes.Node]) -> nodes.row:
    row = nodes.row()
    for cell in cells:
        row += nodes.entry("", nodes.paragraph("", "", *cell))
    return row


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("plugin-options", PluginOptions)
    return {"parallel_read_safe": True}
