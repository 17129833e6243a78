"""Kernels averaged over independent initialisations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from ntksim import Array, KernelProvider, Kernels, Model, Network
from numpy.typing import NDArray
from pydantic import Field

from ntksim_builtin.kernels.empirical import needs_finite_width

LARGEST = 1e120
"""Size of an entry up to which its square, and beyond the inverse of which, are surely numbers."""


@dataclass(frozen=True)
class MonteCarlo(KernelProvider):
    """Mean of the empirical kernels of independent networks of one width, with its standard error.

    The mean estimates the expectation at this width, which differs from the limit by O(1/width);
    the standard error does not include that difference. Memory does not grow with ``samples``.
    """

    name: ClassVar[str] = "monte_carlo"

    samples: Annotated[int, Field(ge=2)] = 32
    """Number of independent networks."""

    def refuses(self, network: Network, width: float) -> str | None:
        """Refuse infinite width, which has no parameters."""
        del network
        return needs_finite_width(self.name, width)

    def kernels(self, model: Model, x1: Array, x2: Array | None = None) -> Kernels:
        """Return means and standard errors of the mean of both kernels."""
        shape = (len(x1), len(x1 if x2 is None else x2))
        ntk, nngp = self._means(model, x1, x2, _RunningMean(shape), _RunningMean(shape))
        if not (ntk.is_ordinary and nngp.is_ordinary):
            # Of entries of extreme size the squares are no numbers: again, on their own scale.
            again = _RunningMean(shape, ntk.exponents), _RunningMean(shape, nngp.exponents)
            ntk, nngp = self._means(model, x1, x2, *again)
        return Kernels(
            nngp=nngp.result(),
            ntk=ntk.result(),
            nngp_standard_error=nngp.standard_error(),
            ntk_standard_error=ntk.standard_error(),
        )

    def _means(
        self, model: Model, x1: Array, x2: Array | None, ntk: _RunningMean, nngp: _RunningMean
    ) -> tuple[_RunningMean, _RunningMean]:
        for sample in range(self.samples):
            params = model.draw(self.name, sample)
            ntk.add(model.network.tangent_kernel(params, x1, x2))
            nngp.add(model.network.prior_kernel(params, x1, x2))
        return ntk, nngp

    def label(self) -> str:
        """Return for example ``monte_carlo-32``."""
        return f"{self.name}-{self.samples}"


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

    def result(self) -> Array:
        """Return the mean."""
        return self._scaled_back(self._mean)

    def standard_error(self) -> Array:
        """Return s/√n, where s² is the unbiased variance of n values."""
        return self._scaled_back(np.sqrt(self._squares / (self.count - 1)) / math.sqrt(self.count))

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
