"""Named functions on an interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from ntksim import (
    Array,
    Dataset,
    DatasetSource,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SeedTree,
)

from ntksim_builtin.datasets.intervals import Interval, check_interval
from ntksim_builtin.datasets.labelling import label_of
from ntksim_builtin.datasets.sizes import check_size

FunctionName = Literal["sin", "cos", "square", "triangle", "step", "absolute", "gaussian", "sinc"]

FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "sin": lambda u: np.sin(2 * np.pi * u),
    "cos": lambda u: np.cos(2 * np.pi * u),
    "square": lambda u: np.where(u % 1 < 0.5, 1.0, -1.0),
    "triangle": lambda u: 4 * np.abs((u - 0.25) % 1 - 0.5) - 1,
    "step": lambda u: np.where(u >= 0, 1.0, 0.0),
    "absolute": np.abs,
    "gaussian": lambda u: np.exp(-u * u / 2),
    "sinc": np.sinc,
}
"""Functions of u = frequency·x, by name."""


@dataclass(frozen=True)
class LineFunction(DatasetSource):
    """A named function of one variable on an interval, with equispaced test points.

    With u = frequency·x: sin and cos of 2πu; square and triangle waves of period 1 in u with the
    zeros and signs of that sine; step 1[u ≥ 0]; absolute |u|; gaussian exp(−u²/2); sinc
    sin(πu)/(πu).
    """

    name: ClassVar[str] = "function"

    function: FunctionName = "sin"
    """``sin``, ``cos``, ``square``, ``triangle``, ``step``, ``absolute``, ``gaussian`` or
    ``sinc``."""

    frequency: PositiveFloat = 1.0
    """Factor from x to u, in periods a unit of x for the periodic ones; a step has none."""

    interval: Interval = (-1.0, 1.0)
    """Where the points lie, ends included."""

    train: PositiveInt = 20
    """Number of training points."""

    test: NonNegativeInt = 201
    """Number of test points, always equispaced."""

    spacing: Literal["equispaced", "uniform"] = "equispaced"
    """Training points ``equispaced``, ends included, or ``uniform`` random ones."""

    noise: NonNegativeFloat = 0.0
    """Standard deviation of Gaussian noise on the training targets; test targets have none."""

    seed: NonNegativeInt = 0
    """Seed of random points and of the noise."""

    def __post_init__(self) -> None:
        check_interval(self.interval)
        check_size(2, train=self.train, test=self.test)
        if self.function == "step" and self.frequency != 1:
            raise ValueError("a step is the same at every frequency; leave 'frequency' out")

    def load(self) -> Dataset:
        """Return inputs (``train``, 1) and targets (``train``, 1), test likewise."""
        seeds = SeedTree(self.seed).child("dataset", self.name)
        low, high = self.interval
        if self.spacing == "equispaced":
            x_train = np.linspace(low, high, self.train)
        else:
            x_train = seeds.generator("inputs").uniform(low, high, self.train)
        x_test = np.linspace(low, high, self.test)
        noise = self.noise * seeds.generator("noise").standard_normal(self.train)
        function = FUNCTIONS[self.function]
        return Dataset(
            x_train[:, None],
            (function(self.frequency * x_train) + noise)[:, None],
            x_test[:, None],
            function(self.frequency * x_test)[:, None],
            provenance={"source": f"{self.function} on [{low}, {high}]"},
        )

    def label(self) -> str:
        """Name, function, and what else differs from the default."""
        return label_of(self, always=("function",), without=("test",))
