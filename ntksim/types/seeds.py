"""Random numbers keyed by what is drawn, never by the order in which it is drawn."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SeedTree:
    """A node of a tree of independent random streams.

    ``SeedTree(0).child("seed", 3).generator("parameters")`` is the same stream in every process
    and whatever else was drawn before.
    """

    root: int
    path: tuple[str | int, ...] = ()

    def child(self, *key: str | int) -> SeedTree:
        """Return the subtree below ``key``."""
        return SeedTree(self.root, self.path + key)

    def generator(self, *key: str | int) -> np.random.Generator:
        """Return a fresh generator for the stream named by ``key``."""
        text = "\x1f".join(f"{type(part).__name__}:{part}" for part in self.path + key)
        digest = hashlib.sha256(text.encode()).digest()
        words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 32, 4)]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.root, *words])))
