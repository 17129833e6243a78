"""The fully connected network that comes with Equinox."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ntksim_jax.adapters import from_equinox
from ntksim_jax.architecture import JaxArchitecture
from ntksim_jax.architectures.activations import ActivationName, jax_activation
from ntksim_jax.architectures.requirements import require
from ntksim_jax.functions import Functions


@dataclass(frozen=True)
class EquinoxMlp(JaxArchitecture):
    """Fully connected network ``equinox.nn.MLP``, in standard parameterisation.

    Weights and biases are drawn uniformly from ±1/√fan_in. Without factors 1/√width in the network,
    its tangent kernel grows in proportion to the width. Inputs with several axes are flattened.
    """

    name: ClassVar[str] = "equinox_mlp"

    depth: Annotated[int, Field(gt=0, le=1000)] = 2
    """Number of hidden layers."""
    activation: ActivationName = "relu"
    """Non-linearity of the hidden layers."""

    def functions(self, input_shape: tuple[int, ...], outputs: int, width: int) -> Functions:
        """Return the functions of the module."""
        require(self.name, "equinox")
        import equinox

        activate = jax_activation(self.activation)

        def make(key: Any) -> Any:
            network = equinox.nn.MLP(
                math.prod(input_shape), outputs, width, self.depth, activate, key=key
            )
            return equinox.nn.Sequential([equinox.nn.Lambda(lambda x: x.ravel()), network])

        return from_equinox(make)
