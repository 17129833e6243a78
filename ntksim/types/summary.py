"""What is said of a variable over the whole grid of a study."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from ntksim.types.arrays import Array
from ntksim.types.result import VariableSpec

GridAxis: TypeAlias = Literal["dataset", "architecture", "width", "seed", "kernel", "solver"]
"""An axis of the grid of cells."""


@dataclass(frozen=True)
class GridScales:
    """Numbers along the axes of a grid: of W widths, S seeds and D datasets.

    ``width`` (W,), infinity included, ``seed`` (S,), and ``train_points`` (D,), how many training
    points each dataset has.
    """

    width: Array
    seed: Array
    train_points: Array


class Summary(ABC):
    """Something that is said of a variable over the grid: an exponent, a spread over seeds.

    A cell sees itself alone; what no cell can know is computed when the results are collected, from
    the stored values, and stored beside them. A diagnostic lists its summaries; each applies where
    the study records the variable that it is ``of``. A concrete summary is a frozen dataclass, and
    a pure function: equal stores have equal summaries.
    """

    over: ClassVar[tuple[GridAxis, ...]]
    """Axes of the grid that it takes together, in the order of the grid. With ``dataset`` among
    them it is of a variable without point dimensions."""

    of: str
    """Name of the variable."""

    @abstractmethod
    def variables(self, spec: VariableSpec, scales: GridScales) -> Mapping[str, VariableSpec]:
        """Return what it stores, by name, given the variable that it is of.

        Nothing where the grid is too small for it. The ``dims`` are those axes ``over`` that it
        keeps, if any, and then dimensions of the variable.
        """

    @abstractmethod
    def summarise(self, values: Array, scales: GridScales) -> Mapping[str, Array]:
        """Return its variables for one position of the other axes.

        ``values`` have the axes ``over`` first and then the dimensions of the variable, NaN where a
        cell is missing, failed or not applicable. A part of the times may be given alone if the
        variable and all that is stored begin with ``time``.
        """
