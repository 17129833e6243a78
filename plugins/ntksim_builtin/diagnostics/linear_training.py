"""Outputs of linearised training beside those that a solver gave."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ntksim import Array, FinishedCell, Spectrum
from ntksim.linalg import (
    descent_factors,
    flow_factors,
    predicted_outputs,
    project,
    training_outputs,
)

from ntksim_builtin.diagnostics.ordinary import ordinary, scaled_back
from ntksim_builtin.solvers.system import LinearSystem


def distances(
    cell: FinishedCell, system: LinearSystem, spectrum: Spectrum
) -> Iterator[tuple[str, Array]]:
    """Yield ``("train", distance (T,))``, and the same for ``"test"`` where there are test points.

    The root mean square over points and outputs of the distance between the outputs of a cell and
    those of training a linear ``system``, whose kernel has this ``spectrum``, with the same steps.
    NaN at times that the solver did not reach.
    """
    evolution = cell.evolution
    times = np.where(np.isnan(evolution.reached), 0.0, evolution.reached)
    if evolution.learning_rate is None:
        factors = flow_factors(spectrum, times)
    else:
        steps = np.rint(times / evolution.learning_rate)
        factors = descent_factors(spectrum, steps, evolution.learning_rate)
    linear = {
        "train": training_outputs(spectrum, factors, system.targets, system.start),
        "test": predicted_outputs(
            spectrum,
            project(spectrum, system.test_train),
            factors,
            system.targets,
            system.start,
            system.test_start,
        ),
    }
    for part, outputs in linear.items():
        own: Array = getattr(evolution, part)
        if own.size:
            with np.errstate(over="ignore", invalid="ignore"):
                exponent, gap = ordinary(own - outputs.reshape(own.shape))
                root = np.sqrt(np.mean(np.square(gap), axis=(1, 2)))
            yield part, scaled_back(root, exponent)
