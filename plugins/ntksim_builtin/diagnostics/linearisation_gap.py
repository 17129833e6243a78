"""How far training is from that of the linearised network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Diagnostic, FinishedCell, Variable, VariableSpec
from ntksim.linalg import (
    descent_factors,
    flow_factors,
    predicted_outputs,
    project,
    training_outputs,
)
from ntksim.types import Requirement

from ntksim_builtin.solvers.system import linear_system, spectrum_of


@dataclass(frozen=True)
class LinearisationGap(Diagnostic):
    """Root mean square distance of the outputs from those of linearised training, at every time.

    Linearised training has the kernel of the cell, the same initial outputs and the same steps,
    but no ridge: with the empirical kernel it is that of the network linearised at θ₀, from which
    the network in training differs by O(1/√width) at any time (Lee et al. 2019, theorem 2.1); with
    the analytic kernel, that of an infinitely wide network from the same start.
    """

    name: ClassVar[str] = "linearisation_gap"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"ntk", "spectrum"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        f"linearisation_gap_{part}": VariableSpec(
            ("time",),
            f"distance from linearised training at {long} points",
            description="root mean square over points and outputs of f(x; t) − f_lin(x; t).",
        )
        for part, long in (("train", "training"), ("test", "test"))
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return the distances; NaN at times that the solver did not reach."""
        problem, evolution = cell.problem, cell.evolution
        if problem.kernels is None or problem.spectrum is None:
            return {}
        system = linear_system(problem)
        spectrum = spectrum_of(problem, system)
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
        measured: dict[str, Variable] = {}
        for part, outputs in linear.items():
            own = getattr(evolution, part)
            if own.size:
                gap = own - outputs.reshape(own.shape)
                with np.errstate(over="ignore", invalid="ignore"):
                    measured[f"linearisation_gap_{part}"] = np.sqrt(
                        np.mean(np.square(gap), axis=(1, 2))
                    )
        return measured
