"""Compressed zeros, made block by block."""

from __future__ import annotations

import struct


def zstd_of_zeros(blocks: int, *, says: bool = True) -> bytes:
    """A frame of Zstandard (RFC 8878): blocks of 128 kB, each one byte that is repeated.

    It ``says`` how long its content is, or it does not.
    """
    if says:  # single segment, eight bytes of content size
        frame = struct.pack("<IBQ", 0xFD2FB528, 0b11100000, blocks << 17)
    else:  # a window of 2 MB
        frame = struct.pack("<IBB", 0xFD2FB528, 0, 11 << 3)
    for block in range(blocks):
        header = (1 << 17) << 3 | 1 << 1 | (block == blocks - 1)  # size, type RLE, last
        frame += header.to_bytes(3, "little") + b"\0"
    return frame
