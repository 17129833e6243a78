"""The shallow ReLU network of the NTK tutorial, with the very parameters of its figures.

The notebook behind the figures draws its parameters from NumPy's legacy generator. This plugin
draws the same numbers in the same order, so that a study reproduces the published values digit by
digit. Nothing else should use it: its parameters follow from ``legacy_seed`` alone, whatever the
seed of the study.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Architecture, Network, NonNegativeInt, hookimpl
from ntksim.nn import ActivationLayer, AppendOne, ComposedNetwork, Dense, Flatten, Relu


@dataclass(frozen=True)
class SeededNetwork(ComposedNetwork):
    """f(x) = b₁ + w₁·max(W₀ (x, 1), 0)/√width with parameters of NumPy's ``RandomState``."""

    legacy_seed: int = 0

    def initialise(self, width: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw first the (width, 2) hidden weights, row by row, then the read-out; b₁ = 0.

        The notebook then sets ``omega0[1, :] = 0``. It was meant to clear the first-layer biases,
        which are a column; what it does is to take hidden unit 1 out of the network, and the biases
        stay N(0, 1). Done here as well, because the published numbers have it.
        """
        del rng
        draws = np.random.RandomState(self.legacy_seed)
        hidden = draws.normal(size=(width, 2))
        hidden[1:2, :] = 0.0
        readout = draws.normal(size=(1, width))
        return {
            "0.weight": np.ascontiguousarray(hidden.T),
            "1.weight": np.ascontiguousarray(readout.T),
            "1.bias": np.zeros(1),
        }


@dataclass(frozen=True)
class SeededShallowRelu(Architecture):
    """Shallow ReLU network of the NTK tutorial, drawn from NumPy's legacy generator.

    At infinite width it is ``shallow_relu`` with its defaults.
    """

    name: ClassVar[str] = "seeded_shallow_relu"

    legacy_seed: NonNegativeInt = 18
    """Seed of ``numpy.random.RandomState``; 18 in the tutorial's notebook."""

    def network(self, input_shape: tuple[int, ...], outputs: int) -> Network:
        """Build the network for one input and one output.

        Raises
        ------
        ValueError
            For data of another shape.
        """
        if input_shape != (1,) or outputs != 1:
            raise ValueError(
                f"it takes one input and one output; the data have {input_shape} and {outputs}"
            )
        layers = (
            Flatten(),
            AppendOne(),
            Dense(fan_in_scaling=False),
            ActivationLayer(Relu()),
            Dense(1.0, 1.0, units=1, initial_bias_std=0.0),
        )
        return SeededNetwork(layers, input_shape, outputs, legacy_seed=self.legacy_seed)

    def label(self) -> str:
        """Return for example ``seeded_shallow_relu-18``."""
        return f"{self.name}-{self.legacy_seed}"


@hookimpl
def ntksim_architectures() -> Iterable[type[Architecture]]:
    """Offer the network."""
    return [SeededShallowRelu]
