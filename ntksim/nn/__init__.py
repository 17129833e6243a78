"""The toolkit with which architectures are written: activations, layers, composed networks."""

from ntksim.nn.activations import (
    Abs,
    Cos,
    Erf,
    Gelu,
    Identity,
    LeakyRelu,
    Relu,
    Sigmoid,
    Sin,
    Softplus,
    Tanh,
)
from ntksim.nn.composed import ComposedNetwork
from ntksim.nn.dual import dual
from ntksim.nn.evaluation import ActivationError, QuadratureError
from ntksim.nn.inputs import input_moments
from ntksim.nn.layers import (
    ActivationLayer,
    AppendOne,
    Dense,
    FixedLayer,
    Flatten,
    Layer,
    Residual,
    Serial,
)
from ntksim.nn.moments import Moments
from ntksim.nn.recycling import Recycling

__all__ = [
    "Abs",
    "ActivationError",
    "ActivationLayer",
    "AppendOne",
    "ComposedNetwork",
    "Cos",
    "Dense",
    "Erf",
    "FixedLayer",
    "Flatten",
    "Gelu",
    "Identity",
    "Layer",
    "LeakyRelu",
    "Moments",
    "QuadratureError",
    "Recycling",
    "Relu",
    "Residual",
    "Serial",
    "Sigmoid",
    "Sin",
    "Softplus",
    "Tanh",
    "dual",
    "input_moments",
]
