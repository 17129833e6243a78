"""Activations by name: those of JAX, and those of ntksim that are the same functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from ntksim import Activation
from ntksim.nn.activations import ACTIVATIONS

ActivationName: TypeAlias = Literal["relu", "tanh", "erf", "gelu", "sigmoid", "softplus", "sin"]
"""Element-wise functions that JAX and ntksim both have."""


def jax_activation(name: ActivationName) -> Callable[[Any], Any]:
    """Return the function of JAX."""
    import jax
    import jax.numpy as jnp

    functions: dict[ActivationName, Callable[[Any], Any]] = {
        "relu": jax.nn.relu,
        "tanh": jnp.tanh,
        "erf": jax.scipy.special.erf,
        "gelu": lambda x: jax.nn.gelu(x, approximate=False),
        "sigmoid": jax.nn.sigmoid,
        "softplus": jax.nn.softplus,
        "sin": jnp.sin,
    }
    return functions[name]


def same_activation(name: ActivationName) -> Activation:
    """Return the same function with its Gaussian duals."""
    return next(activation() for activation in ACTIVATIONS if activation.name == name)
