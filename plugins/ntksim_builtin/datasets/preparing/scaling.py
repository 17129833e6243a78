"""Scaling of inputs and targets; every statistic is one of the training points alone."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from ntksim import Array, DataError
from numpy.typing import NDArray

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
            _, train, test = _ordinary(train, test)
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
    """Subtract the training mean of every column and divide by its standard deviation (1/N).

    Raises
    ------
    DataError
        If training and test points have different columns.
    """
    # Rounding gives a constant column a mean beside its value and a tiny standard deviation: their
    # quotient would be of order 1.
    if train.shape[1:] != test.shape[1:]:
        raise DataError(f"y_train has {train.shape[1]} outputs, y_test {test.shape[1]}")
    exponents, train, test = _ordinary(train, test)
    constant = train.min(axis=0) == train.max(axis=0)
    mean = np.where(constant, train[0], train.mean(axis=0)) if centre else 0.0
    divisor = np.where(constant, 1.0, train.std(axis=0)) if scale else 1.0
    # A constant column keeps its size: it is not divided by anything.
    exponents = np.where(constant, exponents, 0) if scale else exponents
    scaled = (train - mean) / divisor, (test - mean) / divisor
    return np.ldexp(scaled[0], exponents), np.ldexp(scaled[1], exponents)


def _ordinary(train: Array, test: Array) -> tuple[NDArray[np.integer], Array, Array]:
    """Return exponents of two, one a column of training points, and the points over those powers.

    They are 0 but for columns of extreme size, of whose sums or squares some are no numbers. A
    power of two changes no digit.
    """
    largest = np.abs(train).max(axis=0)
    is_extreme = (largest > 1e100) | ((largest < 1e-100) & (largest > 0))
    exponents = np.where(is_extreme, np.frexp(largest)[1], 0)
    if not is_extreme.any():
        return exponents, train, test
    return exponents, np.ldexp(train, -exponents), np.ldexp(test, -exponents)


def _unit_norm(x: Array, part: str) -> Array:
    axes = tuple(range(1, x.ndim))
    # Divide by the largest entry first: squares of tiny or huge entries leave the range of floats.
    largest = np.abs(x).max(axis=axes, keepdims=True, initial=0.0)
    if (largest == 0).any():
        index = int(np.argmax(largest.reshape(-1) == 0))
        raise DataError(f"inputs cannot have unit norm: {part} point {index} is 0 in all features")
    x = x / largest
    return x / np.sqrt((x * x).sum(axis=axes, keepdims=True))
