"""The kinds that there are, in the order in which one is chosen."""

from __future__ import annotations

from ntksim.plot.kind import Kind
from ntksim.plot.kinds import (
    accuracy,
    dynamics,
    function_fit,
    gaussian_process,
    initial_velocity,
    kernel,
    kernel_field,
    label_projection,
    loss,
    parameters,
    predictors,
    spectrum,
    width_scaling,
)

KINDS: tuple[Kind, ...] = (
    kernel_field.KIND,
    initial_velocity.KIND,
    width_scaling.KIND,
    parameters.KIND,
    gaussian_process.KIND,
    predictors.KIND,
    label_projection.KIND,
    dynamics.KIND,
    function_fit.KIND,
    loss.KIND,
    accuracy.KIND,
    spectrum.KIND,
    kernel.KIND,
)
"""What is recorded for one purpose only comes first; what nearly every study records comes last."""
