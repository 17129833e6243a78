"""The network of the convergence proofs: only the first layer is trained, the read-out is ±1.

Du et al. (2019) and Arora et al. (2019) prove that gradient descent on
f(x) = Σ a_r max(w_r·x, 0)/√width, with signs a_r that stay as they are, converges at a rate given
by the smallest eigenvalue of its kernel.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Architecture, Network, PositiveFloat, hookimpl
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Flatten, Relu


@dataclass(frozen=True)
class SignedNetwork(ComposedNetwork):
    """A network whose last weights are signs."""

    def initialise(self, width: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw Gaussian weights, and keep the signs of the last ones."""
        params = super().initialise(width, rng)
        return {**params, "1.weight": np.where(params["1.weight"] < 0, -1.0, 1.0)}


@dataclass(frozen=True)
class SignedReadout(Architecture):
    """Shallow ReLU network with a fixed read-out of ±1, of which the first layer is trained.

    At infinite width its tangent kernel is x·z (π − θ)/(2π), the matrix H∞ of the proofs: signs
    have the second moment of standard normal weights.
    """

    name: ClassVar[str] = "signed_readout"

    initial_weight_std: PositiveFloat = 1.0
    """Standard deviation of the first-layer weights, 1 in Du et al., κ in Arora et al."""

    def network(self, input_shape: tuple[int, ...], outputs: int) -> Network:
        """Build the network."""
        layers = (
            Flatten(),
            Dense(initial_weight_std=self.initial_weight_std, fan_in_scaling=False),
            ActivationLayer(Relu()),
            Dense(units=outputs, trained=False),
        )
        return SignedNetwork(layers, input_shape, outputs)


@hookimpl
def ntksim_architectures() -> Iterable[type[Architecture]]:
    """Offer the network."""
    return [SignedReadout]
