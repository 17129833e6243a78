"""Intervals of the real line."""

import math
from typing import TypeAlias

Interval: TypeAlias = tuple[float, float]


def check_interval(interval: Interval) -> None:
    """Refuse an interval whose ends are not in order.

    Raises
    ------
    ValueError
        If it is unbounded, a single point or reversed.
    """
    low, high = interval
    if not low < high or math.isinf(high - low):
        raise ValueError(
            f"interval is [{low}, {high}]; it must be two finite numbers, the smaller one first"
        )
