"""Gradient flow through the eigendecomposition of the tangent kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim.linalg import (
    ModeFactors,
    flow_factors,
    predicted_outputs,
    predictive_covariance,
    predictive_variance,
    prior_factor,
    project,
    training_outputs,
)
from ntksim.types import (
    SPREADS,
    Array,
    Evolution,
    Extra,
    NonNegativeFloat,
    Problem,
    Requirement,
    Solver,
    Spectrum,
)

from ntksim_builtin.solvers.labels import label
from ntksim_builtin.solvers.linear_path import linearised_path
from ntksim_builtin.solvers.system import linear_system, spectrum_of


@dataclass(frozen=True)
class Eigh(Solver):
    """Gradient flow of the linearised network, exact at every time, by eigendecomposition.

    Solves θ̇ = −∇[½ Σ (f − y)² + ½ ridge ‖θ − θ₀‖²] for f linear in θ:

        f(x, t) = f₀(x) + k(x, X) V diag(g(λ + ridge, t)) Vᵀ (y − f₀(X)),
        g(λ, t) = (1 − e^{−λt})/λ,

    at t = ∞ kernel ridge regression, or for ridge 0 the least-squares solution closest to θ₀. What
    modes with an eigenvalue below rounding do is said in ``ntksim.linalg.modes``.

    The variance is that of the NTK Gaussian process (Lee et al. 2019): the spread over
    initialisations of infinitely wide networks trained to time t, none for networks that start at
    zero output. With N training and M test points it costs a factorisation of the joint prior and
    about 2 M N² operations for each of some ten functions of time, however many the times: less
    than the eigendecomposition where M is a quarter of N.
    """

    name: ClassVar[str] = "eigh"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"ntk", "spectrum"})
    provides: ClassVar[frozenset[Extra]] = frozenset({"variance", "covariance", "parameters"})

    ridge: NonNegativeFloat = 0.0
    """Strength ρ of the pull to the initial parameters, added to every eigenvalue."""
    output_noise: NonNegativeFloat = 0.0
    """Variance of the noise of an observation, added to the predictive variance only."""

    def evolve(self, problem: Problem, times: Array) -> Evolution:
        """Return the outputs at ``times``, all of which are reached."""
        system = linear_system(problem)
        spectrum = spectrum_of(problem, system)
        factors = flow_factors(spectrum, times, self.ridge)
        projection = project(spectrum, system.test_train)
        train = training_outputs(spectrum, factors, system.targets, system.start)
        test = predicted_outputs(
            spectrum, projection, factors, system.targets, system.start, system.test_start
        )
        variance, covariance = self._spread(problem, spectrum, projection, factors)
        path = linearised_path(problem, system, spectrum, factors)
        return Evolution(
            reached=np.array(times, dtype=np.float64),
            train=train.reshape(len(times), *problem.f0_train.shape),
            test=test.reshape(len(times), *problem.f0_test.shape),
            variance_test=variance,
            covariance_test=covariance,
            parameters=path,
        )

    def label(self) -> str:
        """Return ``eigh`` with the options that are set, such as ``eigh-ridge-0.01``."""
        return label(
            self.name, ("ridge", self.ridge, 0.0), ("output-noise", self.output_noise, 0.0)
        )

    def _spread(
        self, problem: Problem, spectrum: Spectrum, projection: Array, factors: ModeFactors
    ) -> tuple[Array | None, Array | None]:
        """Return the variance and the covariance, each where the problem asks for it."""
        if not SPREADS & problem.extras:
            return None, None
        blocks = problem.kernels
        parts = (
            (None, None, None)
            if blocks is None or blocks.test is None
            else (blocks.train.nngp, blocks.test_train.nngp, blocks.test.nngp)
        )
        train, test_train, test = parts
        if train is None or test_train is None or test is None:
            raise ValueError("a predictive variance needs the NNGP kernel, its test block included")
        if problem.zero_initial_output:
            train, test_train, test = (np.zeros_like(part) for part in (train, test_train, test))
        prior = prior_factor(train, test_train, test)
        arguments = (spectrum, projection, factors.growth, prior, self.output_noise)
        return (
            predictive_variance(*arguments) if "variance" in problem.extras else None,
            predictive_covariance(*arguments) if "covariance" in problem.extras else None,
        )
