"""Pictures of stored results.

``figure`` draws a whole store; every kind of picture is also a function of one dataset, as
``read_dataset`` returns it, that accepts ``ax=`` and returns the Axes.
"""

from ntksim.plot.choice import Choice, Possibility, choose, possibilities, stored_variables
from ntksim.plot.errors import PlotError
from ntksim.plot.kind import Kind, Panel
from ntksim.plot.kinds.accuracy import accuracy
from ntksim.plot.kinds.conditioning import conditioning
from ntksim.plot.kinds.dynamics import dynamics
from ntksim.plot.kinds.ensemble import ensemble
from ntksim.plot.kinds.exact_spectrum import exact_spectrum
from ntksim.plot.kinds.function_fit import function_fit
from ntksim.plot.kinds.gaussian_process import gaussian_process
from ntksim.plot.kinds.initial_velocity import initial_velocity
from ntksim.plot.kinds.kernel import kernel
from ntksim.plot.kinds.kernel_field import kernel_field
from ntksim.plot.kinds.label_projection import label_projection
from ntksim.plot.kinds.learning_curve import learning_curve
from ntksim.plot.kinds.loss import loss
from ntksim.plot.kinds.parameters import parameters
from ntksim.plot.kinds.predictors import predictors
from ntksim.plot.kinds.spectrum import spectrum
from ntksim.plot.kinds.stability import stability
from ntksim.plot.kinds.variable import variable
from ntksim.plot.kinds.width_scaling import width_scaling
from ntksim.plot.offered import KINDS
from ntksim.plot.output import check_format, save
from ntksim.plot.picture import drawn, figure
from ntksim.plot.read import read_dataset, read_together, together
from ntksim.plot.selection import parse_selection

__all__ = [
    "KINDS",
    "Choice",
    "Kind",
    "Panel",
    "PlotError",
    "Possibility",
    "accuracy",
    "check_format",
    "choose",
    "conditioning",
    "drawn",
    "dynamics",
    "ensemble",
    "exact_spectrum",
    "figure",
    "function_fit",
    "gaussian_process",
    "initial_velocity",
    "kernel",
    "kernel_field",
    "label_projection",
    "learning_curve",
    "loss",
    "parameters",
    "parse_selection",
    "possibilities",
    "predictors",
    "read_dataset",
    "read_together",
    "save",
    "spectrum",
    "stability",
    "stored_variables",
    "together",
    "variable",
    "width_scaling",
]
