"""How much memory a cell takes, before anything is allocated."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ntksim.types import MATRICES, SPREADS, Dataset, Extra, Requirement, VariableSpec

_FLOAT = 8

_ROWS = 2048
"""Rows of a tile of a kernel that is known by its products."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that one cell holds at once: its large arrays of float64 and nothing else.

    ``network`` are the parameters of a finite network and one gradient in them. Activations, and
    what a plugin allocates for itself, are not counted.
    """

    kernels: int
    trajectories: int
    recorded: int
    network: int = 0

    @property
    def total(self) -> int:
        """Sum of all parts."""
        return self.kernels + self.trajectories + self.recorded + self.network

    def __str__(self) -> str:
        parts = {
            "kernels": self.kernels,
            "trajectories": self.trajectories,
            "recorded variables": self.recorded,
            "parameters of the network": self.network,
        }
        shown = ", ".join(f"{name} {readable(size)}" for name, size in parts.items() if size)
        return f"{readable(self.total)} ({shown})" if shown else readable(self.total)


def estimate_memory(
    dataset: Dataset,
    times: int,
    needs: Collection[Requirement],
    extras: Collection[Extra],
    variables: Iterable[VariableSpec],
    references: int = 0,
    parameters: int = 0,
    outputs_apart: bool = False,
    references_apart: int = 0,
) -> MemoryEstimate:
    """Estimate the memory of a cell with N training and M test points, K outputs and T times.

    Each kernel provider gives the NNGP and the tangent kernel, N² + MN numbers each, and M² with
    a spread over initialisations; a spectrum takes another 2N²; trajectories take T(N + M)K, a
    variance TM and a covariance TM². A provider that keeps the outputs apart (the cell's own where
    ``outputs_apart``, and ``references_apart`` of the others) gives another (N² + MN)K², and its
    spectrum takes 2(NK)². ``parameters`` is how many a finite network has that the cell evaluates
    or trains.
    """
    n, m, k = len(dataset.x_train), len(dataset.x_test), dataset.outputs
    own = bool(MATRICES & set(needs))
    kernels = 2 * (n * n + m * n + (m * m if SPREADS & set(extras) else 0)) * (own + references)
    kernels += (n * n + m * n) * k * k * (own * outputs_apart + references_apart)
    modes = n * k if outputs_apart else n
    if "spectrum" in needs:
        kernels += 2 * modes * modes
    if "operator" in needs:
        kernels += (n + m) * min(n, _ROWS)
    trajectories = times * (n + m) * k
    if "variance" in extras:
        trajectories += times * m
    if "covariance" in extras:
        trajectories += times * m * m
    sizes = {
        "time": times,
        "train_point": n,
        "train_point_other": n,
        "test_point": m,
        "test_point_other": m,
        "output": k,
        "mode": modes,
    }
    recorded = sum(math.prod(sizes.get(dim, 1) for dim in spec.dims) for spec in variables)
    return MemoryEstimate(
        _FLOAT * kernels, _FLOAT * trajectories, _FLOAT * recorded, 2 * _FLOAT * parameters
    )


def readable(size: int) -> str:
    """Return a number of bytes with a unit."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB", "PB", "EB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}"
