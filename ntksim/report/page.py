"""Puts a report together: one HTML file with its style, its script and its data."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from ntksim.report.panels import Panel, panels_of
from ntksim.report.tables import Table, provenance_table, results_table, status_table
from ntksim.store import by_dataset, open_results
from ntksim.store.summary import summarise
from ntksim.version import __version__

_LONG = 40
_PROSE = ' class="prose"'
"""Longer entries of a table are wrapped."""


def write_report(store: str | os.PathLike[str], output: str | os.PathLike[str]) -> Path:
    """Write the report of a store to an HTML file and return its path.

    The file holds everything that it shows: no other file, no library and no network is needed.

    Raises
    ------
    StoreUnusable
        If there is no store that can be opened.
    """
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report_html(store), encoding="utf-8")
    return path


def report_html(store: str | os.PathLike[str]) -> str:
    """Return the report of a store: study, provenance, cells, results and interactive pictures.

    Numbers in pictures are rounded to 1/65534 of the range of their curve, those in tables to four
    digits; of many times, points and modes evenly spaced ones are drawn.

    Raises
    ------
    StoreUnusable
        If there is no store that can be opened.
    """
    summary = summarise(store)
    with open_results(store) as tree:
        attributes = tree.attrs
        results = results_table(tree.to_dataset())
        panels = [
            panel for label, data in by_dataset(tree).items() for panel in panels_of(label, data)
        ]
    tables = [table for table in (results, status_table(summary)) if table is not None]
    folder = files("ntksim.report") / "page"
    page, style, script = (
        (folder / name).read_text("utf-8") for name in ("page.html", "style.css", "script.js")
    )
    return Template(page).substitute(
        title=html.escape(str(attributes.get("study", "study"))),
        description=html.escape(str(attributes.get("description", ""))),
        style=style,
        script=script,
        data=_embedded([panel.to_json() for panel in panels]),
        figures="\n".join(_figure(i, panel) for i, panel in enumerate(panels)),
        tables="\n".join(_table(table) for table in tables),
        provenance=_table(provenance_table(attributes)),
        study=html.escape(str(attributes.get("study_as_written", ""))),
        version=html.escape(__version__),
    )


def _embedded(data: Any) -> str:
    """Return JSON that can stand in a script element, whatever text is in it."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _figure(number: int, panel: Panel) -> str:
    title = html.escape(panel.title)
    controls = []
    for choice in panel.choices:
        if choice.name == panel.lines or len(choice.labels) == 1:
            continue
        options = "".join(
            f'<option value="{i}">{html.escape(label)}</option>'
            for i, label in enumerate(choice.labels)
        )
        controls.append(
            f'<label>{choice.name} <select data-choice="{choice.name}">{options}</select></label>'
        )
    if panel.times:
        last = len(panel.times) - 1
        controls.append(
            f'<label class="time">time <input type="range" min="0" max="{last}" value="{last}" '
            f'step="1" aria-label="time"><output></output></label>'
        )
    return (
        f'<figure data-panel="{number}" id="{panel.key}-{number}">'
        f"<figcaption><h2>{title}</h2><p>{html.escape(panel.caption)}</p></figcaption>"
        f'<div class="controls">{"".join(controls)}</div>'
        f'<div class="picture" role="img" aria-label="{title}"></div>'
        '<ul class="legend"></ul></figure>'
    )


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{html.escape(title)}</th>' for title in table.head)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in table.rows)
    note = f"<p>{html.escape(table.note)}</p>" if table.note else ""
    title = html.escape(table.title)
    return (
        f'<section><h2>{title}</h2>{note}<div class="wide" tabindex="0" role="region" '
        f'aria-label="{title}"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        "</div></section>"
    )


def _cells(row: Iterable[str]) -> str:
    return "".join(
        f"<td{_PROSE if len(value) > _LONG else ''}>{html.escape(value)}</td>" for value in row
    )
