"""Digests of the files of a tree, in the format of ``sha256sum``."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ntksim.store.inflated import read_text

ROOT_METADATA = "zarr.json"

MOST_FILE = 1 << 32
"""Bytes of a file of a tree: chunks are a thousandth of that. Holes may be longer than disks."""

MOST_MANIFEST = 1 << 30
"""Bytes of a manifest: those of ten million chunks."""

_THREADS = 8


def list_files(folder: Path) -> list[str]:
    """Return the files of a tree relative to its root, sorted; symbolic links are not followed."""
    found = []
    for base, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(base, name))]
        found += [Path(base, name).relative_to(folder).as_posix() for name in (*files, *links)]
    return sorted(found)


def digest_tree(folder: Path, *, sync: bool = False) -> dict[str, str]:
    """Return the SHA-256 of each file, ``""`` where there is no regular file to read.

    With ``sync`` every file is also flushed to the disk.
    """
    names = list_files(folder)
    with ThreadPoolExecutor(_THREADS) as pool:
        digests = pool.map(lambda name: _digest(folder / name, sync), names)
        return dict(zip(names, digests, strict=True))


def combined_digest(digests: Mapping[str, str]) -> str:
    """Return one digest of all files but the root's metadata, which carry it as an attribute."""
    others = {name: digest for name, digest in digests.items() if name != ROOT_METADATA}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def seal_tree(folder: Path) -> dict[str, str]:
    """Write ``tree_sha256`` into the root's attributes and return the digests of all files."""
    digests = digest_tree(folder, sync=True)
    root = folder / ROOT_METADATA
    content = json.loads(root.read_text(encoding="utf-8"))
    content["attributes"]["tree_sha256"] = combined_digest(digests)
    root.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
    digests[ROOT_METADATA] = _digest(root, sync=True)
    return digests


def write_manifest(path: Path, store_name: str, digests: Mapping[str, str]) -> None:
    """Write digests so that ``sha256sum --check`` in the store's folder understands them."""
    lines = (f"{digest}  {store_name}/{name}\n" for name, digest in sorted(digests.items()))
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(path: Path) -> dict[str, str] | None:
    """Return the digests of a manifest by name within the store; ``None`` if there is none."""
    try:
        text = read_text(path, MOST_MANIFEST)
    except (FileNotFoundError, ValueError):
        return None
    digests = {}
    for line in text.splitlines():
        digest, _, name = line.partition("  ")
        digests[name.partition("/")[2]] = digest
    return digests


def is_manifest_of(manifest: Mapping[str, str] | None, store: Path) -> bool:
    """Whether a manifest was written with the tree that lies at a path."""
    if manifest is None:
        return False
    return manifest.get(ROOT_METADATA) == _digest(store / ROOT_METADATA, sync=False)


def _digest(path: Path, sync: bool) -> str:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_FILE:
        return ""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if sync:
            os.fsync(file.fileno())
    return digest
