"""Quantities measured on finished cells."""

from ntksim import Diagnostic

from ntksim_builtin.diagnostics.accuracy import Accuracy
from ntksim_builtin.diagnostics.covariance import Covariance
from ntksim_builtin.diagnostics.kernel import Kernel
from ntksim_builtin.diagnostics.kernel_distance import KernelDistance
from ntksim_builtin.diagnostics.loss import Loss
from ntksim_builtin.diagnostics.loss_bounds import LossBounds
from ntksim_builtin.diagnostics.predictions import Predictions
from ntksim_builtin.diagnostics.residuals import Residuals
from ntksim_builtin.diagnostics.spectrum import SpectrumDiagnostic
from ntksim_builtin.diagnostics.variance import Variance

DIAGNOSTICS: tuple[type[Diagnostic], ...] = (
    Predictions,
    Residuals,
    Loss,
    LossBounds,
    Accuracy,
    Kernel,
    KernelDistance,
    SpectrumDiagnostic,
    Variance,
    Covariance,
)
"""What the hook ``ntksim_diagnostics`` offers."""

__all__ = [
    "DIAGNOSTICS",
    "Accuracy",
    "Covariance",
    "Kernel",
    "KernelDistance",
    "Loss",
    "LossBounds",
    "Predictions",
    "Residuals",
    "SpectrumDiagnostic",
    "Variance",
]
