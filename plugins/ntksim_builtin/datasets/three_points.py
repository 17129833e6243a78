"""The three points of the worked example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from ntksim import Dataset, DatasetSource, PositiveInt

from ntksim_builtin.datasets.intervals import Interval, check_interval
from ntksim_builtin.datasets.labelling import label_of
from ntksim_builtin.datasets.sizes import check_size

_INPUTS = (0.2, 0.4, 0.8)
_TARGETS = {"part1": (-0.1, 0.15, 0.3), "part3": (-0.05, -0.2, 0.3)}


@dataclass(frozen=True)
class ThreePoints(DatasetSource):
    """Three points on a line, x = 0.2, 0.4, 0.8: small enough to follow every number.

    The example of S. Prince's tutorial on gradient flow and the neural tangent kernel (Borealis
    AI). Nothing is known between the points, so a test grid has no targets.
    """

    name: ClassVar[str] = "three_points"

    targets: Literal["part1", "part3"] = "part3"
    """Part of the tutorial that the targets come from: (−0.1, 0.15, 0.3) in the first,
    (−0.05, −0.2, 0.3) in the third."""

    test: Literal["grid", "train"] = "grid"
    """Test points: an equispaced grid without targets, or the training points again."""

    points: PositiveInt = 101
    """Number of points of the grid."""

    interval: Interval = (0.0, 1.0)
    """First and last point of the grid."""

    def __post_init__(self) -> None:
        check_interval(self.interval)
        check_size(2, points=self.points)

    def load(self) -> Dataset:
        """Return inputs (3, 1), targets (3, 1) and test points (``points``, 1)."""
        x = np.array(_INPUTS)[:, None]
        y = np.array(_TARGETS[self.targets])[:, None]
        provenance = {"source": f"three points of the NTK tutorial, targets of {self.targets}"}
        if self.test == "train":
            return Dataset(x, y, x, y, provenance=provenance)
        grid = np.linspace(*self.interval, self.points)[:, None]
        unknown = np.full((self.points, 1), np.nan)
        return Dataset(x, y, grid, unknown, provenance=provenance, test_targets=False)

    def label(self) -> str:
        """``three_points``, with what differs from the default."""
        return label_of(self)
