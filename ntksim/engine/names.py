"""Names that diagnostics give to the entries of their dimensions, checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, MutableMapping

import numpy as np

from ntksim.types import Diagnostic, FinishedCell
from ntksim.types.result import POINT_DIMS


def add_names(
    names: MutableMapping[str, list[str]],
    diagnostic: Diagnostic,
    cell: FinishedCell,
    selected: Mapping[str, np.ndarray],
) -> None:
    """Add the names along the dimensions of what was selected of a diagnostic.

    Raises
    ------
    ValueError
        If names do not fit the values, come twice, are not text, or are not those of another
        diagnostic along the same dimension; or if the dimension is not a diagnostic's own.
    """
    sizes = {
        dim: size
        for name, value in selected.items()
        for dim, size in zip(diagnostic.variables[name].dims, value.shape, strict=True)
    }
    for dim, own in diagnostic.labels(cell).items():
        if dim not in sizes:
            continue
        found = [str(name) for name in own]
        if dim in POINT_DIMS or dim == "time":
            raise ValueError(f"'{dim}' is every diagnostic's dimension; none can name its entries")
        if len(found) != sizes[dim]:
            raise ValueError(f"there are {sizes[dim]} values along '{dim}' and the names {found}")
        name, times = Counter(found).most_common(1)[0]
        if times > 1:
            raise ValueError(f"the name '{name}' is there {times} times along '{dim}'")
        if names.setdefault(dim, found) != found:
            raise ValueError(
                f"along '{dim}' another diagnostic has the names {names[dim]}, not {found}"
            )
