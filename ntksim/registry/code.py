"""The digest of an installed plugin's code, by which a change without a new version is noticed."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SUFFIXES = (".py", ".so", ".pyd")
"""Files that hold code; folders in which Python keeps what it has compiled do not count."""

_known: dict[str, tuple[list[Any], str]] = {}
"""For each package what of it was loaded, as module specifications, and its digest then."""


def code_digest(module: str) -> str:
    """Return the SHA-256 over the code of the package that an imported module belongs to.

    All of the package counts, from its topmost folder on, with the names of the files; a module
    that is in no package counts alone. Where the files lie does not matter: the same code gives the
    same digest installed, in editable mode and elsewhere. The digest is that of what this process
    has loaded: files that change afterwards are not looked at until a module of the package is
    loaded, or loaded again. It is empty where there is no file to read.
    """
    found = _root(module)
    if found is None:
        return ""
    name, root = found
    loaded = [
        getattr(part, "__spec__", None)
        for key, part in sorted(sys.modules.items())
        if key == name or key.startswith(f"{name}.")
    ]
    before, digest = _known.get(name, ([], ""))
    if len(before) == len(loaded) and all(a is b for a, b in zip(before, loaded, strict=True)):
        return digest
    digest = _digest(root)
    _known[name] = loaded, digest
    return digest


def _root(module: str) -> tuple[str, Path] | None:
    """Return the topmost package with a file of its own and its folder, or a module and its file.

    A namespace package has no file; it is shared between distributions.
    """
    names = module.split(".")
    for length in range(1, len(names) + 1):
        name = ".".join(names[:length])
        found = sys.modules.get(name)
        file = getattr(found, "__file__", None)
        if file is not None and os.path.isfile(file):
            return name, Path(file).parent if hasattr(found, "__path__") else Path(file)
    return None


def _digest(root: Path) -> str:
    digest = hashlib.sha256()
    try:
        for name, path in sorted(_files(root)):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{name} {content}\n".encode())
    except OSError:
        return ""
    return digest.hexdigest()


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    if root.is_file():
        yield root.name, root
        return
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for file in files:
            if file.endswith(_SUFFIXES):
                path = Path(folder, file)
                yield path.relative_to(root).as_posix(), path
