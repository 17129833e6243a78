"""A finished cell, and the labelled variables measured on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from ntksim.types.arrays import Array
from ntksim.types.dataset import Dataset
from ntksim.types.problem import Evolution, KernelBlocks, Problem

Variable: TypeAlias = "np.ndarray[Any, Any] | float | bool"
"""Values of a variable for one cell, in the shape that its ``VariableSpec.dims`` say."""

POINT_DIMS = frozenset(
    {"train_point", "train_point_other", "test_point", "test_point_other", "output", "mode"}
)
"""Dimensions whose meaning or size differs between datasets."""


@dataclass(frozen=True)
class VariableSpec:
    """How a variable is stored: its dimensions within one cell, and what a reader should know.

    ``dims`` are ``time``, those in ``POINT_DIMS``, or a plugin's own. A variable without a point
    dimension can be compared between datasets and is stored in the root group, the others in the
    group of their dataset.
    """

    dims: tuple[str, ...]
    long_name: str
    units: str = "1"
    description: str = ""
    dtype: str = "float64"

    @property
    def is_comparable(self) -> bool:
        """Whether it can be compared between datasets."""
        return not POINT_DIMS & set(self.dims)


@dataclass(frozen=True)
class FinishedCell:
    """What a diagnostic sees: the data, the problem, its solution, and kernels for comparison."""

    dataset: Dataset
    problem: Problem
    times: Array
    evolution: Evolution
    references: Mapping[str, KernelBlocks] = field(default_factory=dict)
    """Kernels of the providers that the diagnostic asked for, by their label."""
