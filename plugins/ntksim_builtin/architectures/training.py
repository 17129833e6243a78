"""Which dense layers of a network are trained."""

from __future__ import annotations

from typing import Literal, TypeAlias

from ntksim import NonNegativeInt

Trained: TypeAlias = Literal["all", "first", "readout"] | tuple[NonNegativeInt, ...]
"""All dense layers, the first or the last one alone, or those with the given numbers, from 0."""


def trained_layers(trained: Trained, layers: int) -> frozenset[int]:
    """Return the numbers of the trained layers among ``layers`` dense ones.

    Raises
    ------
    ValueError
        If none is trained, or a number is not that of a layer.
    """
    if trained == "all":
        return frozenset(range(layers))
    if trained == "first":
        return frozenset({0})
    if trained == "readout":
        return frozenset({layers - 1})
    if not trained:
        raise ValueError("trained is empty; at least one dense layer must be trained")
    for number in trained:
        if not 0 <= number < layers:
            raise ValueError(
                f"trained names dense layer {number}; there are {layers}, numbered 0 to "
                f"{layers - 1}, of which {layers - 1} is the read-out"
            )
    return frozenset(trained)
