"""What a layer of infinite width needs to know of the layer before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ntksim.types import Array, NoClosedForm, SecondMoments

Law: TypeAlias = Literal["fixed", "gaussian", "random"]
"""How features are distributed over initialisations: ``fixed`` for inputs, which are not random;
``gaussian`` for units that are independent Gaussian processes; ``random`` for any function of
those."""


@dataclass(frozen=True)
class Moments:
    """Second moments and tangent kernel of features, for all pairs of N and M points.

    Both are means over the features, E[h·h′]/n: for an input of n features x·z/n, behind a layer
    of infinite width the expectation of one feature. ``ntk`` (N, M, …) is the mean over features
    of ∂h/∂θ · ∂h′/∂θ. ``fan_in`` is the number n of features, ``None`` where it grows with the
    width.

    Layers that work on positions (a convolution) keep pairs of positions as trailing axes of
    ``second`` and ``ntk``, (N, M, *positions, *positions′). What such layers need beside, the
    moments between the positions of one and the same point, is in ``within1`` (N, 1, *positions,
    *positions′) and ``within2`` (M, 1, …), for the two sets of points; both are ``None`` where
    there are no positions.
    """

    second: SecondMoments
    ntk: Array
    fan_in: int | None = None
    law: Law = "gaussian"
    within1: SecondMoments | None = None
    within2: SecondMoments | None = None

    def mapped(
        self,
        change: Callable[[SecondMoments], SecondMoments],
        ntk: Array,
        *,
        law: Law,
        fan_in: int | None,
    ) -> Moments:
        """Return moments changed in the same way between and within points."""
        return Moments(
            change(self.second),
            ntk,
            fan_in,
            law,
            None if self.within1 is None else change(self.within1),
            None if self.within2 is None else change(self.within2),
        )

    def plus(self, other: Moments) -> Moments:
        """Return the moments of a sum with independent, centred features.

        The sum is Gaussian where both summands are; tangent kernels add because mixed terms
        vanish in the mean over features.
        """
        law: Law = "gaussian" if self.law == other.law == "gaussian" else "random"
        return replace(
            self,
            second=self.second.plus(other.second),
            ntk=self.ntk + other.ntk,
            law=law,
            within1=_sum(self.within1, other.within1),
            within2=_sum(self.within2, other.within2),
        )

    def require_infinite_width(self, layer: str) -> None:
        """Check that ``layer`` acts on inputs or on features whose number grows with the width.

        Raises
        ------
        NoClosedForm
            If the features are random and finitely many: their moments do not become certain at
            infinite width.
        """
        if self.law != "fixed" and self.fan_in is not None:
            raise NoClosedForm(
                f"{layer} acts on {self.fan_in} random features; infinite-width kernels need a "
                "number that grows with the width (units=None in the layer before)"
            )


def _sum(first: SecondMoments | None, second: SecondMoments | None) -> SecondMoments | None:
    return None if first is None or second is None else first.plus(second)
