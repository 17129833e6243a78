"""Activations: the non-linearity of a layer and, where it is known, its Gaussian dual."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from ntksim.types.arrays import Array
from ntksim.types.moments import SecondMoments
from ntksim.types.plugin import Plugin


@dataclass(frozen=True)
class Dual:
    """What an activation does to a Gaussian pair (u, v) with given second moments.

    ``features`` are the second moments of (φ(u), φ(v)); ``derivative`` is E[φ′(u) φ′(v)], shape
    (N, M, …).
    """

    features: SecondMoments
    derivative: Array


class Activation(Plugin, ABC):
    """A function φ applied to every unit.

    ``value`` and ``derivative`` are all that a new activation needs: without a closed form, its
    dual is computed by quadrature to 1e-10 relative (``ntksim.nn.dual``).
    """

    kind: ClassVar[str] = "activation"

    kinks: ClassVar[tuple[float, ...]] = ()
    """Where φ or one of its derivatives jumps. Quadrature splits there; a kink that is left out
    costs accuracy and is reported as a failure to converge."""

    @abstractmethod
    def value(self, x: Array) -> Array:
        """φ(x), elementwise, any shape."""

    @abstractmethod
    def derivative(self, x: Array) -> Array:
        """φ′(x), elementwise; at a kink the value that training uses there."""

    def closed_form(self, moments: SecondMoments) -> Dual | None:
        """Return the dual in closed form, or ``None`` where there is none."""
        del moments
        return None
