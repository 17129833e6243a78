"""What theorems say about the loss of gradient descent on wide networks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Array, Diagnostic, FinishedCell, Spectrum, Variable, VariableSpec
from ntksim.linalg import decay, descent_factors, discrete_decay, flow_factors
from ntksim.types import Requirement

from ntksim_builtin.diagnostics.modes import in_modes
from ntksim_builtin.diagnostics.ordinary import ordinary, scaled_back


@dataclass(frozen=True)
class DescentTheory(Diagnostic):
    """Loss of gradient descent: a proven contraction, and the loss of the linearised network.

    After k steps of learning rate η, with λ_min the smallest eigenvalue of the kernel,

        L ≤ (1 − η λ_min/2)^k L(0)                      (Du et al. 2019, theorem 4.1)
        L ≈ ½ Σ (1 − η λ_i)^{2k} c_i²,  c = Vᵀ(f₀ − y)   (Arora et al. 2019a, theorem 4.1)

    for wide enough networks and small enough η; the second is exact for the linearised network and
    decays four times as fast in its slowest mode. Both theorems train the first layer only and fix
    a read-out of ±1. For solvers without steps both are at the limit η → 0, k = t/η.

    By the first, no hidden unit goes further than ‖w_r(k) − w_r(0)‖ ≤ 4 √n ‖f₀ − y‖/(√m λ_min) for
    m units of inputs with norm 1 (Du et al. 2019, corollary 4.1): a sum of gradients, of which each
    is at most √n ‖f − y‖/√m. For other inputs and scales the latter is √n C ‖f − y‖/√m, where C is
    the largest √m ‖∂f(x)/∂w_r‖ of a unit that is on. Half of the units are, so that K(x, x) = C²/2,
    and the kernel knows C: it is 1 in their setting.
    """

    name: ClassVar[str] = "descent_theory"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"spectrum"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "loss_bound_du": VariableSpec(
            ("time",),
            "upper bound of the training loss by Du et al.",
            description="(1 − η λ_min/2)^k L(0) after k steps.",
        ),
        "loss_theory": VariableSpec(
            ("time",),
            "training loss of the linearised network",
            description="½ Σ (1 − η λ)^{2k} c², c the initial residual in the eigenbasis.",
        ),
        "parameter_motion_bound_du": VariableSpec(
            (),
            "upper bound of the motion of a hidden unit's weights by Du et al.",
            description="4 √n C ‖f₀ − y‖/(√width λ_min) with C² = 2 max K(x, x), for a read-out of "
            "fixed signs; of the norm of the weights that lead into one unit, which "
            "parameter_motion_unit is.",
        ),
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return all of them; NaN at times that the solver did not reach."""
        spectrum = cell.problem.spectrum
        if spectrum is None:
            return {}
        exponent, residual = ordinary(cell.problem.f0_train - cell.dataset.y_train)
        energy = np.square(in_modes(spectrum, residual)).sum(axis=1)
        smallest = resolved_minimum(spectrum)
        bound, left = _left(spectrum, smallest, cell)
        # A mode that has nothing to learn learns nothing, even at a rate that is not stable.
        left = np.where(energy > 0, left, np.where(np.isnan(bound), np.nan, 0.0)[:, None])
        with np.errstate(over="ignore"):
            du, theory = 0.5 * float(energy.sum()) * bound, 0.5 * np.square(left) @ energy
        measured: dict[str, Variable] = {
            "loss_bound_du": scaled_back(du, 2 * exponent),
            "loss_theory": scaled_back(theory, 2 * exponent),
        }
        model = cell.problem.model
        if model is not None and model.is_finite:
            root = math.sqrt(len(residual) * float(energy.sum()) / model.width)
            motion = 4 * root * _steepest(spectrum) / smallest if smallest > 0 else np.inf
            measured["parameter_motion_bound_du"] = scaled_back(np.float64(motion), exponent)
        return measured


def resolved_minimum(spectrum: Spectrum) -> float:
    """Return the smallest eigenvalue, or 0 where it cannot be told from 0."""
    smallest = float(spectrum.eigenvalues[-1])
    return smallest if smallest > spectrum.null_tolerance else 0.0


def _steepest(spectrum: Spectrum) -> float:
    """Return C, the largest of √(2 K(x, x)) over the training points."""
    diagonal = np.square(spectrum.eigenvectors) @ spectrum.eigenvalues
    return math.sqrt(2 * float(diagonal.max()))


def _left(spectrum: Spectrum, smallest: float, cell: FinishedCell) -> tuple[Array, Array]:
    """Return what is left by Du's contraction (T,), and of each mode's residual (T, n)."""
    rate, times = cell.evolution.learning_rate, cell.evolution.reached
    lost = np.isnan(times)
    times = np.where(lost, 0.0, times)
    if rate is None:
        bound, left = decay(smallest / 2, times), flow_factors(spectrum, times).residual
    else:
        steps = np.rint(times / rate)
        bound = discrete_decay(smallest / 2, rate, steps)
        left = descent_factors(spectrum, steps, rate).residual
    bound[lost], left[lost] = np.nan, np.nan
    return bound, left
