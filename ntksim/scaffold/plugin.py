"""A complete, installable plugin, written from templates.

Templates are working files of a plugin called ``my_plugin`` with the class ``MyPlugin``; both are
replaced by the new names. Those of a kind are in the folder of its name.
"""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ntksim.registry import Registry
from ntksim.version import __version__

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 40
_WORDS = re.compile(r"my_plugin|my-plugin|MyPlugin|KIND|NTKSIM_VERSION")


class PluginNameError(ValueError):
    """A name that a plugin cannot have; the message says why, and what is allowed."""


def new_plugin(name: str, kind: str, parent: Path) -> list[Path]:
    """Write the package of a new plugin into the new folder ``parent / name``.

    Returns the files that were written.

    Raises
    ------
    PluginNameError
        If the name cannot be that of a plugin of this kind.
    FileExistsError
        If the folder is there already.
    """
    templates = files("ntksim.scaffold") / "templates"
    example = (templates / kind / "plugin.py.txt").read_text(encoding="utf-8")
    class_name = "".join(part.capitalize() for part in name.split("_"))
    _check_name(name, kind, class_name, example)
    names = {
        "my_plugin": name,
        "my-plugin": name.replace("_", "-"),
        "MyPlugin": class_name,
        "KIND": kind,
        "NTKSIM_VERSION": __version__,
    }
    folder = parent / name
    folder.mkdir(parents=True)
    sources = {
        "pyproject.toml": templates / "pyproject.toml.txt",
        "README.md": templates / "README.md.txt",
        f"src/ntksim_{name}/__init__.py": templates / kind / "plugin.py.txt",
        f"tests/test_{name}.py": templates / kind / "test.py.txt",
        "study.yaml": templates / kind / "study.yaml.txt",
    }
    return [_written(folder / path, source, names) for path, source in sources.items()]


def _check_name(name: str, kind: str, class_name: str, example: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        nearest = re.sub(r"[^a-z0-9]+", "_", words).strip("_0123456789")[:_LONGEST].rstrip("_")
        raise PluginNameError(
            f"'{name}' cannot name a plugin: a name has small letters, digits and single "
            f"underscores, begins with a letter and is at most {_LONGEST} long"
            + (f"; for example '{nearest}'" if nearest else "")
        )
    if name.startswith("ntksim_"):
        raise PluginNameError(
            f"leave out 'ntksim' and write '{name.removeprefix('ntksim_')}': the package will be "
            f"called {name} anyway"
        )
    if keyword.iskeyword(class_name) or re.search(rf"\b{class_name}\b", example):
        raise PluginNameError(
            f"the {kind} '{name}' would be the class {class_name}, a name that its file needs for "
            f"something else; choose another, such as 'my_{name}'"
        )
    for offer in Registry.load().of_kind(kind):
        if offer.cls.name == name:
            raise PluginNameError(
                f"'{name}' is the name of the {kind} of {offer.origin}; choose another, or "
                "studies would have to say which of the two they mean"
            )


def _written(path: Path, source: Traversable, names: dict[str, str]) -> Path:
    text = source.read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_WORDS.sub(lambda match: names[match[0]], text), encoding="utf-8")
    return path
