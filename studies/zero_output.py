"""Three ways to make a network start at zero output, as a plugin.

A network minus a copy of itself is zero at every input, not only at the training points. What the
copy does in training decides about the tangent kernel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from ntksim import Architecture, Kernels, Network, hookimpl

Params = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Difference(Network):
    """scale · (f(x; θ₁) − f(x; θ₂)) with θ₁ = θ₂ at first; θ₂ is trained or frozen."""

    inner: Network
    scale: float
    trains_copy: bool

    @property
    def input_shape(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Return that of the network."""
        return self.inner.input_shape

    @property
    def outputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Return those of the network."""
        return self.inner.outputs

    def initialise(self, width: int, rng: np.random.Generator) -> Params:
        """Draw θ₁ and copy it."""
        drawn = self.inner.initialise(width, rng)
        copies = {f"copy.{name}": value.copy() for name, value in drawn.items()}
        return {f"own.{name}": value for name, value in drawn.items()} | copies

    def apply(self, params: Params, x: np.ndarray) -> np.ndarray:
        """Return the scaled difference."""
        own, copy = (self.inner.apply(_part(params, part), x) for part in ("own", "copy"))
        return self.scale * (own - copy)

    def vjp(self, params: Params, x: np.ndarray, cotangent: np.ndarray) -> Params:
        """Return the gradients in θ₁ and, where it is trained, in θ₂."""
        gradient: dict[str, np.ndarray] = {}
        for part, sign in self._trained():
            own = self.inner.vjp(_part(params, part), x, sign * self.scale * cotangent)
            gradient |= {f"{part}.{name}": value for name, value in own.items()}
        return gradient

    def jvp(self, params: Params, x: np.ndarray, tangent: Params) -> np.ndarray:
        """Return the derivative along a change of the trained parameters."""
        total = np.zeros((len(x), self.outputs))
        for part, sign in self._trained():
            change = self.inner.jvp(_part(params, part), x, _part(tangent, part))
            total += sign * self.scale * change
        return total

    def tangent_kernel(
        self, params: Params, x1: np.ndarray, x2: np.ndarray | None = None, *, full: bool = False
    ) -> np.ndarray:
        """Return the sum of the kernels of what is trained; signs are squared away."""
        kernels = [
            self.inner.tangent_kernel(_part(params, part), x1, x2, full=full)
            for part, _ in self._trained()
        ]
        return self.scale**2 * np.sum(kernels, axis=0)

    def prior_kernel(
        self, params: Params, x1: np.ndarray, x2: np.ndarray | None = None
    ) -> np.ndarray:
        """Return 0: the output is 0 for every draw."""
        del params
        return np.zeros((len(x1), len(x1 if x2 is None else x2)))

    def kernels(self, x1: np.ndarray, x2: np.ndarray | None = None) -> Kernels:
        """Return a prior of 0 and the tangent kernel times 1 or 2."""
        inner = self.inner.kernels(x1, x2)
        if inner.nngp is None or inner.ntk is None:
            return inner
        factor = self.scale**2 * len(self._trained())
        return Kernels(nngp=np.zeros_like(inner.nngp), ntk=factor * inner.ntk)

    def _trained(self) -> list[tuple[str, float]]:
        return [("own", 1.0), ("copy", -1.0)][: 2 if self.trains_copy else 1]


def _part(params: Params, part: str) -> Params:
    start = f"{part}."
    return {name[len(start) :]: value for name, value in params.items() if name.startswith(start)}


@dataclass(frozen=True)
class ZeroOutput(Architecture):
    """A network that starts at zero output: itself minus a copy.

    - ``frozen_copy``: the copy is not trained; the tangent kernel is that of the network;
    - ``pair``: both are trained; the kernel is twice that of the network;
    - ``scaled_pair``: both are trained, over √2; the kernel is that of the network.
    """

    name: ClassVar[str] = "zero_output"

    inner: Architecture
    """The network."""
    form: Literal["frozen_copy", "pair", "scaled_pair"] = "frozen_copy"
    """What the copy does, and the scale of the difference."""

    def network(self, input_shape: tuple[int, ...], outputs: int) -> Network:
        """Build the network and its copy."""
        scale = 1 / math.sqrt(2) if self.form == "scaled_pair" else 1.0
        inner = self.inner.network(input_shape, outputs)
        return Difference(inner, scale, trains_copy=self.form != "frozen_copy")

    def label(self) -> str:
        """Return for example ``pair-shallow_relu``."""
        return f"{self.form}-{self.inner.label()}"


@hookimpl
def ntksim_architectures() -> Iterable[type[Architecture]]:
    """Offer the network."""
    return [ZeroOutput]
