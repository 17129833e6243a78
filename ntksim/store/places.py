"""Where a store keeps what belongs to it: everything is a sibling of the Zarr directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ntksim.store.errors import NotAStore


@dataclass(frozen=True)
class Places:
    """Paths around a store, for example ``predictors.zarr``.

    Beside it lie ``predictors.cells`` (the journal), ``predictors.sha256`` (digests of its files,
    in the format of ``sha256sum``), ``predictors.log`` (what failed, and where),
    ``predictors.lock`` with ``predictors.lock.json`` (who is writing), during a run
    ``predictors.attempts`` (what is computed just now), and while the store is replaced, hidden
    siblings. A symbolic link is followed first, so that a store is the same whatever the way
    to it.
    """

    store: Path

    @classmethod
    def of(cls, store: str | os.PathLike[str]) -> Places:
        """Return the places of the store at a path, existing or not.

        Raises
        ------
        NotAStore
            If no store can have such a path.
        """
        try:
            path = Path(os.path.realpath(store))
            path.name.encode()
        except ValueError as error:  # a zero byte, or bytes that are no text
            raise NotAStore(f"{os.fspath(store)!a} is not the path of a store: {error}") from None
        if not path.name:
            raise NotAStore(f"{path} is not the path of a store: it has no name")
        return cls(path)

    @property
    def stem(self) -> str:
        """Name without ``.zarr``; other endings stay, so that different stores share nothing."""
        return self.store.name.removesuffix(".zarr") or self.store.name

    @property
    def journal(self) -> Path:
        """Folder of the finished cells."""
        return self.store.with_name(f"{self.stem}.cells")

    @property
    def manifest(self) -> Path:
        """Digests of the files of the store."""
        return self.store.with_name(f"{self.stem}.sha256")

    @property
    def log(self) -> Path:
        """Text about the cells that failed."""
        return self.store.with_name(f"{self.stem}.log")

    @property
    def attempts(self) -> Path:
        """What the process that writes the store computes just now."""
        return self.store.with_name(f"{self.stem}.attempts")

    @property
    def lock(self) -> Path:
        """File whose kernel lock the writer holds."""
        return self.store.with_name(f"{self.stem}.lock")

    @property
    def owner(self) -> Path:
        """Who holds the lock."""
        return self.store.with_name(f"{self.stem}.lock.json")

    @property
    def building(self) -> Path:
        """The next tree, while it is built."""
        return self.store.with_name(f".{self.store.name}.building")

    @property
    def previous(self) -> Path:
        """The last tree, until the next one has its place."""
        return self.store.with_name(f".{self.store.name}.previous")

    @property
    def next_manifest(self) -> Path:
        """The manifest of the next tree, until that has its place."""
        return self.store.with_name(f".{self.stem}.sha256.next")
