"""Eigenvalues of the training tangent kernel, and the targets in its eigenbasis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Array, Diagnostic, FinishedCell, Spectrum, Variable, VariableSpec
from ntksim.types import Requirement


@dataclass(frozen=True)
class SpectrumDiagnostic(Diagnostic):
    """Eigenvalues λ of the training tangent kernel, projections of the targets, condition.

    Under gradient flow mode i of the residual decays as exp(−λ_i t): the projections Vᵀy tell how
    much there is to learn in each mode, 1/λ_i how long it takes.
    """

    name: ClassVar[str] = "spectrum"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"spectrum"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "eigenvalue": VariableSpec(
            ("mode",),
            "eigenvalue of the training tangent kernel",
            description="in descending order, rounding below 0 set to 0; as many as training "
            "points, times outputs for a full kernel.",
        ),
        "label_projection": VariableSpec(
            ("mode", "output"),
            "projection of the targets on an eigenvector",
            description="Vᵀy, output by output; for a full kernel the part of an eigenvector that "
            "belongs to the output, so that the sum over outputs is the whole projection. The "
            "sign of an eigenvector is arbitrary.",
        ),
        "eigenvalue_min": VariableSpec((), "smallest eigenvalue of the training tangent kernel"),
        "eigenvalue_max": VariableSpec((), "largest eigenvalue of the training tangent kernel"),
        "condition_number": VariableSpec(
            (),
            "condition number of the training tangent kernel",
            description="largest over smallest eigenvalue; infinite where the smallest cannot be "
            "told from 0 in double precision (at most n ε λ_max).",
        ),
        "numerical_rank": VariableSpec(
            (),
            "numerical rank of the training tangent kernel",
            description="number of eigenvalues above n ε λ_max.",
        ),
        "stable_learning_rate": VariableSpec(
            (),
            "largest stable learning rate",
            description="2/λ_max: gradient descent on ½ Σ (f − y)² diverges above it; infinite "
            "for a kernel that is 0.",
        ),
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return all of them; nothing where the kernel was not decomposed."""
        spectrum = cell.problem.spectrum
        if spectrum is None:
            return {}
        eigenvalues = spectrum.eigenvalues
        largest, smallest = float(eigenvalues[0]), float(eigenvalues[-1])
        is_singular = smallest <= spectrum.null_tolerance
        return {
            "eigenvalue": eigenvalues,
            "label_projection": label_projection(spectrum, cell.dataset.y_train),
            "eigenvalue_min": smallest,
            "eigenvalue_max": largest,
            "condition_number": np.inf if is_singular else largest / smallest,
            "numerical_rank": float(np.count_nonzero(eigenvalues > spectrum.null_tolerance)),
            "stable_learning_rate": 2.0 / largest if largest > 0 else np.inf,
        }


def label_projection(spectrum: Spectrum, targets: Array) -> Array:
    """Return Vᵀy (n, K) for targets y (N, K), with n = N, or n = N·K for a full kernel.

    For a full kernel, whose rows are ordered (point, output), entry (m, k) is Σ_i V[ik, m] y[i, k].
    """
    vectors = spectrum.eigenvectors
    points, outputs = targets.shape
    if len(vectors) == points:
        return vectors.T @ targets
    return np.einsum("ikm,ik->mk", vectors.reshape(points, outputs, -1), targets)
