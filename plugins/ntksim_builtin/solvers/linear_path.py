"""Parameters of a linearised network in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from ntksim.linalg import ModeFactors, predicted_outputs
from ntksim.types import Array, Network, Params, Problem, Spectrum

from ntksim_builtin.solvers.system import LinearSystem


@dataclass(frozen=True, eq=False)
class LinearisedPath(Sequence[Params]):
    """θ(t) = θ₀ + Jᵀ a(t) at every time, each computed when it is read: one product with Jᵀ.

    ``weights`` a (T, N, K) are those with which f(x, t) = f₀(x) + k(x, X) a(t); J, whose size is
    that of the kernel times the number of parameters, is never formed.
    """

    network: Network
    initial: Params
    x: Array
    weights: Array

    def __len__(self) -> int:
        return len(self.weights)

    @overload
    def __getitem__(self, index: int) -> Params: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Params]: ...

    def __getitem__(self, index: int | slice) -> Params | Sequence[Params]:
        if isinstance(index, slice):
            return LinearisedPath(self.network, self.initial, self.x, self.weights[index])
        change = self.network.vjp(self.initial, self.x, self.weights[index])
        return {
            name: value + change[name] if name in change else value
            for name, value in self.initial.items()
        }


def linearised_path(
    problem: Problem, system: LinearSystem, spectrum: Spectrum, factors: ModeFactors
) -> LinearisedPath | None:
    """Return the path with a(t) = G(t) (y − f₀), or ``None`` where the problem does not ask for it.

    With the network's own kernel this is gradient flow, or descent, of the linearised network,
    θ(t) = θ₀ − Jᵀ G(t) (f₀ − y); with another kernel it moves the parameters as that kernel says.
    Null modes move no parameter: ‖Jᵀ v‖ = √λ is 0 but for rounding, which t would multiply.

    Raises
    ------
    ValueError
        If there is no network.
    """
    if "parameters" not in problem.extras:
        return None
    if problem.model is None:
        raise ValueError("the problem has no network, whose parameters are asked for")
    resolved = spectrum.eigenvalues > spectrum.null_tolerance
    weights = predicted_outputs(
        spectrum,
        np.where(resolved, spectrum.eigenvectors, 0.0),
        factors,
        system.targets,
        system.start,
        np.zeros_like(system.start),
    )
    return LinearisedPath(
        problem.model.network,
        problem.model.params,
        problem.x_train,
        weights.reshape(len(weights), *problem.y_train.shape),
    )
