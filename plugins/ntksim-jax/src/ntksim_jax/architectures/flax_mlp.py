"""A fully connected network of Flax as it is commonly written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from ntksim_jax.adapters import from_flax
from ntksim_jax.architecture import JaxArchitecture
from ntksim_jax.architectures.activations import ActivationName, jax_activation
from ntksim_jax.architectures.requirements import require
from ntksim_jax.functions import Functions


@dataclass(frozen=True)
class FlaxMlp(JaxArchitecture):
    """Fully connected network of Flax linen in standard parameterisation.

    Weights are drawn with variance 1/fan_in, and biases are 0. Without factors 1/√width in the
    network, its tangent kernel grows in proportion to the width, and training is so much faster.
    Inputs with several axes are flattened.
    """

    name: ClassVar[str] = "flax_mlp"

    depth: Annotated[int, Field(gt=0, le=1000)] = 2
    """Number of hidden layers."""
    activation: ActivationName = "relu"
    """Non-linearity of the hidden layers."""

    def functions(self, input_shape: tuple[int, ...], outputs: int, width: int) -> Functions:
        """Return the functions of the module."""
        require(self.name, "flax")
        from flax import linen

        activate = jax_activation(self.activation)
        layers = [lambda x: x.reshape(len(x), -1)]
        for _ in range(self.depth):
            layers += [linen.Dense(width), activate]
        return from_flax(linen.Sequential([*layers, linen.Dense(outputs)]), input_shape)
