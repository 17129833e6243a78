"""Reads the files of a tree only if they are as small as they should be, compressed or not."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zarr.storage import LocalStore

from ntksim.store.announced import MOST_CHUNK
from ntksim.store.inflated import MOST_METADATA, most_inflated
from ntksim.store.manifest import ROOT_METADATA

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

_LEAST_FILE = 1 << 12
"""Bytes of a chunk that are read whatever it should become."""


class GuardedStore(LocalStore):
    """A tree on this disk, whose chunks are measured before anybody decompresses them.

    ``limits`` are the bytes that a chunk may become, by the path of its array; where there is none
    it is ``MOST_CHUNK``. Zarr reads it like any other store, but not to write it.

    Raises
    ------
    ValueError
        On reading a file that is no regular one, is longer than it may be, or is a chunk that would
        become more than that.
    """

    def __init__(
        self, root: Path | str, limits: Mapping[str, int] | None = None, *, read_only: bool = True
    ) -> None:
        super().__init__(root, read_only=True)
        del read_only  # what is known of the chunks would not be true of new ones
        self.limits = dict(limits or {})

    def with_read_only(self, read_only: bool = False) -> GuardedStore:
        """Return the same store."""
        return GuardedStore(self.root, self.limits, read_only=read_only)

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Read a file as Zarr does."""
        most = self._measured(key)
        found = await super().get(key, prototype, byte_range)
        return self._checked(key, found, most)

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Read a file as newer versions of Zarr do."""
        most = self._measured(key)
        found = super().get_sync(key, prototype=prototype, byte_range=byte_range)
        return self._checked(key, found, most)

    def _measured(self, key: str) -> int:
        """Return how many bytes a file may become, if it is not too long itself."""
        folder, _, name = key.rpartition("/")
        is_chunk = name.startswith("c")
        most = self.limits.get(folder, MOST_CHUNK) if is_chunk else MOST_METADATA
        try:
            status = (self.root / key).stat()
        except OSError:
            return most  # said by whoever reads it
        # What does not shrink becomes three bytes longer for each of its blocks.
        if not stat.S_ISDIR(status.st_mode) and (
            not stat.S_ISREG(status.st_mode) or status.st_size > most + most // 1000 + _LEAST_FILE
        ):
            raise ValueError(f"{key} is no file of at most {most:,} bytes")
        return most

    @staticmethod
    def _checked(key: str, found: Buffer | None, most: int) -> Buffer | None:
        if found is None or key.rpartition("/")[2] == ROOT_METADATA:
            return found
        try:
            becomes = most_inflated(found.as_numpy_array().data.cast("B"))
        except ValueError as error:
            raise ValueError(f"{key} is damaged: {error}") from None
        if becomes > most:
            raise ValueError(f"{key} becomes {becomes:,} bytes, more than {most:,}")
        return found
