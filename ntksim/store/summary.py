"""What became of the cells of a store."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ntksim.store.declared import CELL_AXES
from ntksim.store.open import open_results


@dataclass(frozen=True)
class Summary:
    """Numbers of cells by status, and by status and message which cells they are.

    ``wall_time`` is the sum over distinct cells, in seconds.
    """

    study: str
    counts: Mapping[str, int]
    messages: Mapping[str, Mapping[str, tuple[str, ...]]]
    diverged: tuple[str, ...]
    wall_time: float

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
        root = tree.to_dataset().load()
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
        study=root.attrs["study"],
        counts=dict(Counter(str(value) for value in status.ravel())),
        messages={
            key: {text: tuple(cells) for text, cells in found.items()}
            for key, found in messages.items()
        },
        diverged=tuple(diverged),
        wall_time=float(np.nansum(times)),
    )


def _label(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
