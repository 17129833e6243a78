"""Which points are for training and which for test."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import numpy as np
from ntksim import DataError
from numpy.typing import NDArray
from pydantic import Field

Indices: TypeAlias = NDArray[np.intp]

Fraction: TypeAlias = Annotated[float, Field(gt=0, lt=1)]


def split(
    points: int, train: int | float | None, test: int | None, rng: np.random.Generator
) -> tuple[Indices, Indices]:
    """Draw disjoint training and test points, as indices.

    ``train`` may be a fraction. What is ``None`` is what the other leaves; with both ``None`` a
    fifth of the points is for test. Training points are taken from the front of one random order
    and test points from its end: a smaller training set is a part of a larger one, and the test
    set of a given size does not depend on it.

    Raises
    ------
    DataError
        If there are not enough points.
    """
    if train is None and test is None:
        test = points // 5
    if train is None:
        train = points - (test or 0)
    train = count(points, train)
    if test is None:
        test = points - train
    if train < 1 or test < 0 or train + test > points:
        raise DataError(
            f"{max(train, 0)} training and {max(test, 0)} test points cannot be taken from "
            f"{points} points"
        )
    order = rng.permutation(points)
    return order[:train], order[points - test :]


def subset(points: int, wanted: int | float | None, what: str, rng: np.random.Generator) -> Indices:
    """Draw ``wanted`` points of one set, in random order; all of them in order for ``None``.

    Raises
    ------
    DataError
        If there are not enough points; ``what`` names them.
    """
    if wanted is None:
        return np.arange(points)
    wanted = count(points, wanted)
    if wanted > points:
        raise DataError(f"{wanted} {what} points were asked for, but there are only {points}")
    return rng.permutation(points)[:wanted]


def count(points: int, wanted: int | float) -> int:
    """Return a number of points, ``wanted`` itself or that fraction rounded to the nearest."""
    return round(wanted * points) if isinstance(wanted, float) else wanted
