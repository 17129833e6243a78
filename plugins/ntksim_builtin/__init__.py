"""What ships with ntksim, offered through the same hooks as any other plugin.

Read it as an example: one class a file, one folder a kind, and this page of hooks.
"""

from collections.abc import Iterable

from ntksim import (
    Activation,
    Architecture,
    DatasetSource,
    Diagnostic,
    KernelProvider,
    Solver,
    hookimpl,
)
from ntksim.nn.activations import ACTIVATIONS

from ntksim_builtin.architectures import ARCHITECTURES
from ntksim_builtin.datasets import DATASETS
from ntksim_builtin.diagnostics import DIAGNOSTICS
from ntksim_builtin.kernels import KERNELS
from ntksim_builtin.solvers import SOLVERS


@hookimpl
def ntksim_architectures() -> Iterable[type[Architecture]]:
    """Offer families of networks."""
    return ARCHITECTURES


@hookimpl
def ntksim_kernels() -> Iterable[type[KernelProvider]]:
    """Offer ways to obtain kernel matrices."""
    return KERNELS


@hookimpl
def ntksim_activations() -> Iterable[type[Activation]]:
    """Offer activations, which studies name in the options of architectures."""
    return ACTIVATIONS


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
