"""Kernels averaged over independent initialisations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from ntksim import Array, DivisibleKernelProvider, Kernels, Model, Network
from ntksim.nn import Recycling
from numpy.typing import NDArray
from pydantic import Field

from ntksim_builtin.kernels.empirical import needs_finite_width

LARGEST = 1e120
"""Size of an entry up to which its square, and beyond the inverse of which, are surely numbers."""

SAMPLES_OF_A_PART = 8
"""Networks that one task averages, or more where there would be more parts than ``MOST_PARTS``."""

MOST_PARTS = 64


@dataclass(frozen=True)
class MonteCarlo(DivisibleKernelProvider):
    """Mean of the empirical kernels of independent networks of one width, with its standard error.

    The mean estimates the expectation at this width, which differs from the limit by O(1/width);
    the standard error does not include that difference. Memory does not grow with ``samples``, and
    workers share them.
    """

    name: ClassVar[str] = "monte_carlo"

    samples: Annotated[int, Field(ge=2)] = 32
    """Number of independent networks."""

    def refuses(self, network: Network, width: float) -> str | None:
        """Refuse infinite width, which has no parameters."""
        del network
        return needs_finite_width(self.name, width)

    @property
    def parts(self) -> int:
        """One for every few samples."""
        return min(MOST_PARTS, math.ceil(self.samples / SAMPLES_OF_A_PART))

    def part(
        self, number: int, model: Model, x1: Array, x2: Array | None = None
    ) -> tuple[Average, Average]:
        """Average some of the samples: the tangent kernel, and the NNGP kernel."""
        first, end = (self.samples * i // self.parts for i in (number, number + 1))
        samples = range(first, end)
        shape = (len(x1), len(x1 if x2 is None else x2))
        ntk, nngp = _RunningMean(shape), _RunningMean(shape)
        self._take(samples, model, x1, x2, ntk, nngp)
        if not (ntk.is_ordinary and nngp.is_ordinary):
            # Of entries of extreme size the squares are no numbers: again, on their own scale.
            ntk, nngp = _RunningMean(shape, ntk.exponents), _RunningMean(shape, nngp.exponents)
            self._take(samples, model, x1, x2, ntk, nngp)
        return ntk.average(), nngp.average()

    def added(
        self, total: tuple[Average, Average], part: tuple[Average, Average]
    ) -> tuple[Average, Average]:
        """Return the averages of more samples."""
        return total[0].joined(part[0]), total[1].joined(part[1])

    def result(self, total: tuple[Average, Average]) -> Kernels:
        """Return means and standard errors of the mean of both kernels."""
        ntk, nngp = total
        return Kernels(
            nngp=nngp.mean,
            ntk=ntk.mean,
            nngp_standard_error=nngp.standard_error(),
            ntk_standard_error=ntk.standard_error(),
        )

    def _take(
        self,
        samples: range,
        model: Model,
        x1: Array,
        x2: Array | None,
        ntk: _RunningMean,
        nngp: _RunningMean,
    ) -> None:
        recycling = Recycling()
        for sample in samples:
            params = model.draw(self.name, sample)
            with recycling:
                tangent, prior = model.network.empirical_kernels(params, x1, x2)
            ntk.add(tangent)
            nngp.add(prior)

    def label(self) -> str:
        """Return for example ``monte_carlo-32``."""
        return f"{self.name}-{self.samples}"


@dataclass(frozen=True)
class Average:
    """Mean of ``count`` values, and the root of the sum of their squared deviations from it."""

    count: int
    mean: Array
    deviation: Array

    def joined(self, other: Average) -> Average:
        """Return the average of the values of both (Chan, Golub & LeVeque 1979).

        Σ(v − v̄)² = Σ₁ + Σ₂ + (v̄₂ − v̄₁)² n₁n₂/n, of which roots are added, whose squares need not
        be numbers.
        """
        count = self.count + other.count
        apart = other.mean - self.mean
        between = math.sqrt(self.count * other.count / count) * apart
        return Average(
            count,
            self.mean + (other.count / count) * apart,
            np.hypot(np.hypot(self.deviation, other.deviation), between),
        )

    def standard_error(self) -> Array:
        """Return s/√n, where s² is the unbiased variance of n values."""
        return self.deviation / math.sqrt(self.count - 1) / math.sqrt(self.count)


class _RunningMean:
    """Mean and sum of squared deviations, updated value by value (Welford 1962).

    Of values·2^−e for ``exponents`` e, which changes no digit.
    """

    def __init__(
        self, shape: tuple[int, ...], exponents: NDArray[np.integer] | None = None
    ) -> None:
        self.count = 0
        self._exponents = exponents
        self._mean = np.zeros(shape)
        self._squares = np.zeros(shape)

    def add(self, value: Array) -> None:
        self.count += 1
        if self._exponents is not None:
            value = np.ldexp(value, -self._exponents)
        with np.errstate(over="ignore", invalid="ignore"):
            before = value - self._mean
            self._mean += before / self.count
            self._squares += before * (value - self._mean)

    def average(self) -> Average:
        """Return what the values so far come to."""
        root = np.sqrt(self._squares)
        return Average(self.count, self._scaled_back(self._mean), self._scaled_back(root))

    @property
    def is_ordinary(self) -> bool:
        """Whether all means that are not 0 are of a size whose squares are numbers."""
        sizes = np.abs(self._mean)
        return bool(((sizes == 0) | ((sizes > 1 / LARGEST) & (sizes < LARGEST))).all())

    @property
    def exponents(self) -> NDArray[np.integer]:
        """Exponents of two of the means; those that are not finite stay what they are."""
        return np.where(np.isfinite(self._mean), np.frexp(self._mean)[1], 0)

    def _scaled_back(self, values: Array) -> Array:
        return values if self._exponents is None else np.ldexp(values, self._exponents)
