"""Networks that ship with ntksim-jax: of use as they are, and as examples."""

from ntksim import Architecture

from ntksim_jax.architectures.equinox_mlp import EquinoxMlp
from ntksim_jax.architectures.flax_cnn import FlaxCnn
from ntksim_jax.architectures.flax_mlp import FlaxMlp
from ntksim_jax.architectures.jax_mlp import JaxMlp

ARCHITECTURES: tuple[type[Architecture], ...] = (EquinoxMlp, FlaxCnn, FlaxMlp, JaxMlp)

__all__ = ["ARCHITECTURES", "EquinoxMlp", "FlaxCnn", "FlaxMlp", "JaxMlp"]
