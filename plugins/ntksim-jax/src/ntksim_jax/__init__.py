"""Networks written in JAX, Flax or Equinox, as architectures for ntksim.

Derive from ``JaxArchitecture`` and return ``init`` and ``apply`` functions of JAX; ``from_flax``,
``from_nnx`` and ``from_equinox`` make them of modules. Importing this does not import JAX, which
takes its time: listing plugins needs none of it.
"""

from collections.abc import Iterable

from ntksim import Architecture, hookimpl

from ntksim_jax.adapters import from_equinox, from_flax, from_nnx
from ntksim_jax.architecture import JaxArchitecture
from ntksim_jax.architectures import ARCHITECTURES
from ntksim_jax.functions import Functions
from ntksim_jax.network import JaxNetwork

__all__ = [
    "Functions",
    "JaxArchitecture",
    "JaxNetwork",
    "from_equinox",
    "from_flax",
    "from_nnx",
]


@hookimpl
def ntksim_architectures() -> Iterable[type[Architecture]]:
    """Offer networks that are written in JAX and its libraries."""
    return ARCHITECTURES
