"""Spectral functions and factorisations: arrays in, arrays out."""

from ntksim.linalg.conjugate_gradients import (
    LinearSolution,
    SpectralPreconditioner,
    conjugate_gradients,
)
from ntksim.linalg.gaussian_process import (
    PriorFactor,
    predictive_covariance,
    predictive_variance,
    prior_factor,
)
from ntksim.linalg.gaussian_samples import gaussian_samples, symmetric_root
from ntksim.linalg.krylov import KrylovSpace
from ntksim.linalg.krylov_flow import KrylovFlow, expanded, krylov_flow
from ntksim.linalg.lanczos import largest_eigenvalue
from ntksim.linalg.modes import ModeFactors, descent_factors, flow_factors, project
from ntksim.linalg.operators import MatrixOperator
from ntksim.linalg.power_law import PowerLaw, fit_exponent, fit_power_law, logarithmic_means
from ntksim.linalg.semidefinite import semidefinite_factor
from ntksim.linalg.spectrum import eigendecomposition, flatten_kernel
from ntksim.linalg.time_functions import decay, discrete_decay, discrete_growth, growth
from ntksim.linalg.trajectories import predicted_outputs, training_outputs

__all__ = [
    "KrylovFlow",
    "KrylovSpace",
    "LinearSolution",
    "MatrixOperator",
    "ModeFactors",
    "PowerLaw",
    "PriorFactor",
    "SpectralPreconditioner",
    "conjugate_gradients",
    "decay",
    "descent_factors",
    "discrete_decay",
    "discrete_growth",
    "eigendecomposition",
    "expanded",
    "fit_exponent",
    "fit_power_law",
    "flatten_kernel",
    "flow_factors",
    "gaussian_samples",
    "growth",
    "krylov_flow",
    "largest_eigenvalue",
    "logarithmic_means",
    "predicted_outputs",
    "predictive_covariance",
    "predictive_variance",
    "prior_factor",
    "project",
    "semidefinite_factor",
    "symmetric_root",
    "training_outputs",
]
