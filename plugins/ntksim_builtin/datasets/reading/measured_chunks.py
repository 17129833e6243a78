"""How much a chunk becomes, where its compression says so: asked before it is decompressed."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zarr.storage import LocalStore

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

_FRAME = struct.pack("<I", 0xFD2FB528)
_BLOCK = 1 << 17
"""A block of Zstandard never becomes more than this."""


def of_zstandard(content: memoryview) -> int:
    """Return an upper bound of what all frames of Zstandard together become (RFC 8878, 3.1).

    That is what the first one announces where it is all that there is, as decoders believe it.
    """
    becomes: list[tuple[int, int]] = []
    position, length = 0, len(content)
    while position + 6 <= length:
        if content[position + 1 : position + 4] == b"\x2a\x4d\x18":  # a frame to be skipped
            position += 8 + int.from_bytes(content[position + 4 : position + 8], "little")
            continue
        if content[position : position + 4] != _FRAME:
            break
        descriptor = content[position + 4]
        single, checksum = descriptor >> 5 & 1, descriptor >> 2 & 1
        sizes = (single, 2, 4, 8)[descriptor >> 6]
        position += 5 + (not single) + (0, 1, 2, 4)[descriptor & 3]
        said = int.from_bytes(content[position : position + sizes], "little")
        position += sizes
        walked = is_last = 0
        while not is_last and position < length:
            header = int.from_bytes(content[position : position + 3], "little")
            is_last, kind, size = header & 1, header >> 1 & 3, header >> 3
            walked += size if kind in (0, 1) else _BLOCK
            position += 3 + (1 if kind == 1 else size)
        position += 4 * checksum
        becomes.append((said + (256 if sizes == 2 else 0), walked))
    if len(becomes) == 1 and becomes[0][0] and position >= length:
        return becomes[0][0]
    return sum(map(max, becomes))


def of_blosc(content: memoryview) -> int:
    """Return what a buffer of Blosc becomes, which is the second number of its header."""
    return int.from_bytes(content[4:8], "little")


def of_lz4(content: memoryview) -> int:
    """Return what a chunk of LZ4 becomes, which numcodecs writes before it."""
    return int.from_bytes(content[:4], "little")


SIZES: dict[str, Callable[[memoryview], int]] = {
    "zstd": of_zstandard,
    "blosc": of_blosc,
    "lz4": of_lz4,
}
"""By the name of a codec; the others do not say how long their content is."""


class MeasuredChunks(LocalStore):
    """An array of Zarr on this disk, of which no chunk is decompressed that becomes too long.

    ``codec`` names what was done last to a chunk, and ``most`` is how many bytes it may become.

    Raises
    ------
    ValueError
        On reading a chunk that would become more.
    """

    def __init__(self, root: Path, codec: str, most: int, *, read_only: bool = True) -> None:
        super().__init__(root, read_only=True)
        del read_only
        self.codec = codec
        self.most = most

    def with_read_only(self, read_only: bool = False) -> MeasuredChunks:
        """Return the same store."""
        return MeasuredChunks(self.root, self.codec, self.most, read_only=read_only)

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Read a file as Zarr does."""
        return self._checked(key, await super().get(key, prototype, byte_range))

    def get_sync(self, key: str, **options: Any) -> Buffer | None:
        """Read a file as newer versions of Zarr do."""
        return self._checked(key, super().get_sync(key, **options))

    def _checked(self, key: str, found: Buffer | None) -> Buffer | None:
        name = key.rpartition("/")[2]
        if found is None or name.startswith(".z") or name == "zarr.json":
            return found
        becomes = SIZES[self.codec](found.as_numpy_array().data.cast("B"))
        if becomes > self.most:
            raise ValueError(f"chunk {key} becomes {becomes:,} bytes, more than {self.most:,}")
        return found
