"""Quantities measured on finished cells."""

from ntksim import Diagnostic

from ntksim_builtin.diagnostics.accuracy import Accuracy
from ntksim_builtin.diagnostics.circle_spectrum import CircleSpectrum
from ntksim_builtin.diagnostics.covariance import Covariance
from ntksim_builtin.diagnostics.descent_theory import DescentTheory
from ntksim_builtin.diagnostics.full_predictions import FullPredictions
from ntksim_builtin.diagnostics.harmonics import Harmonics
from ntksim_builtin.diagnostics.initial_velocity import InitialVelocity
from ntksim_builtin.diagnostics.initialisation_variance import InitialisationVariance
from ntksim_builtin.diagnostics.kernel import Kernel
from ntksim_builtin.diagnostics.kernel_distance import KernelDistance
from ntksim_builtin.diagnostics.kernel_drift import KernelDrift
from ntksim_builtin.diagnostics.kernel_field import KernelField
from ntksim_builtin.diagnostics.label_bounds import LabelBounds
from ntksim_builtin.diagnostics.label_complexity import LabelComplexity
from ntksim_builtin.diagnostics.learning_curve import LearningCurve
from ntksim_builtin.diagnostics.linearisation_gap import LinearisationGap
from ntksim_builtin.diagnostics.loss import Loss
from ntksim_builtin.diagnostics.loss_bounds import LossBounds
from ntksim_builtin.diagnostics.loss_rate import LossRate
from ntksim_builtin.diagnostics.parameter_theory import ParameterTheory
from ntksim_builtin.diagnostics.parameters import Parameters
from ntksim_builtin.diagnostics.predictions import Predictions
from ntksim_builtin.diagnostics.predictor_gap import PredictorGap
from ntksim_builtin.diagnostics.residuals import Residuals
from ntksim_builtin.diagnostics.samples import Samples
from ntksim_builtin.diagnostics.solver_error import SolverError
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
    SolverError,
    Variance,
    Covariance,
    Samples,
    Parameters,
    ParameterTheory,
    FullPredictions,
    InitialVelocity,
    KernelField,
    CircleSpectrum,
    Harmonics,
    LabelBounds,
    DescentTheory,
    LabelComplexity,
    LossRate,
    KernelDrift,
    LinearisationGap,
    PredictorGap,
    InitialisationVariance,
    LearningCurve,
)
"""What the hook ``ntksim_diagnostics`` offers."""

__all__ = [
    "DIAGNOSTICS",
    "Accuracy",
    "CircleSpectrum",
    "Covariance",
    "DescentTheory",
    "FullPredictions",
    "Harmonics",
    "InitialVelocity",
    "InitialisationVariance",
    "Kernel",
    "KernelDistance",
    "KernelDrift",
    "KernelField",
    "LabelBounds",
    "LabelComplexity",
    "LearningCurve",
    "LinearisationGap",
    "Loss",
    "LossBounds",
    "LossRate",
    "ParameterTheory",
    "Parameters",
    "Predictions",
    "PredictorGap",
    "Residuals",
    "Samples",
    "SolverError",
    "SpectrumDiagnostic",
    "Variance",
]
