"""How much a chunk becomes, from its compressed bytes alone."""

from __future__ import annotations

import struct
from pathlib import Path

MOST_METADATA = 1 << 26
"""Bytes of a file of text beside the chunks: far more than any store has, less than memory."""

MOST_BLOCKS = 100_000
"""Blocks of a frame: those of ten gigabytes."""

_MAGIC = struct.pack("<I", 0xFD2FB528)
_BLOCK = 1 << 17
"""A block of Zstandard never becomes more than this."""


def read_text(path: Path, most: int = MOST_METADATA) -> str:
    """Return the text of a file that is small enough to be one of metadata.

    Raises
    ------
    ValueError
        If it is not, or no text.
    """
    size = path.stat().st_size
    if size > most:
        raise ValueError(f"{path.name} has {size:,} bytes, more than {most:,}")
    return path.read_text(encoding="utf-8")


def most_inflated(content: bytes | memoryview) -> int:
    """Return an upper bound of what one frame of Zstandard becomes, which is all of ``content``.

    Nothing is decompressed (RFC 8878, section 3.1.1). Exact where the frame says how long it is,
    which is what a decoder allocates and never exceeds; otherwise from the headers of its blocks,
    at most 128 kB too much for each. A second frame, or one to be skipped, would be decompressed
    into what the first one does not say: ntksim writes none.

    Raises
    ------
    ValueError
        If it is something else, is cut short, or has more blocks than any chunk.
    """
    length = len(content)
    if length < 6 or content[:4] != _MAGIC:
        raise ValueError("it is no frame of Zstandard")
    descriptor = content[4]
    single, checksum = descriptor >> 5 & 1, descriptor >> 2 & 1
    sizes = (single, 2, 4, 8)[descriptor >> 6]
    at = 5 + (not single) + (0, 1, 2, 4)[descriptor & 3]
    announced = int.from_bytes(content[at : at + sizes], "little") + (256 if sizes == 2 else 0)
    walked, position = 0, at + sizes
    for _ in range(MOST_BLOCKS):
        header = int.from_bytes(content[position : position + 3], "little")
        is_last, kind, size = header & 1, header >> 1 & 3, header >> 3
        walked += size if kind in (0, 1) else _BLOCK
        position += 3 + (1 if kind == 1 else size)
        if position > length or kind == 3:
            raise ValueError("its frame is cut short or damaged")
        if is_last:
            if position + 4 * checksum != length:
                raise ValueError("something stands behind its frame")
            return announced if sizes else walked
    raise ValueError(f"it has more than {MOST_BLOCKS:,} blocks")
