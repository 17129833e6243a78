"""Kernels of one network of finite width."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from ntksim import Array, KernelProvider, Kernels, Model, Network
from ntksim.types import KernelKind


@dataclass(frozen=True)
class Empirical(KernelProvider):
    """Tangent kernel of the finite network at its initial parameters.

    Θ(x, x′) = ∇f(x)·∇f(x′) over the trained parameters. ``nngp`` is one network's unbiased
    estimate: the covariance of an output over the read-out, given the last hidden layer.
    """

    name: ClassVar[str] = "empirical"

    outputs: Literal["average", "full"] = "average"
    """Average the tangent kernel over outputs, or keep every pair of outputs (full). At finite
    width pairs of different outputs are not exactly 0."""

    @property
    def keeps_outputs_apart(self) -> bool:
        """Where ``outputs`` is full."""
        return self.outputs == "full"

    def refuses(self, network: Network, width: float) -> str | None:
        """Refuse infinite width, which has no parameters."""
        del network
        return needs_finite_width(self.name, width)

    def kernels(self, model: Model, x1: Array, x2: Array | None = None) -> Kernels:
        """Return both kernels, and with ``full`` the tangent kernel of all pairs of outputs."""
        network, params = model.network, model.params
        if self.outputs == "average":
            ntk, nngp = network.empirical_kernels(params, x1, x2)
            return Kernels(nngp=nngp, ntk=ntk)
        full, nngp = network.empirical_kernels(params, x1, x2, full=True)
        ntk = np.einsum("ikjk->ij", full) / network.outputs
        return Kernels(nngp=nngp, ntk=ntk, ntk_full=full)

    def kernels_wanted(
        self, model: Model, x1: Array, x2: Array | None, wanted: Collection[KernelKind]
    ) -> Kernels:
        """Return the tangent kernel alone where the other one is not wanted."""
        if self.outputs == "average" and "nngp" not in wanted:
            return Kernels(ntk=model.network.tangent_kernel(model.params, x1, x2))
        return self.kernels(model, x1, x2)

    def label(self) -> str:
        """Return ``empirical`` or ``empirical-full``."""
        return self.name if self.outputs == "average" else f"{self.name}-full"


def needs_finite_width(name: str, width: float) -> str | None:
    """Say why a kernel of finite networks cannot be had at infinite width."""
    if math.isfinite(width):
        return None
    return f"the {name} kernel is that of a network of finite width; use analytic at width .inf"
