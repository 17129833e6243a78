"""The fully connected network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

from ntksim import Activation, Architecture, Network, NonNegativeFloat, PositiveFloat
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Flatten, Layer, Relu
from pydantic import Field

from ntksim_builtin.architectures.labels import label
from ntksim_builtin.architectures.training import Trained, trained_layers

HE_GAIN = math.sqrt(2.0)
"""The gain that keeps the size of ReLU features from layer to layer (He et al. 2015)."""

Depth: TypeAlias = Annotated[int, Field(gt=0, le=10_000)]
"""A number of layers: beyond, a typo is likelier than a network."""


@dataclass(frozen=True)
class Mlp(Architecture):
    """Fully connected network in NTK parameterisation.

    z₀ = (weight_std/√d) W₀ x + bias_std b₀ and z_l = (weight_std/√width) W_l φ(z_{l−1}) +
    bias_std b_l with W, b ~ N(0, 1); z_depth is the output (Jacot et al. 2018; Lee et al. 2019).
    Inputs with several axes are flattened.
    """

    name: ClassVar[str] = "mlp"

    depth: Depth = 3
    """Number of hidden layers."""
    activation: Activation = Relu()  # noqa: RUF009 - frozen
    """Non-linearity of the hidden layers."""
    weight_std: PositiveFloat = HE_GAIN
    """Standard deviation of the weights, before 1/√fan_in."""
    bias_std: NonNegativeFloat = 0.0
    """Standard deviation of the biases; 0 for none."""
    trained: Trained = "all"
    """Trained dense layers: all, first, readout, or numbers from 0 (the first) to depth."""

    def __post_init__(self) -> None:
        trained_layers(self.trained, self.depth + 1)

    def network(self, input_shape: tuple[int, ...], outputs: int) -> Network:
        """Build the network."""
        trained = trained_layers(self.trained, self.depth + 1)

        def dense(number: int, units: int | None = None) -> Dense:
            return Dense(self.weight_std, self.bias_std, units=units, trained=number in trained)

        layers: list[Layer] = [Flatten()]
        for number in range(self.depth):
            layers += [dense(number), ActivationLayer(self.activation)]
        layers.append(dense(self.depth, outputs))
        return ComposedNetwork(tuple(layers), input_shape, outputs)

    def label(self) -> str:
        """Return for example ``mlp-erf-3``, with the options that are not the default."""
        activation = label(self.activation, self.activation.name)
        return label(self, self.name, activation, str(self.depth), shown=("activation", "depth"))
