"""Scaling of inputs and targets; every statistic is one of the training points alone."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from ntksim import Array, DataError

InputScaling: TypeAlias = Literal[
    "none", "standard", "min_max", "unit_max", "unit_norm", "standard_unit_norm"
]
"""How inputs are scaled:

- ``standard``: every feature minus its mean, over its standard deviation;
- ``min_max``: every feature mapped so that the training points fill [0, 1];
- ``unit_max``: everything over the largest absolute value;
- ``unit_norm``: every point over its own Euclidean norm;
- ``standard_unit_norm``: ``standard``, then ``unit_norm``.

A feature that is constant in training is only shifted to 0.
"""


def scale_inputs(scaling: InputScaling, train: Array, test: Array) -> tuple[Array, Array]:
    """Scale training inputs (N, …) and test inputs (M, …).

    Raises
    ------
    DataError
        If a point is to be divided by its norm and is 0.
    """
    match scaling:
        case "none":
            return train, test
        case "standard":
            return standardise(train, test)
        case "min_max":
            low, high = train.min(axis=0), train.max(axis=0)
            scale = np.where(high > low, high - low, 1.0)
            return (train - low) / scale, (test - low) / scale
        case "unit_max":
            largest = np.abs(train).max()
            if largest == 0:
                raise DataError("inputs cannot be scaled by unit_max: all training inputs are 0")
            return train / largest, test / largest
        case "unit_norm":
            return _unit_norm(train, "train"), _unit_norm(test, "test")
        case "standard_unit_norm":
            train, test = standardise(train, test)
            return _unit_norm(train, "train"), _unit_norm(test, "test")


def standardise(
    train: Array, test: Array, *, centre: bool = True, scale: bool = True
) -> tuple[Array, Array]:
    """Subtract the training mean of every column and divide by its standard deviation (1/N)."""
    # Rounding gives a constant column a mean beside its value and a tiny standard deviation: their
    # quotient would be of order 1.
    constant = train.min(axis=0) == train.max(axis=0)
    mean = np.where(constant, train[0], train.mean(axis=0)) if centre else 0.0
    divisor = np.where(constant, 1.0, train.std(axis=0)) if scale else 1.0
    return (train - mean) / divisor, (test - mean) / divisor


def _unit_norm(x: Array, part: str) -> Array:
    axes = tuple(range(1, x.ndim))
    # Divide by the largest entry first: squares of tiny or huge entries leave the range of floats.
    largest = np.abs(x).max(axis=axes, keepdims=True, initial=0.0)
    if (largest == 0).any():
        index = int(np.argmax(largest.reshape(-1) == 0))
        raise DataError(f"inputs cannot have unit norm: {part} point {index} is 0 in all features")
    x = x / largest
    return x / np.sqrt((x * x).sum(axis=axes, keepdims=True))
