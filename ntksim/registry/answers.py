"""What the methods of plugins must answer, in words."""

from __future__ import annotations

from typing import Any

EVOLUTION = "Evolution(reached (T,), train (T, N, K), test (T, M, K)) for T times"
KERNELS = "Kernels(nngp=…, ntk=…)"
MEASURED = "a mapping of names to values"


def require_answer(method: str, answer: Any, cls: type, wanted: str = "") -> None:
    """Refuse an answer of another type than a plugin's method has to give.

    Raises
    ------
    TypeError
        If it is of another type; the message says what the method must return.
    """
    if isinstance(answer, cls):
        return
    what = "None" if answer is None else type(answer).__name__
    forgotten = "; is a return statement missing?" if answer is None else ""
    raise TypeError(f"{method} returned {what}; it must return {wanted or cls.__name__}{forgotten}")
