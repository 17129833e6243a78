"""One network with inputs, on which laws are checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ntksim.testing.law import NotApplicable
from ntksim.types import Architecture, Array, Kernels, Network, NoClosedForm, Params

NARROW = 8
"""Width of the networks whose Jacobian is written out."""


@dataclass(frozen=True)
class NetworkCase:
    """An architecture with the shape of its inputs; everything is drawn from fixed seeds."""

    architecture: Architecture
    input_shape: tuple[int, ...]
    outputs: int
    width: int
    samples: int

    @cached_property
    def network(self) -> Network:
        """The network for these inputs."""
        return self.architecture.network(self.input_shape, self.outputs)

    @cached_property
    def x(self) -> Array:
        """Five points, the first and last parallel: cos θ = 1 is where careless kernels fail."""
        x = np.random.default_rng(1).standard_normal((5, *self.input_shape))
        x[4] = 2.0 * x[0]
        x.setflags(write=False)
        return x

    @cached_property
    def params(self) -> Params:
        """Parameters of a narrow network."""
        return self.network.initialise(NARROW, np.random.default_rng(2))

    @cached_property
    def cotangent(self) -> Array:
        """A direction in the space of outputs."""
        return np.random.default_rng(3).standard_normal((len(self.x), self.outputs))

    @cached_property
    def gradient(self) -> Params:
        """Jᵀ times that direction."""
        return self.network.vjp(self.params, self.x, self.cotangent)

    def tangent(self, seed: int) -> Params:
        """Draw a direction in the space of trained parameters."""
        rng = np.random.default_rng([4, seed])
        return {name: rng.standard_normal(value.shape) for name, value in self.gradient.items()}

    @cached_property
    def jacobian(self) -> Array:
        """J (N, K, P), one ``vjp`` a row."""
        rows = np.empty((len(self.x), self.outputs), dtype=object)
        for i, k in np.ndindex(rows.shape):
            unit = np.zeros((len(self.x), self.outputs))
            unit[i, k] = 1.0
            gradient = self.network.vjp(self.params, self.x, unit)
            rows[i, k] = np.concatenate([np.ravel(gradient[name]) for name in sorted(gradient)])
        return np.array(rows.tolist())

    def limit(self, x1: Array, x2: Array | None = None) -> Kernels:
        """Infinite-width kernels.

        Raises
        ------
        NotApplicable
            If the network has none.
        """
        try:
            return self.network.kernels(x1, x2)
        except NoClosedForm as error:
            raise NotApplicable(f"no limit of infinite width: {error}") from None
