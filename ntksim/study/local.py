"""Plugin files that a study names; nothing is loaded but what it names."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ntksim.registry import LocalPlugin, Registry
from ntksim.registry.errors import shown
from ntksim.study.place import Place

_STEM = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def load_registry(
    place: Place, value: Any, folder: Path, *, allow_local: bool, block: Collection[str]
) -> Registry:
    """Load the installed plugins and the files that the study lists, relative to its folder.

    A file that is missing, broken, or has the name of another plugin is noted as a problem.
    """
    files: dict[str, tuple[Place, LocalPlugin]] = {}
    if value is not None and not allow_local:
        place.refuse("this study names plugin files, and running them is not allowed here")
        value = None
    for at, item in [] if value is None else place.elements(value, "plugins"):
        plugin = _read(at, item, folder)
        if plugin is None:
            continue
        if plugin.name in files:
            at.refuse(f"two plugin files are named '{plugin.name}'; rename one of them")
        files[plugin.name] = (at, plugin)
    registry = Registry.load([plugin for _, plugin in files.values()], block)
    for broken in registry.broken:
        if broken.origin.sha256 is not None:
            at, _ = files[broken.origin.plugin]
            at.refuse(f"the plugin cannot be used: {broken.reason}")
    installed = {
        origin.plugin: origin
        for origin in (part.origin for part in (*registry.offers, *registry.broken))
        if origin.sha256 is None
    }
    for name in files.keys() & installed.keys():
        files[name][0].refuse(f"'{name}' is already the name of {installed[name]}; rename the file")
    return registry


def _read(place: Place, item: Any, folder: Path) -> LocalPlugin | None:
    text = place.text(item, "the path of a plugin file")
    if text is None:
        return None
    path = folder / text
    if path.suffix != ".py" or not _STEM.fullmatch(path.stem):
        place.refuse(f"{shown(text)} is not the path of a Python file such as my_plugin.py")
        return None
    if not path.is_file():
        place.refuse(f"there is no plugin file {path}")
        return None
    try:
        return LocalPlugin.read(path.resolve())
    except (OSError, UnicodeDecodeError) as error:
        place.refuse(f"the plugin file cannot be read: {error}")
        return None
