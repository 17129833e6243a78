"""Why there is no picture, in a sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PlotError(ValueError):
    """What was asked for cannot be drawn; the message says why and what to do."""


def listing(names: Iterable[object]) -> str:
    """Return names as ``a, b, c``, the middle left out where there are many."""
    words = [str(name) for name in names]
    if len(words) > 12:
        words = [*words[:8], "…", *words[-3:]]
    return ", ".join(words) if words else "nothing"


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the closest name, or nothing where none is close."""
    found = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    return f"; did you mean '{found[0]}'?" if found else ""
