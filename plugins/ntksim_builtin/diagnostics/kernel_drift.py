"""How the tangent kernel of a finite network changes while it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Array, Diagnostic, FinishedCell, Variable, VariableSpec
from ntksim.laws import WidthLaw
from ntksim.linalg import flatten_kernel
from ntksim.types import Extra, Requirement, Summary

from ntksim_builtin.diagnostics.kernel_distance import relative_distance
from ntksim_builtin.diagnostics.ordinary import ordinary


@dataclass(frozen=True)
class KernelDrift(Diagnostic):
    """Tangent kernel along the path of training, on the training points, at every time.

    - drift ‖K(t) − K(0)‖/‖K(0)‖, at most of the order of 1/√width (Lee et al. 2019, theorem 2.1),
      and of wide enough networks 1/width for smooth activations (Dyer and Gur-Ari 2020), and
      width^{−3/4} for ReLU;
    - largest eigenvalue of K(t), and ηλ_max/2: training with learning rate η is stable below 1, and
      above it, up to about 2, is thrown to a flatter place (Lewkowycz et al. 2020);
    - alignment of K(t) with the residual targets y yᵀ, which rises where features are learnt.

    The kernels are those of the network itself at the parameters that the solver gives; with K
    outputs the full kernel, of N·K rows. Every time costs one tangent kernel and its eigenvalues.
    """

    name: ClassVar[str] = "kernel_drift"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"network"})
    extras: ClassVar[frozenset[Extra]] = frozenset({"parameters"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "kernel_drift": VariableSpec(
            ("time",),
            "change of the tangent kernel in training",
            description="‖K(t) − K(0)‖/‖K(0)‖ in the Frobenius norm, on training points; infinite "
            "where a kernel that is 0 changes, or one grows beyond the largest float.",
        ),
        "kernel_drift_eigenvalue_max": VariableSpec(
            ("time",), "largest eigenvalue of the tangent kernel in training"
        ),
        "kernel_drift_alignment": VariableSpec(
            ("time",),
            "alignment of the tangent kernel in training with the targets",
            description="yᵀ K(t) y/(‖K(t)‖ ‖y‖²); NaN where the kernel or all targets are 0.",
        ),
        "stability": VariableSpec(
            ("time",),
            "learning rate over its largest stable value",
            description="ηλ_max/2 with the kernel at this time; for solvers with steps.",
        ),
    }

    summaries: ClassVar[tuple[Summary, ...]] = (WidthLaw("kernel_drift"),)

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return all of them; NaN at times that the solver did not reach."""
        model, path = cell.problem.model, cell.evolution.parameters
        if model is None or path is None:
            return {}
        x = cell.dataset.x_train
        _, y = ordinary(cell.dataset.y_train.ravel())

        def kernel(params: Mapping[str, Array]) -> Array:
            return flatten_kernel(model.network.tangent_kernel(params, x, full=True))

        initial = kernel(model.params)
        drift, largest, alignment = np.full((3, len(path)), np.nan)
        for index, params in enumerate(path):
            if not all(np.isfinite(value).all() for value in params.values()):
                continue
            current = kernel(params)
            if not np.isfinite(current).all():
                drift[index] = largest[index] = np.inf
                continue
            drift[index] = relative_distance(current, initial)
            exponent, current = ordinary(current)
            largest[index] = np.ldexp(np.linalg.eigvalsh(current)[-1], exponent)
            size = np.linalg.norm(current)
            if size > 0 and y.any():
                alignment[index] = y @ current @ y / (size * (y @ y))
        measured: dict[str, Variable] = {
            "kernel_drift": drift,
            "kernel_drift_eigenvalue_max": largest,
            "kernel_drift_alignment": alignment,
        }
        if cell.evolution.learning_rate is not None:
            measured["stability"] = 0.5 * cell.evolution.learning_rate * largest
        return measured
