"""Which way training sets off, and which training points pull."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Array, Diagnostic, FinishedCell, Kernels, Variable, VariableSpec
from ntksim.types import KernelKind, Requirement

from ntksim_builtin.diagnostics.ordinary import ordinary, scaled_back


@dataclass(frozen=True)
class InitialVelocity(Diagnostic):
    """Time derivative of the outputs at t = 0, and the part of each training point in it.

    df(x)/dt = Σ_i k(x, x_i) (y_i − f₀(x_i)) under gradient flow: the kernel between x and a
    training point says how far the residual there pulls the output at x. With a full kernel,
    which couples outputs, the sum is over the outputs of a training point as well.
    """

    name: ClassVar[str] = "initial_velocity"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"ntk"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "initial_velocity_train": VariableSpec(
            ("train_point", "output"),
            "initial velocity of the output at training points",
            "1 / gradient-flow time",
        ),
        "initial_velocity_test": VariableSpec(
            ("test_point", "output"),
            "initial velocity of the output at test points",
            "1 / gradient-flow time",
        ),
        "initial_velocity_contribution": VariableSpec(
            ("test_point", "train_point", "output"),
            "part of a training point in the initial velocity at a test point",
            "1 / gradient-flow time",
            description="k(x, x_i) (y_i − f₀(x_i)); its sum over training points is the velocity.",
        ),
    }

    def kernels_read(self, variables: Collection[str]) -> frozenset[KernelKind]:
        """Return the tangent kernel."""
        del variables
        return frozenset({"ntk"})

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return all of them; nothing without a kernel, none at test points without those."""
        blocks = cell.problem.kernels
        if blocks is None:
            return {}
        # Of huge residuals and kernels the contributions may overflow and their sum may not.
        exponent, residual = ordinary(cell.dataset.y_train - cell.problem.f0_train)
        train, test = contributions(blocks.train, residual), None
        if len(cell.dataset.x_test):
            test = contributions(blocks.test_train, residual)
        measured: dict[str, Variable] = {}
        if train is not None:
            measured["initial_velocity_train"] = scaled_back(train.sum(axis=1), exponent)
        if test is not None:
            measured["initial_velocity_test"] = scaled_back(test.sum(axis=1), exponent)
            measured["initial_velocity_contribution"] = scaled_back(test, exponent)
        return measured


def contributions(kernels: Kernels, residual: Array) -> Array | None:
    """Return k(x, x_i) (y_i − f₀(x_i)), shape (points, N, K), for ``residual`` y − f₀ (N, K).

    ``None`` where there is no tangent kernel.
    """
    if kernels.ntk_full is not None:
        return np.einsum("xkio,io->xik", kernels.ntk_full, residual)
    return None if kernels.ntk is None else kernels.ntk[:, :, None] * residual
