"""A kernel decomposed once, from which the outputs at any time and point follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ntksim.estimators.models import network_at_start
from ntksim.linalg import (
    eigendecomposition,
    flatten_kernel,
    flow_factors,
    predicted_outputs,
    predictive_variance,
    prior_factor,
    project,
)
from ntksim.types import Array, KernelProvider, Kernels, Model, Spectrum


@dataclass(frozen=True, eq=False)
class Dynamics:
    """Gradient flow of the linearised network on ½ Σ (f − y)² + ½ ridge ‖θ − θ₀‖².

        f(x, t) = f₀(x) + k(x, X) V diag(g(λ + ridge, t)) Vᵀ (y − f₀(X)),
        g(λ, t) = (1 − e^{−λt})/λ,

    as the solver ``eigh`` of a study has it. ``kernel`` are those of the training points, ``x``
    (N, …), ``targets`` (N, K) and ``start`` f₀(X) (N, K).
    """

    model: Model
    provider: KernelProvider
    kernel: Kernels
    spectrum: Spectrum
    x: Array
    targets: Array
    start: Array
    zero_start: bool

    @classmethod
    def of(
        cls, model: Model, provider: KernelProvider, x: Array, targets: Array, *, zero_start: bool
    ) -> Dynamics:
        """Compute and decompose the kernel of the training points.

        Raises
        ------
        ValueError
            If the provider gives no tangent kernel.
        """
        kernel = provider.kernels(model, x)
        start = network_at_start(model, x, zero=zero_start)
        spectrum = eigendecomposition(tangent(kernel, provider))
        return cls(model, provider, kernel, spectrum, x, targets, start, zero_start)

    def outputs(self, x: Array, times: Array, ridge: float) -> Array:
        """f(x, t), shape (T, M, K)."""
        return self._outputs(x, self._projection(self._cross(x)), times, ridge)

    def outputs_and_variance(
        self, x: Array, times: Array, ridge: float, noise: float
    ) -> tuple[Array, Array]:
        """f(x, t), and the variance (T, M) of one output over initialisations and noisy targets.

        With Z(t) = k(x, X) G(t), Σ the covariance of the outputs at initialisation and B = [1, −Z]
        it is diag(B Σ Bᵀ + noise · Z Zᵀ). Without a spread of the initial outputs, which is what
        ``zero_start`` says, the first term is 0.

        Raises
        ------
        ValueError
            If the provider gives no covariance at initialisation.
        """
        cross = self._cross(x)
        projection = self._projection(cross)
        outputs = self._outputs(x, projection, times, ridge)
        growth = flow_factors(self.spectrum, times, ridge).growth
        variance = noise * np.square(growth) @ np.square(projection).T
        variance = variance.reshape(len(times), len(x), -1).mean(axis=2)
        if self.zero_start:
            return outputs, variance
        test = self.provider.kernels(self.model, x).nngp
        if self.kernel.nngp is None or cross.nngp is None or test is None:
            raise ValueError(
                f"the kernel '{self.provider.name}' gives no covariance at initialisation, which "
                "a standard deviation needs"
            )
        prior = prior_factor(self.kernel.nngp, cross.nngp, test)
        spread = predictive_variance(self.spectrum, projection, growth, prior)
        return outputs, variance + spread

    def _cross(self, x: Array) -> Kernels:
        return self.provider.kernels(self.model, x, self.x)

    def _projection(self, cross: Kernels) -> Array:
        return project(self.spectrum, tangent(cross, self.provider))

    def _outputs(self, x: Array, projection: Array, times: Array, ridge: float) -> Array:
        start = network_at_start(self.model, x, zero=self.zero_start)
        # A full kernel acts on all outputs of all points in one column.
        columns = 1 if len(self.spectrum.eigenvalues) > len(self.x) else self.targets.shape[1]
        flat = predicted_outputs(
            self.spectrum,
            projection,
            flow_factors(self.spectrum, times, ridge),
            self.targets.reshape(-1, columns),
            self.start.reshape(-1, columns),
            start.reshape(-1, columns),
        )
        return flat.reshape(len(times), *start.shape)


def tangent(kernels: Kernels, provider: KernelProvider) -> Array:
    """Return the tangent kernel as a matrix, the full one where there is one.

    Raises
    ------
    ValueError
        If there is none.
    """
    found: Any = kernels.ntk if kernels.ntk_full is None else kernels.ntk_full
    if found is None:
        raise ValueError(f"the kernel '{provider.name}' gives no tangent kernel")
    return flatten_kernel(found)
