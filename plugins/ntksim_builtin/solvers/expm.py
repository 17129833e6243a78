"""Gradient flow through the exponential of the tangent kernel: the slow reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy
from ntksim.types import Array, Evolution, NonNegativeFloat, Problem, Requirement, Solver

from ntksim_builtin.solvers.labels import label
from ntksim_builtin.solvers.system import linear_system
from ntksim_builtin.solvers.targets import at_own_size, ordinary_targets

EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Expm(Solver):
    """Gradient flow of the linearised network, by a matrix exponential at each time; slow.

    A reference for ``eigh`` that shares no step with it. With A = K + ridge,

        exp [[−A t, I], [0, 0]] = [[e^{−At}, φ], [0, I]],      G(t) = t φ = ∫₀ᵗ e^{−As} ds,

    gives f(x, t) = f₀(x) + k(x, X) G(t) (y − f₀(X)) without an inverse (Van Loan 1978); at t = ∞
    G is the pseudo-inverse of A with the cut-off 4 n ε λ₁. Every time costs a dense exponential of
    2n rows, well over a hundred matrix products. Rounding of K moves e^{−At} by up to about
    ε λ₁ t, without the care that ``eigh`` takes of modes below rounding: finite times beyond
    1/(ε λ₁) are not reached.
    """

    name: ClassVar[str] = "expm"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"ntk"})

    ridge: NonNegativeFloat = 0.0
    """Strength of the pull to the initial parameters, added to the diagonal of the kernel."""

    def evolve(self, problem: Problem, times: Array) -> Evolution:
        """Return the outputs at ``times``, all of which are reached."""
        exponent, problem = ordinary_targets(problem)
        return at_own_size(self._evolve(problem, times), exponent)

    def _evolve(self, problem: Problem, times: Array) -> Evolution:
        system = linear_system(problem)
        n = len(system.train)
        residual = system.start - system.targets
        generator = system.train + self.ridge * np.eye(n)
        train = np.empty((len(times), *system.start.shape))
        test = np.empty((len(times), *system.test_start.shape))
        reached = np.array(times, dtype=np.float64)
        size = float(np.abs(generator).sum(axis=1).max())
        with np.errstate(over="ignore", invalid="ignore"):
            reached[np.isfinite(times) & (size * times > 1 / EPSILON)] = np.nan
        for index, time in enumerate(reached):
            if np.isnan(time):
                train[index] = test[index] = np.nan
                continue
            left, moved = _propagators(generator, float(time))
            # 1 − K G = (1 − A G) + ridge G: the residual without a difference of large terms.
            train[index] = system.targets + (left + self.ridge * moved) @ residual
            test[index] = system.test_start - system.test_train @ (moved @ residual)
        return Evolution(
            reached=reached,
            train=train.reshape(len(times), *problem.f0_train.shape),
            test=test.reshape(len(times), *problem.f0_test.shape),
            note=(
                f"finite times beyond {1 / EPSILON / size:.3g} are lost in the rounding of an "
                "exponential; use eigh"
                if np.isnan(reached).any()
                else ""
            ),
        )

    def label(self) -> str:
        """Return ``expm`` with the ridge where there is one."""
        return label(self.name, ("ridge", self.ridge, 0.0))


def _propagators(generator: Array, time: float) -> tuple[Array, Array]:
    """Return e^{−At} and G(t), at t = ∞ the projector on the null space and the pseudo-inverse.

    The projector is made of eigenvectors: 1 − A A⁺ would lose as many digits as A is
    ill-conditioned.
    """
    n = len(generator)
    if np.isinf(time):
        # The QR algorithm: the default, evr, may leave ten times its error where there is 0.
        values, vectors = scipy.linalg.eigh(generator, driver="ev")
        # Rounding of K and of its decomposition together leave a few n ε λ₁ where there is 0.
        null = values <= 4 * n * EPSILON * max(values[-1], 0.0)
        resting, moving = vectors[:, null], vectors[:, ~null]
        return resting @ resting.T, (moving / values[~null]) @ moving.T
    block = np.zeros((2 * n, 2 * n))
    block[:n, :n] = -time * generator
    block[:n, n:] = np.eye(n)
    exponential = np.asarray(scipy.linalg.expm(block), dtype=np.float64)
    return exponential[:n, :n], time * exponential[:n, n:]
