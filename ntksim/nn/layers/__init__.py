"""Layers that know both sides: the finite map with its derivatives, and its infinite width."""

from ntksim.nn.layers.base import FixedLayer, Layer, Sensitivity, Shape, Tape
from ntksim.nn.layers.composite import Residual, Serial
from ntksim.nn.layers.dense import Dense
from ntksim.nn.layers.fixed import ActivationLayer, AppendOne, Flatten

__all__ = [
    "ActivationLayer",
    "AppendOne",
    "Dense",
    "FixedLayer",
    "Flatten",
    "Layer",
    "Residual",
    "Sensitivity",
    "Serial",
    "Shape",
    "Tape",
]
