"""Kernels of layers at infinite width, on one of two paths that agree."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Literal, TypeAlias

import numpy as np

from ntksim.nn.fused.matrix import BOTH, fused_kernels
from ntksim.nn.fused.program import Program, lowered
from ntksim.nn.inputs import Directions, input_moments
from ntksim.nn.layers import Layer, Serial
from ntksim.types import Array, KernelKind, Kernels

Path: TypeAlias = Literal["auto", "fused", "layers"]
"""``fused``: all layers at once for a few pairs, by compiled loops. ``layers``: the layers' own
algebra, which knows every layer. ``auto``: fused where there is such a form and enough pairs."""

ENOUGH_PAIRS = 2**16
"""Fewest pairs for which compiled code is loaded, which takes half a second once in a process."""

TILE = 128
"""Points on a side of a tile on the path of layers: what one layer holds fits a cache."""


def limit_kernels(
    layers: Sequence[Layer],
    x1: Array,
    x2: Array | None,
    path: Path = "auto",
    wanted: Collection[KernelKind] = BOTH,
) -> Kernels:
    """Both kernels, each (N, M), of ``layers`` on the inputs (N, …, features); ``x2=None``: x1.

    Of a kernel that is not ``wanted`` nothing is held; without the tangent kernel the compiled
    loops have a third less to do.

    Raises
    ------
    NoClosedForm
        If a layer has no infinite-width limit where it stands.
    ValueError
        If the path is ``fused`` and there is no fused form.
    """
    if path != "layers":
        first = second = None
        if x1.ndim == 2:
            first = Directions.of(x1)
            second = None if x2 is None else Directions.of(x2)
        program = _program(layers, first, second, x1.shape[-1], path)
        if program is not None and first is not None:
            found = fused_kernels(program, first, second, wanted)
            return _with_dead_points(layers, found, program.dead, x1, x2)
        if path == "fused":
            raise ValueError(
                f"{_names(layers)} have no fused form for these inputs: it takes dense layers with "
                "an activation between each two, and moderate deviations where that is smooth"
            )
    return _by_layers(layers, x1, x2, wanted)


def limit_path(layers: Sequence[Layer], x1: Array, x2: Array | None) -> Literal["fused", "layers"]:
    """Return the path that ``auto`` takes; it depends on the layers and the inputs alone."""
    if x1.ndim != 2:
        return "layers"
    second = None if x2 is None else Directions.of(x2)
    program = _program(layers, Directions.of(x1), second, x1.shape[-1], "auto")
    return "layers" if program is None else "fused"


def _program(
    layers: Sequence[Layer],
    first: Directions | None,
    second: Directions | None,
    fan_in: int,
    path: Path,
) -> Program | None:
    if first is None:
        return None
    std = first.std if second is None else np.concatenate([first.std, second.std])
    pairs = len(first.std) * len(first.std if second is None else second.std)
    if not pairs or (path == "auto" and pairs < ENOUGH_PAIRS):
        return None
    return lowered(layers, std, fan_in)


def _by_layers(
    layers: Sequence[Layer], x1: Array, x2: Array | None, wanted: Collection[KernelKind]
) -> Kernels:
    """The kernels tile by tile, each through all layers."""
    limit = Serial(*layers)
    other = x1 if x2 is None else x2
    found = {kind: np.empty((len(x1), len(other))) for kind in BOTH if kind in wanted}
    step = max(1, TILE // math.prod(x1.shape[1:-1]))
    for rows in _slices(len(x1), step):
        for columns in _slices(len(other), step):
            if x2 is None and columns.start < rows.start:
                for kernel in found.values():
                    kernel[rows, columns] = kernel[columns, rows].T
                continue
            same = x2 is None and columns == rows
            moments = limit.moments(input_moments(x1[rows], None if same else other[columns]))
            for kind, kernel in found.items():
                tile = moments.second.covariance if kind == "nngp" else moments.ntk
                kernel[rows, columns] = np.triu(tile) + np.triu(tile, 1).T if same else tile
    return Kernels(nngp=found.get("nngp"), ntk=found.get("ntk"))


def _with_dead_points(
    layers: Sequence[Layer], found: Kernels, dead: np.ndarray, x1: Array, x2: Array | None
) -> Kernels:
    """Compute rows and columns of points whose units vanish, which have no angle, by layers."""
    kernels: dict[KernelKind, Array] = {}
    if found.nngp is not None:
        kernels["nngp"] = found.nngp
    if found.ntk is not None:
        kernels["ntk"] = found.ntk
    rows = np.flatnonzero(dead[: len(x1)])
    columns = rows if x2 is None else np.flatnonzero(dead[len(x1) :])
    other = x1 if x2 is None else x2
    for part in (rows[i : i + TILE] for i in range(0, len(rows), TILE)):
        own = _by_layers(layers, x1[part], other, tuple(kernels))
        for kind, kernel in kernels.items():
            kernel[part] = getattr(own, kind)
    for part in (columns[i : i + TILE] for i in range(0, len(columns), TILE)):
        own = _by_layers(layers, x1, other[part], tuple(kernels))
        for kind, kernel in kernels.items():
            kernel[:, part] = getattr(own, kind)
    return found


def _names(layers: Sequence[Layer]) -> str:
    return "the layers " + ", ".join(type(layer).__name__ for layer in layers)


def _slices(points: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, points)) for start in range(0, points, step))
