"""Kernels averaged over independent initialisations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from ntksim import Array, KernelProvider, Kernels, Model, Network
from pydantic import Field

from ntksim_builtin.kernels.empirical import needs_finite_width


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
        ntk, nngp = _RunningMean(shape), _RunningMean(shape)
        for sample in range(self.samples):
            params = model.draw(self.name, sample)
            ntk.add(model.network.tangent_kernel(params, x1, x2))
            nngp.add(model.network.prior_kernel(params, x1, x2))
        return Kernels(
            nngp=nngp.mean,
            ntk=ntk.mean,
            nngp_standard_error=nngp.standard_error(),
            ntk_standard_error=ntk.standard_error(),
        )

    def label(self) -> str:
        """Return for example ``monte_carlo-32``."""
        return f"{self.name}-{self.samples}"


class _RunningMean:
    """Mean and sum of squared deviations, updated value by value (Welford 1962)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = 0
        self.mean = np.zeros(shape)
        self._squares = np.zeros(shape)

    def add(self, value: Array) -> None:
        self.count += 1
        before = value - self.mean
        self.mean += before / self.count
        self._squares += before * (value - self.mean)

    def standard_error(self) -> Array:
        """Return s/√n, where s² is the unbiased variance of n values."""
        return np.sqrt(self._squares / (self.count - 1)) / math.sqrt(self.count)
