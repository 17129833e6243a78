"""How hard labels are for a kernel, and the widths that proofs ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from ntksim import Array, Diagnostic, FinishedCell, Spectrum, Variable, VariableSpec
from ntksim.types import Requirement
from pydantic import Field

from ntksim_builtin.diagnostics.descent_theory import resolved_minimum
from ntksim_builtin.diagnostics.modes import in_modes
from ntksim_builtin.diagnostics.ordinary import norm, ordinary, scaled_back

Probability = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True)
class LabelComplexity(Diagnostic):
    """Where the labels lie in the kernel's eigenbasis, and what theorems conclude from it.

    - energy of the labels in the leading eigenvectors, (Σ_{j ≤ i} c_j²)/‖y‖², c = Vᵀy;
    - complexity √(2 yᵀ K⁺ y/n), a bound on the generalisation error when only the first layer is
      trained, up to lower orders (Arora et al. 2019a, theorem 5.1); infinite where labels lie in
      null directions of the kernel, because such labels cannot be fitted;
    - alignment ⟨K, y yᵀ⟩/(‖K‖ ‖y yᵀ‖) (Cristianini et al. 2001), 1 for K ∝ y yᵀ;
    - widths n⁶/(λ_min⁴ δ³) (Du et al. 2019) and n⁷/(λ_min⁴ κ² δ⁴ ε²) with κ = εδ/√n (Arora et al.
      2019a), constants left out, from which on training is proven to work with probability at
      least 1 − δ.
    """

    name: ClassVar[str] = "label_complexity"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"spectrum"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "label_energy": VariableSpec(
            ("mode",),
            "share of the labels' energy in the leading eigenvectors",
            description="cumulative: up to and including this mode, all outputs together.",
        ),
        "label_complexity": VariableSpec(
            (),
            "complexity of the labels",
            description="√(2 yᵀ K⁺ y/n), summed over outputs under the root.",
        ),
        "kernel_alignment": VariableSpec(
            (),
            "alignment of kernel and labels",
            description="⟨K, y yᵀ⟩/(‖K‖ ‖y yᵀ‖) in the Frobenius norm; NaN for a kernel that is 0.",
        ),
        "width_demanded_du": VariableSpec(
            (), "width demanded by Du et al.", description="n⁶/(λ_min⁴ δ³)."
        ),
        "width_demanded_arora": VariableSpec(
            (),
            "width demanded by Arora et al.",
            description="n⁷/(λ_min⁴ κ² δ⁴ ε²), with the initial standard deviation κ = εδ/√n.",
        ),
    }

    delta: Probability = 0.05
    """Probability δ of failure that the widths allow."""
    epsilon: Probability = 0.1
    """Accuracy ε of the predicted residual that the width of Arora et al. asks for."""

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return all of them; nothing where the kernel was not decomposed."""
        spectrum = cell.problem.spectrum
        if spectrum is None:
            return {}
        exponent, y = ordinary(cell.dataset.y_train)
        energy = np.square(in_modes(spectrum, y)).sum(axis=1)
        total = float(energy.sum())
        n, smallest = len(y), resolved_minimum(spectrum)
        form, even = _inverse_form(spectrum, y)
        complexity = scaled_back(np.sqrt(2 * form / n), exponent - even // 2)
        measured: dict[str, Variable] = {"label_complexity": complexity}
        if total > 0:
            measured["label_energy"] = np.cumsum(energy) / total
            measured["kernel_alignment"] = alignment(spectrum, y)
        # A width beyond the largest number is infinite.
        with np.errstate(divide="ignore", over="ignore"):
            common = np.float64(1.0) / np.float64(smallest) ** 4
            kappa = self.epsilon * self.delta / np.sqrt(n)
            accuracy = np.float64(kappa**2 * self.delta**4 * self.epsilon**2)
            measured["width_demanded_du"] = n**6 * common / np.float64(self.delta) ** 3
            measured["width_demanded_arora"] = n**7 * common / accuracy
        return measured


def inverse_form(spectrum: Spectrum, y: Array) -> float:
    """Return Σ_k y_kᵀ K⁺ y_k as a sum over modes, infinite if null modes hold part of the labels.

    What rounding leaves of a projection on a null mode, n ε ‖y‖, does not count.
    """
    form, exponent = _inverse_form(spectrum, y)
    return float(scaled_back(form, -exponent))


def _inverse_form(spectrum: Spectrum, y: Array) -> tuple[np.float64, int]:
    """Return 2^e Σ_k y_kᵀ K⁺ y_k, and e, an even number that is 0 for kernels of ordinary size."""
    exponent, eigenvalues = ordinary(spectrum.eigenvalues, even=True)
    energy = np.square(in_modes(spectrum, y)).sum(axis=1)
    null = spectrum.eigenvalues <= spectrum.null_tolerance
    rounding = (len(energy) * np.finfo(np.float64).eps) ** 2 * energy.sum()
    if (energy[null] > rounding).any():
        return np.float64(np.inf), 0
    return np.sum(energy[~null] / eigenvalues[~null]), exponent


def alignment(spectrum: Spectrum, y: Array) -> float:
    """Return ⟨K, y yᵀ⟩/(‖K‖ ‖y yᵀ‖), with Σ_k y_k y_kᵀ for several outputs that share K."""
    _, columns = ordinary(y.reshape(len(spectrum.eigenvectors), -1))
    _, eigenvalues = ordinary(spectrum.eigenvalues)
    projections = spectrum.eigenvectors.T @ columns
    inner = eigenvalues @ np.square(projections).sum(axis=1)
    norms = norm(eigenvalues) * norm(columns.T @ columns)
    return float(inner / norms) if norms > 0 else np.nan
