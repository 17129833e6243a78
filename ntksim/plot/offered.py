"""The kinds that there are, in the order in which one is chosen."""

from __future__ import annotations

from ntksim.plot.kind import Kind
from ntksim.plot.kinds import (
    accuracy,
    conditioning,
    dynamics,
    ensemble,
    exact_spectrum,
    function_fit,
    gaussian_process,
    initial_velocity,
    kernel,
    kernel_field,
    label_projection,
    learning_curve,
    loss,
    parameters,
    predictors,
    spectrum,
    stability,
    width_scaling,
)

KINDS: tuple[Kind, ...] = (
    kernel_field.KIND,
    initial_velocity.KIND,
    exact_spectrum.KIND,
    learning_curve.KIND,
    conditioning.KIND,
    stability.KIND,
    ensemble.KIND,
    width_scaling.KIND,
    label_projection.KIND,
    loss.BOUNDED,
    parameters.KIND,
    gaussian_process.KIND,
    predictors.KIND,
    dynamics.KIND,
    function_fit.KIND,
    loss.KIND,
    accuracy.KIND,
    spectrum.KIND,
    kernel.KIND,
)
"""What is recorded for one purpose only comes first; what nearly every study records comes last."""
