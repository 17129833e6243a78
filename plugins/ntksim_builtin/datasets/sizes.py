"""How large generated data may be: a typo must not ask for all memory there is."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

MOST_NUMBERS = 10**8
"""Numbers in a generated set of points, inputs and targets together: 0.8 GB."""

Degree: TypeAlias = Annotated[int, Field(ge=0, le=10_000)]
"""Degree of a harmonic, whose recurrence takes one step a degree."""

Frequency: TypeAlias = Annotated[int, Field(ge=0, le=1_000_000)]
"""Frequency of a harmonic on a circle: beyond, rounding of the angle shows in the tenth digit."""


def check_size(numbers: int, **points: int) -> None:
    """Refuse points that take too much memory, before anything is allocated.

    ``numbers`` are those of the inputs and targets of one point, ``points`` how many points an
    option asks for.

    Raises
    ------
    ValueError
        For the first option that asks for too many.
    """
    for option, count in points.items():
        if count * numbers > MOST_NUMBERS:
            raise ValueError(
                f"'{option}' asks for {count:,} points of {numbers:,} numbers each; generated data "
                f"hold at most {MOST_NUMBERS:,} numbers"
            )
