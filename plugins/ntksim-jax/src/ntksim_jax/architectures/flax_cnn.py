"""A convolutional network of Flax."""

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
class FlaxCnn(JaxArchitecture):
    """Convolutional network of Flax linen with global average pooling.

    ``depth`` convolutions of kernel × kernel pixels with as many channels as the width, each
    followed by the activation; then the mean over all pixels and a dense layer. Standard
    parameterisation. Inputs are images (height, width, channels).
    """

    name: ClassVar[str] = "flax_cnn"

    depth: Annotated[int, Field(gt=0, le=100)] = 2
    """Number of convolutions."""
    kernel: Annotated[int, Field(gt=0)] = 3
    """Pixels on a side of a convolution's kernel."""
    activation: ActivationName = "relu"
    """Non-linearity after every convolution."""

    def functions(self, input_shape: tuple[int, ...], outputs: int, width: int) -> Functions:
        """Return the functions of the module."""
        require(self.name, "flax")
        if len(input_shape) != 3:
            raise ValueError(
                f"flax_cnn takes images (height, width, channels); the inputs have shape "
                f"{input_shape}. Datasets of images have an option for it, such as image: true"
            )
        from flax import linen

        activate = jax_activation(self.activation)
        layers = []
        for _ in range(self.depth):
            layers += [linen.Conv(width, (self.kernel, self.kernel)), activate]
        pool = [lambda x: x.mean(axis=(1, 2)), linen.Dense(outputs)]
        return from_flax(linen.Sequential([*layers, *pool]), input_shape)
