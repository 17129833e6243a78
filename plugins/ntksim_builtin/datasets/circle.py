"""Points on the unit circle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

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

from ntksim_builtin.datasets.harmonics import SphereTargets, check_harmonic_only, draw_targets
from ntksim_builtin.datasets.labelling import label_of
from ntksim_builtin.datasets.sizes import Frequency, check_size


@dataclass(frozen=True)
class Circle(DatasetSource):
    """Points on the unit circle, where kernels of dense networks have Fourier modes.

    Inputs are (cos θ, sin θ). The harmonic of frequency k has targets cos(kθ).
    """

    name: ClassVar[str] = "circle"

    train: PositiveInt = 32
    """Number of training points."""

    test: NonNegativeInt = 128
    """Number of test points."""

    spacing: Literal["equispaced", "uniform"] = "equispaced"
    """``equispaced`` angles, those of test points shifted by half a step, or ``uniform`` random
    ones."""

    targets: SphereTargets = "harmonic"
    """``harmonic`` cos(kθ), ``random_sign`` ±1 or standard normal ``noise``; the random ones are
    independent at every point, test points included."""

    frequency: Frequency = 1
    """Frequency k of the harmonic."""

    noise: NonNegativeFloat = 0.0
    """Standard deviation of Gaussian noise on the training targets of a harmonic."""

    seed: NonNegativeInt = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        check_size(3, train=self.train, test=self.test)
        check_harmonic_only(self.targets, frequency=self.frequency != 1, noise=self.noise != 0)

    def load(self) -> Dataset:
        """Return inputs (``train``, 2) and targets (``train``, 1), test likewise."""
        train, test = self._angles("train", self.train, 0.0), self._angles("test", self.test, 0.5)
        return Dataset(
            _points(train),
            self._targets("train", train, self.noise),
            _points(test),
            self._targets("test", test, 0.0),
            classification=self.targets == "random_sign",
            provenance={"source": f"{self.spacing} points on the unit circle"},
        )

    def label(self) -> str:
        """Name, number of training points, and what else differs from the default."""
        return label_of(self, always=("train",), bare=("train",), without=("test",))

    def _angles(self, part: str, points: int, shift: float) -> Array:
        if self.spacing == "equispaced":
            return 2 * np.pi * (np.arange(points) + shift) / points if points else np.empty(0)
        return self._seeds().generator(part, "inputs").uniform(0, 2 * np.pi, points)

    def _targets(self, part: str, angles: Array, noise: float) -> Array:
        rng = self._seeds().generator(part, "targets")
        return draw_targets(self.targets, np.cos(self.frequency * angles), noise, rng)

    def _seeds(self) -> SeedTree:
        return SeedTree(self.seed).child("dataset", self.name)


def _points(angles: Array) -> Array:
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)
