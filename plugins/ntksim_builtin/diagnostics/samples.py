"""Members of the ensemble of infinitely wide networks, drawn one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from ntksim import (
    Array,
    Diagnostic,
    FinishedCell,
    NonNegativeInt,
    PositiveInt,
    SeedTree,
    Variable,
    VariableSpec,
)
from ntksim.linalg import gaussian_samples
from ntksim.types import Extra
from pydantic import Field


@dataclass(frozen=True)
class Samples(Diagnostic):
    """Functions drawn from the Gaussian process of networks in training, at test points.

    At each time f ~ N(mean, covariance) of the NTK Gaussian process (Lee et al. 2019): at t = 0 of
    the prior, at t = ∞ of the ensemble of trained networks, and where the read-out alone is trained
    of the NNGP posterior. Outputs are independent. A sample has the same random numbers at all
    times, so that it moves smoothly; but only the distribution at each time is that of the process.

    Needs the joint covariance, and of P test points a square root of P × P at each time, about
    10 P³ operations: choose ``points`` and ``times`` where there are many. Singular covariances,
    such as that of a training point that is met, are as good as others.
    """

    name: ClassVar[str] = "samples"
    extras: ClassVar[frozenset[Extra]] = frozenset({"covariance"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "prediction_sample_test": VariableSpec(
            ("time", "sample", "test_point", "output"),
            "sample of the output at test points",
            description="of the Gaussian process, with the noise of an observation where the "
            "solver's covariance has one; NaN at times and points that were not chosen.",
        )
    }

    count: PositiveInt = 5
    """Number of samples; more keep those that are there."""
    seed: NonNegativeInt = 0
    """Root of the random numbers. They are the same for all networks, widths and solvers."""
    times: tuple[Annotated[float, Field(ge=0, allow_inf_nan=True)], ...] = ()
    """Times, among those of the study, at which samples are drawn; all when empty."""
    points: tuple[NonNegativeInt, ...] = ()
    """Test points, by number, at which samples are drawn; all when empty."""

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the samples; nothing without a covariance or test points.

        Raises
        ------
        ValueError
            If the study has no such time, or the data no such point.
        """
        mean, covariance = cell.evolution.test, cell.evolution.covariance_test
        if covariance is None or not len(cell.dataset.x_test):
            return {}
        _, size, outputs = mean.shape
        points = self._points(size)
        # Drawn for all points, so that a choice of them changes none.
        normals = np.array([self._normals(i, size, outputs) for i in range(self.count)])
        samples = np.full((len(mean), self.count, size, outputs), np.nan)
        for index in self._chosen(cell.times):
            part = covariance[index][np.ix_(points, points)]
            samples[index][:, points] = gaussian_samples(
                mean[index, points], part, normals[:, points]
            )
        return {"prediction_sample_test": samples}

    def _normals(self, number: int, points: int, outputs: int) -> Array:
        """Return the random numbers of one sample."""
        generator = SeedTree(self.seed).generator("sample of outputs", number)
        return generator.standard_normal((points, outputs))

    def _chosen(self, times: Array) -> list[int]:
        for time in self.times:
            if time not in times:
                there = ", ".join(f"{t:g}" for t in times)
                raise ValueError(f"there is no time {time:g} to sample at; there are {there}")
        return [i for i, time in enumerate(times) if not self.times or time in self.times]

    def _points(self, size: int) -> list[int]:
        if missing := [point for point in self.points if point >= size]:
            raise ValueError(
                f"there is no test point {missing[0]}; there are {size}, numbered from 0"
            )
        return sorted(set(self.points)) or list(range(size))
