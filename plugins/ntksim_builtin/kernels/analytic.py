"""Kernels of the infinitely wide network."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from ntksim import Array, KernelProvider, Kernels, Model, Network, NoClosedForm
from ntksim.nn import QuadratureError
from ntksim.types import KernelKind


@dataclass(frozen=True)
class Analytic(KernelProvider):
    """Kernels in the limit of infinite width, in closed form or by quadrature.

    The same for every width and seed (Jacot et al. 2018; Lee et al. 2018, 2019).
    """

    name: ClassVar[str] = "analytic"
    varies_with: ClassVar[frozenset[Literal["width", "seed"]]] = frozenset()

    def refuses(self, network: Network, width: float) -> str | None:
        """Refuse a network without a known limit; found out on one input."""
        del width
        try:
            network.kernels(np.ones((1, *network.input_shape)))
        except (NoClosedForm, QuadratureError) as error:
            return str(error)
        return None

    def kernels(self, model: Model, x1: Array, x2: Array | None = None) -> Kernels:
        """Return the limits of both kernels."""
        return model.network.kernels(x1, x2)

    def kernels_wanted(
        self, model: Model, x1: Array, x2: Array | None, wanted: Collection[KernelKind]
    ) -> Kernels:
        """Return the limits of those that are wanted, where the network can do one alone."""
        return model.network.kernels_wanted(x1, x2, wanted)
