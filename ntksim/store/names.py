"""Which names can be used in the store, and the names of its groups."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.+-]*")
_LONGEST = 100


@lru_cache(1024)  # thousands of records have the same few names
def check_variable_name(name: str) -> None:
    """Refuse a name that cannot be that of an array in a Zarr group.

    Raises
    ------
    ValueError
        If it is not made of letters, digits, ``_``, ``.``, ``+`` and ``-``, starting with a letter
        or one underscore, or is longer than 100 characters.
    """
    if _VARIABLE.fullmatch(name) is None or name.startswith("__") or len(name) > _LONGEST:
        raise ValueError(
            f"'{name}' cannot be the name of a variable: use at most {_LONGEST} letters, digits, "
            "'_', '.', '+' and '-', starting with a letter or a single '_'"
        )


def group_names(labels: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """Return a group name for each dataset label, the label itself wherever that is possible.

    Characters that file systems or Zarr reserve become ``_``; a name that is ``taken`` by a
    variable of the root group, or that differs from another only in case, gets a number. The label
    stays the coordinate.
    """
    used = {name.casefold() for name in taken}
    names = {}
    for label in labels:
        cleaned = re.sub(r"[^\w.+-]", "_", label).lstrip(".")[:_LONGEST]
        if cleaned.startswith("__") or not cleaned.strip("_."):
            cleaned = "data" + cleaned.strip(".")
        name, number = cleaned, 1
        while name.casefold() in used:
            number += 1
            name = f"{cleaned}-{number}"
        used.add(name.casefold())
        names[label] = name
    return names
