"""Points on a unit sphere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

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
from pydantic import Field

from ntksim_builtin.datasets.harmonics import (
    SphereTargets,
    check_harmonic_only,
    draw_targets,
    zonal_harmonic,
)
from ntksim_builtin.datasets.labelling import label_of
from ntksim_builtin.datasets.sizes import Degree, check_size


@dataclass(frozen=True)
class Sphere(DatasetSource):
    """Uniform random points on the unit sphere S^(d−1) in d dimensions.

    The harmonic of degree k has targets P_k(x₁), the Legendre polynomial of dimension d along the
    first axis with P_k(1) = 1: an eigenfunction of every rotation-invariant kernel.
    """

    name: ClassVar[str] = "sphere"

    dimension: Annotated[int, Field(ge=2)] = 3
    """Number d of coordinates."""

    train: PositiveInt = 100
    """Number of training points."""

    test: NonNegativeInt = 100
    """Number of test points."""

    targets: SphereTargets = "harmonic"
    """``harmonic`` P_k(x₁), ``random_sign`` ±1 or standard normal ``noise``; the random ones are
    independent at every point, test points included."""

    degree: Degree = 1
    """Degree k of the harmonic."""

    noise: NonNegativeFloat = 0.0
    """Standard deviation of Gaussian noise on the training targets of a harmonic."""

    seed: NonNegativeInt = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        check_size(self.dimension + 1, train=self.train, test=self.test)
        check_harmonic_only(self.targets, degree=self.degree != 1, noise=self.noise != 0)

    def load(self) -> Dataset:
        """Return inputs (``train``, d) and targets (``train``, 1), test likewise."""
        x_train, y_train = self._part("train", self.train, self.noise)
        x_test, y_test = self._part("test", self.test, 0.0)
        return Dataset(
            x_train,
            y_train,
            x_test,
            y_test,
            classification=self.targets == "random_sign",
            provenance={
                "source": f"uniform points on the unit sphere in {self.dimension} dimensions"
            },
        )

    def label(self) -> str:
        """Name, dimension, training points, and what else differs from the default."""
        return label_of(self, always=("dimension", "train"), without=("test",))

    def _part(self, part: str, points: int, noise: float) -> tuple[Array, Array]:
        seeds = SeedTree(self.seed).child("dataset", self.name, part)
        x = seeds.generator("inputs").standard_normal((points, self.dimension))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        harmonic = zonal_harmonic(x[:, 0], self.degree, self.dimension)
        return x, draw_targets(self.targets, harmonic, noise, seeds.generator("targets"))
