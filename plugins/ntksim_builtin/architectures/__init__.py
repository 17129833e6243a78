"""Networks that ship with ntksim."""

from ntksim.types import Architecture

from ntksim_builtin.architectures.mlp import Mlp
from ntksim_builtin.architectures.residual_mlp import ResidualMlp
from ntksim_builtin.architectures.shallow import ShallowErf, ShallowRelu

ARCHITECTURES: tuple[type[Architecture], ...] = (Mlp, ResidualMlp, ShallowErf, ShallowRelu)

__all__ = ["ARCHITECTURES", "Mlp", "ResidualMlp", "ShallowErf", "ShallowRelu"]
