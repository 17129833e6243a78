"""Compressed zeros, made block by block."""

from __future__ import annotations

import struct


def zstd_of_zeros(blocks: int) -> bytes:
    """A frame of Zstandard (RFC 8878): blocks of 128 kB, each one byte that is repeated."""
    size = blocks << 17
    # Frame header: single segment, eight bytes of content size.
    frame = struct.pack("<IBQ", 0xFD2FB528, 0b11100000, size)
    for block in range(blocks):
        header = (1 << 17) << 3 | 1 << 1 | (block == blocks - 1)  # size, type RLE, last
        frame += header.to_bytes(3, "little") + b"\0"
    return frame
