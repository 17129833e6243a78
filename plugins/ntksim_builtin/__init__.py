"""What ships with ntksim, offered through the same hooks as any other plugin.

Read it as an example: one class a file, one folder a kind, and this page of hooks.
"""

from collections.abc import Iterable

from ntksim import DatasetSource, Diagnostic, Solver, hookimpl

from ntksim_builtin.datasets import DATASETS
from ntksim_builtin.diagnostics import DIAGNOSTICS
from ntksim_builtin.solvers import SOLVERS


@hookimpl
def ntksim_solvers() -> Iterable[type[Solver]]:
    """Offer ways to evolve the outputs in training time."""
    return SOLVERS


@hookimpl
def ntksim_datasets() -> Iterable[type[DatasetSource]]:
    """Offer sources of training and test data."""
    return DATASETS


@hookimpl
def ntksim_diagnostics() -> Iterable[type[Diagnostic]]:
    """Offer quantities measured on finished cells."""
    return DIAGNOSTICS
