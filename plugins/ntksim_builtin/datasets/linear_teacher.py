"""Targets that are linear in Gaussian inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import (
    Array,
    Dataset,
    DatasetSource,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    SeedTree,
)

from ntksim_builtin.datasets.labelling import label_of
from ntksim_builtin.datasets.sizes import MOST_NUMBERS, check_size


@dataclass(frozen=True)
class LinearTeacher(DatasetSource):
    """Standard normal inputs x and targets x·w, where w is one Gaussian draw.

    Every entry of w (d, K) is N(0, 1/d): a target has variance |w|², 1 on average over w.
    """

    name: ClassVar[str] = "linear_teacher"

    dimension: PositiveInt = 10
    """Number d of coordinates of an input."""

    outputs: PositiveInt = 1
    """Number K of outputs."""

    train: PositiveInt = 100
    """Number of training points."""

    test: NonNegativeInt = 100
    """Number of test points."""

    noise: NonNegativeFloat = 0.0
    """Standard deviation of Gaussian noise on the training targets; test targets have none."""

    seed: NonNegativeInt = 0
    """Seed of inputs, teacher and noise."""

    def __post_init__(self) -> None:
        check_size(self.dimension + self.outputs, train=self.train, test=self.test)
        if self.dimension * self.outputs > MOST_NUMBERS:
            raise ValueError(
                f"a teacher of dimension {self.dimension:,} with {self.outputs:,} outputs has more "
                f"than {MOST_NUMBERS:,} numbers"
            )

    def load(self) -> Dataset:
        """Return inputs (``train``, d) and targets (``train``, K), test likewise."""
        seeds = SeedTree(self.seed).child("dataset", self.name)
        shape = (self.dimension, self.outputs)
        teacher = seeds.generator("teacher").standard_normal(shape) / np.sqrt(self.dimension)
        x_train = self._inputs(seeds, "train", self.train)
        x_test = self._inputs(seeds, "test", self.test)
        noise = seeds.generator("noise").standard_normal((self.train, self.outputs))
        return Dataset(
            x_train,
            _outputs(x_train, teacher) + self.noise * noise,
            x_test,
            _outputs(x_test, teacher),
            provenance={"source": "standard normal inputs, linear Gaussian teacher"},
        )

    def label(self) -> str:
        """Name, dimension, training points, and what else differs from the default."""
        return label_of(self, always=("dimension", "train"), without=("test",))

    def _inputs(self, seeds: SeedTree, part: str, points: int) -> Array:
        return seeds.generator(part, "inputs").standard_normal((points, self.dimension))


def _outputs(x: Array, teacher: Array) -> Array:
    # Not x @ teacher: what BLAS rounds depends on its threads, and the data must not.
    return np.einsum("nd,dk->nk", x, teacher)
