"""What became of the cells of a store."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ntksim.store.declared import CELL_AXES
from ntksim.store.errors import DamagedStore
from ntksim.store.open import UNREADABLE, open_results

_DESCRIBING = ("status", "message", "diverged", "cell_key", "wall_time")
"""Variables that are read; others may be large."""


@dataclass(frozen=True)
class Summary:
    """Numbers of positions of the grid by status, and by status and message which they are.

    Positions where the same is computed are one of the ``cells``; ``wall_time`` is the sum over
    these, in seconds.
    """

    study: str
    counts: Mapping[str, int]
    messages: Mapping[str, Mapping[str, tuple[str, ...]]]
    diverged: tuple[str, ...]
    wall_time: float
    cells: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


def summarise(store: str | os.PathLike[str]) -> Summary:
    """Read the status of every cell of a store.

    Raises
    ------
    StoreUnusable
        If there is no store that can be opened.
    """
    with open_results(store) as tree:
        try:
            found = tree.to_dataset()[list(_DESCRIBING)]
            if any(found[name].dims != CELL_AXES for name in _DESCRIBING):
                raise ValueError("what describes the cells has other axes than they have")
            root = found.load()
        except UNREADABLE as error:
            raise DamagedStore(
                f"the status of the cells of {os.fspath(store)} cannot be read "
                f"({error!s:.200}); run its study again to repair it"
            ) from error
    names = {axis: [_label(value) for value in root[axis].values] for axis in CELL_AXES}
    status, message = root["status"].values, root["message"].values
    messages: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    diverged = []
    for index in np.ndindex(status.shape):
        cell = ", ".join(
            f"{axis} {names[axis][i]}" if axis in {"width", "seed"} else names[axis][i]
            for axis, i in zip(CELL_AXES, index, strict=True)
        )
        messages[str(status[index])][str(message[index])].append(cell)
        if root["diverged"].values[index]:
            diverged.append(cell)
    keys, first = np.unique(root["cell_key"].values, return_index=True)
    times = root["wall_time"].values.ravel()[first[keys != ""]]
    return Summary(
        study=str(root.attrs["study"]),
        counts=dict(Counter(str(value) for value in status.ravel())),
        messages={
            key: {text: tuple(cells) for text, cells in found.items()}
            for key, found in messages.items()
        },
        diverged=tuple(diverged),
        wall_time=float(np.nansum(times)),
        cells=int((keys != "").sum()),
    )


def _label(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
