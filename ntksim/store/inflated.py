"""How much a chunk becomes, from its compressed bytes alone."""

from __future__ import annotations

import struct
from pathlib import Path

MOST_METADATA = 1 << 26
"""Bytes of a file of text beside the chunks: far more than any store has, less than memory."""

MOST_BLOCKS = 10_000
"""Blocks of a frame: those of a gigabyte."""

_MAGIC = 0xFD2FB528
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


def most_inflated(path: Path) -> int:
    """Return an upper bound of what a file of one Zstandard frame becomes, from its block headers.

    Nothing is decompressed (RFC 8878, section 3.1.1). Exact for blocks that are stored or repeat a
    byte, at most 128 kB too much for each of the others. 0 for what is no such frame, which no
    decoder takes for one either.

    Raises
    ------
    ValueError
        If it has more blocks than any chunk.
    """
    total = blocks = 0
    length = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(18)
        if len(head) < 6 or struct.unpack_from("<I", head)[0] != _MAGIC:
            return 0
        descriptor = head[4]
        single = descriptor >> 5 & 1
        sizes = (single, 2, 4, 8)[descriptor >> 6]
        at = 5 + (not single) + (0, 1, 2, 4)[descriptor & 3]
        if sizes:  # what the frame says is what a decoder allocates
            announced = int.from_bytes(head[at : at + sizes], "little")
            total = announced + 256 if sizes == 2 else announced
        walked, position = 0, at + sizes
        while blocks < MOST_BLOCKS:
            blocks += 1
            file.seek(position)
            header = int.from_bytes(file.read(3), "little")
            kind, size = header >> 1 & 3, header >> 3
            walked += size if kind in (0, 1) else _BLOCK
            position += 3 + (1 if kind == 1 else size)
            if header & 1 or kind == 3 or position > length:
                return max(total, walked)
    raise ValueError(f"{path.name} has more than {MOST_BLOCKS:,} blocks")
