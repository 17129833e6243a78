"""The spectrum of a kernel on the whole sphere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import scipy
from ntksim import Array, Diagnostic, FinishedCell, Network, NoClosedForm, Variable, VariableSpec
from pydantic import Field

from ntksim_builtin.diagnostics.shallow_relu_theory import (
    multiplicities,
    shallow_relu_kernel,
    sphere_eigenvalues,
)


@dataclass(frozen=True)
class Harmonics(Diagnostic):
    """Eigenvalues of the infinite-width tangent kernel on the unit sphere, degree by degree.

    A dense network's kernel depends on the angle alone, so that its eigenfunctions under the
    uniform measure on the sphere are the harmonics, with eigenvalues (Funk-Hecke)

        μ_k = ∫ k(θ) P_k(cos θ) w(θ) dθ,        w(θ) ∝ sin^{d−2} θ,

    here by Gauss-Legendre quadrature in the angle, in which the kernels are smooth. Learning goes
    degree by degree in their order (Bietti and Mairal 2019). Where there is a closed form, shallow
    ReLU without a first-layer bias, it stands beside them.
    """

    name: ClassVar[str] = "harmonics"
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "harmonic_eigenvalue": VariableSpec(
            ("degree",),
            "eigenvalue of the tangent kernel on the sphere",
            description="at infinite width, under the uniform probability measure on the unit "
            "sphere of the inputs' dimension.",
        ),
        "harmonic_multiplicity": VariableSpec(
            ("degree",), "number of independent harmonics of a degree"
        ),
        "harmonic_eigenvalue_theory": VariableSpec(
            ("degree",),
            "eigenvalue of the tangent kernel on the sphere in theory",
            description="for shallow ReLU networks without a first-layer bias.",
        ),
        "harmonic_eigenvalue_error": VariableSpec(
            (), "largest error of an eigenvalue on the sphere, relative to the largest eigenvalue"
        ),
        "harmonic_trace": VariableSpec(
            (),
            "sum of the eigenvalues on the sphere, times their multiplicities",
            description="of the degrees that are there; all together have k(x, x) (Mercer).",
        ),
    }

    degrees: Annotated[int, Field(ge=2, le=500)] = 41
    """Number of degrees, from 0."""

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the eigenvalues; nothing for inputs that are no vectors, or without a limit."""
        model = cell.problem.model
        if model is None or len(model.network.input_shape) != 1:
            return {}
        (dimension,) = model.network.input_shape
        if dimension < 2:
            return {}
        try:
            values = harmonic_eigenvalues(model.network, self.degrees)
        except NoClosedForm:
            return {}
        numbers = multiplicities(self.degrees, dimension)
        measured: dict[str, Variable] = {
            "harmonic_eigenvalue": values,
            "harmonic_multiplicity": numbers,
            "harmonic_trace": float(numbers @ values),
        }
        kernel = shallow_relu_kernel(model.network)
        if kernel is not None:
            theory = sphere_eigenvalues(kernel, self.degrees, dimension)
            measured["harmonic_eigenvalue_theory"] = theory
            measured["harmonic_eigenvalue_error"] = np.abs(values - theory).max() / theory.max()
        return measured


def harmonic_eigenvalues(network: Network, degrees: int) -> Array:
    """Return μ_k for k < ``degrees`` of a network's infinite-width tangent kernel.

    The number of nodes resolves P_k sin^{d−2} θ, a trigonometric polynomial of order k + d − 2.
    """
    (dimension,) = network.input_shape
    nodes, weights = np.polynomial.legendre.leggauss(2 * (degrees + dimension) + 64)
    angle = 0.5 * np.pi * (nodes + 1)
    pole, points = np.zeros((1, dimension)), np.zeros((len(angle), dimension))
    pole[0, 0] = 1.0
    points[:, 0], points[:, 1] = np.cos(angle), np.sin(angle)
    kernel = network.kernels(pole, points).ntk
    if kernel is None:
        raise NoClosedForm("the network has no infinite-width tangent kernel")
    d = dimension
    density = np.exp(
        scipy.special.gammaln(d / 2)
        - scipy.special.gammaln((d - 1) / 2)
        + (d - 2) * np.log(np.sin(angle))
    ) / np.sqrt(np.pi)
    values = 0.5 * np.pi * weights * density * kernel[0]
    return _legendre(np.cos(angle), degrees, dimension) @ values


def _legendre(cosine: Array, degrees: int, dimension: int) -> Array:
    """Legendre polynomials P_k of dimension d with P_k(1) = 1, k < ``degrees``, in rows."""
    rows = np.empty((max(degrees, 2), len(cosine)))
    rows[0], rows[1] = 1.0, cosine
    for k in range(1, degrees - 1):
        rows[k + 1] = (2 * k + dimension - 2) * cosine * rows[k] - k * rows[k - 1]
        rows[k + 1] /= k + dimension - 2
    return rows[:degrees]
