"""The fully connected network of ntksim, written as two functions of JAX."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ntksim import Network, NonNegativeFloat, PositiveFloat
from ntksim.nn import ActivationLayer, ComposedNetwork, Dense, Flatten, Layer
from pydantic import Field

from ntksim_jax.architecture import JaxArchitecture
from ntksim_jax.architectures.activations import ActivationName, jax_activation, same_activation

HE_GAIN = math.sqrt(2.0)
"""The gain that keeps the size of ReLU features from layer to layer (He et al. 2015)."""


@dataclass(frozen=True)
class JaxMlp(JaxArchitecture):
    """Fully connected network in NTK parameterisation, written in JAX.

    The same functions as ``mlp``, with the same names of parameters: what it is compared with. Its
    infinite-width kernels are those of ``mlp`` (Jacot et al. 2018; Lee et al. 2019).
    """

    name: ClassVar[str] = "jax_mlp"

    depth: Annotated[int, Field(gt=0, le=1000)] = 3
    """Number of hidden layers."""
    activation: ActivationName = "relu"
    """Non-linearity of the hidden layers."""
    weight_std: PositiveFloat = HE_GAIN
    """Standard deviation of the weights, before 1/√fan_in."""
    bias_std: NonNegativeFloat = 0.0
    """Standard deviation of the biases; 0 for none."""

    def functions(
        self, input_shape: tuple[int, ...], outputs: int, width: int
    ) -> tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]:
        """Return the two functions."""
        import jax
        import jax.numpy as jnp

        sizes = (math.prod(input_shape), *(width,) * self.depth, outputs)
        activate = jax_activation(self.activation)

        shapes = list(itertools.pairwise(sizes))
        biases = [(units,) for _, units in shapes] if self.bias_std > 0 else []
        ends = list(itertools.accumulate(math.prod(shape) for shape in (*shapes, *biases)))

        def init(key: Any) -> list[dict[str, Any]]:
            # Drawn at once: a program with many draws takes long to compile.
            numbers = jnp.split(jax.random.normal(key, (ends[-1],)), ends[:-1])
            drawn = [n.reshape(s) for n, s in zip(numbers, (*shapes, *biases), strict=True)]
            weights, biases_drawn = drawn[: len(shapes)], drawn[len(shapes) :]
            if not biases_drawn:
                return [{"weight": weight} for weight in weights]
            return [
                {"weight": weight, "bias": bias}
                for weight, bias in zip(weights, biases_drawn, strict=True)
            ]

        def apply(layers: list[dict[str, Any]], x: Any) -> Any:
            z = jnp.reshape(x, (len(x), -1))
            for number, layer in enumerate(layers):
                z = activate(z) if number else z
                z = self.weight_std / math.sqrt(z.shape[1]) * (z @ layer["weight"])
                if "bias" in layer:
                    z = z + self.bias_std * layer["bias"]
            return z

        return init, apply

    def limit(self, input_shape: tuple[int, ...], outputs: int) -> Network:
        """Return the same network made of layers that know their limit."""
        activation = ActivationLayer(same_activation(self.activation))
        layers: list[Layer] = [Flatten()]
        for _ in range(self.depth):
            layers += [Dense(self.weight_std, self.bias_std), activation]
        layers.append(Dense(self.weight_std, self.bias_std, units=outputs))
        return ComposedNetwork(tuple(layers), input_shape, outputs)
