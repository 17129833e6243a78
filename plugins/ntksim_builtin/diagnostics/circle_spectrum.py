"""The spectrum of equispaced points on a circle, against theory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Array, Diagnostic, FinishedCell, Variable, VariableSpec
from ntksim.types import Requirement

from ntksim_builtin.diagnostics.shallow_relu_theory import circle_eigenvalues, shallow_relu_kernel


@dataclass(frozen=True)
class CircleSpectrum(Diagnostic):
    """Eigenvalues of a shallow ReLU network on equispaced points of a circle, in closed form.

    The kernel matrix is circulant, and its eigenvalues are sums of the kernel's Fourier
    coefficients (Basri et al. 2019) that partial fractions close. The error, at the level of
    rounding, certifies kernel and eigendecomposition together. For networks without a first-layer
    bias and an analytic kernel; with an empirical one it is the error of finite width.
    """

    name: ClassVar[str] = "circle_spectrum"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"spectrum"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "circle_eigenvalue_theory": VariableSpec(
            ("mode",),
            "eigenvalue of the training tangent kernel in theory",
            description="N Σ_j λ_{m+jN} over the Fourier coefficients λ, in descending order.",
        ),
        "circle_eigenvalue_error": VariableSpec(
            (),
            "largest error of an eigenvalue, relative to the largest eigenvalue",
        ),
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return both; nothing for other data or networks."""
        spectrum, model = cell.problem.spectrum, cell.problem.model
        if spectrum is None or model is None or not _equispaced(cell.dataset.x_train):
            return {}
        kernel = shallow_relu_kernel(model.network)
        if kernel is None or len(spectrum.eigenvalues) != len(cell.dataset.x_train):
            return {}
        theory = circle_eigenvalues(kernel, len(cell.dataset.x_train))
        return {
            "circle_eigenvalue_theory": theory,
            "circle_eigenvalue_error": np.abs(spectrum.eigenvalues - theory).max() / theory[0],
        }


def _equispaced(x: Array) -> bool:
    """Whether points (n, 2) lie on the unit circle, each turned by 2π/n from the one before."""
    if x.shape[1:] != (2,):
        return False
    z = x[:, 0] + 1j * x[:, 1]
    turned = np.exp(2j * np.pi / len(z)) * np.roll(z, 1)
    return bool(
        np.allclose(np.abs(z), 1, rtol=0, atol=1e-12) and np.allclose(z, turned, atol=1e-12)
    )
