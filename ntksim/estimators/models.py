"""From what a user writes to a network, its kernels, and the seeds of its parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np

from ntksim.registry import Registry
from ntksim.types import Architecture, KernelProvider, Model, Network, Plugin, SeedTree

P = TypeVar("P", bound=Plugin)


def created(kind: type[P], reference: Any) -> P:
    """Return the plugin itself, or make it from a name or a mapping of ``name`` and options.

    Raises
    ------
    RegistryError
        If there is no such plugin, or its options are wrong.
    """
    return _installed().create(kind, _plain(reference))


def model_of(
    architecture: Architecture,
    provider: KernelProvider,
    input_shape: tuple[int, ...],
    outputs: int,
    width: float,
    root: int,
) -> Model:
    """Return the network whose kernels the provider gives, at the width that it needs.

    Infinitely wide where the provider does not vary with the width, whatever ``width`` is.

    Raises
    ------
    ValueError
        If the width is no width, or the provider or the architecture refuses.
    """
    network = architecture.network(input_shape, outputs)
    checked = _checked_width(width) if "width" in provider.varies_with else math.inf
    if (reason := provider.refuses(network, checked)) is not None:
        raise ValueError(f"kernel '{provider.name}' at width {checked:g}: {reason}")
    return Model(network, checked, SeedTree(root))


def shaped(x: np.ndarray[Any, Any], input_shape: tuple[int, ...] | None) -> np.ndarray[Any, Any]:
    """Return rows of features as inputs of the network's shape; ``None`` leaves them as they are.

    Raises
    ------
    ValueError
        If a row has not as many features as an input has.
    """
    if input_shape is None:
        return x
    if x.shape[1] != math.prod(input_shape):
        raise ValueError(
            f"input_shape {tuple(input_shape)} has {math.prod(input_shape)} features a point, and "
            f"X has {x.shape[1]}"
        )
    return x.reshape(len(x), *input_shape)


def network_at_start(model: Model, x: np.ndarray[Any, Any], *, zero: bool) -> Any:
    """Return the outputs before training, (N, K): those of the network, or zero where it starts.

    An infinitely wide network starts at its mean, which is zero.
    """
    network: Network = model.network
    if zero or not model.is_finite:
        return np.zeros((len(x), network.outputs))
    return network.apply(model.params, x)


def _checked_width(width: float) -> float:
    if isinstance(width, bool) or not isinstance(width, Real) or not width >= 1:
        raise ValueError(f"width is {width!r}; it must be a whole number from 1, or infinity")
    if width != math.inf and not float(width).is_integer():
        raise ValueError(f"width is {width!r}; there are only whole hidden units")
    return float(width)


def _plain(value: Any) -> Any:
    """Return numbers of numpy, which grids of parameters are made of, as Python's."""
    if isinstance(value, Mapping):
        return {key: _plain(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(own) for own in value]
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    return value


@cache
def _installed() -> Registry:
    """Return the installed plugins, loaded when the first estimator asks for one."""
    return Registry.load()
