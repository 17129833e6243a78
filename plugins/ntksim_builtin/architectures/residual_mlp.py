"""The fully connected network with skip connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ntksim import Activation, Architecture, Network, NonNegativeFloat, PositiveFloat
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Flatten, Layer, Relu, Residual

from ntksim_builtin.architectures.labels import label
from ntksim_builtin.architectures.mlp import HE_GAIN, Depth


@dataclass(frozen=True)
class ResidualMlp(Architecture):
    """Fully connected network with skip connections around every hidden layer.

    z₀ is a dense layer of the input, z_l = z_{l−1} + Dense(φ(z_{l−1})) for every block, and the
    output a dense layer of φ(z_blocks); dense layers as in ``mlp``. Inputs with several axes are
    flattened.
    """

    name: ClassVar[str] = "residual_mlp"

    blocks: Depth = 2
    """Number of residual blocks, each an activation and a dense layer beside a skip connection."""
    activation: Activation = Relu()  # noqa: RUF009 - frozen
    """Non-linearity before every dense layer but the first."""
    weight_std: PositiveFloat = HE_GAIN
    """Standard deviation of the weights of the first and last layer, before 1/√fan_in."""
    block_weight_std: PositiveFloat = 1.0
    """Standard deviation of the weights in the blocks, before 1/√fan_in."""
    bias_std: NonNegativeFloat = 0.0
    """Standard deviation of all biases; 0 for none."""

    def network(self, input_shape: tuple[int, ...], outputs: int) -> Network:
        """Build the network."""
        activation = ActivationLayer(self.activation)
        block = Residual(activation, Dense(self.block_weight_std, self.bias_std))
        layers: tuple[Layer, ...] = (
            Flatten(),
            Dense(self.weight_std, self.bias_std),
            *(block for _ in range(self.blocks)),
            activation,
            Dense(self.weight_std, self.bias_std, units=outputs),
        )
        return ComposedNetwork(layers, input_shape, outputs)

    def label(self) -> str:
        """Return for example ``residual_mlp-relu-2``, with the options that are not the default."""
        activation = label(self.activation, self.activation.name)
        return label(self, self.name, activation, str(self.blocks), shown=("activation", "blocks"))
