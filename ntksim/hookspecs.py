"""The hooks through which everything that a study can name reaches ntksim.

A plugin is a module with functions of these names, marked with ``hookimpl``::

    from ntksim import hookimpl

    @hookimpl
    def ntksim_architectures():
        return [MyArchitecture]

An installed distribution makes the module known through the entry-point group ``ntksim``; a study
can name a local file under ``plugins:``. What ships with ntksim uses the same hooks.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from ntksim.types import (
    Activation,
    Architecture,
    DatasetSource,
    Diagnostic,
    KernelProvider,
    Solver,
)

PROJECT = "ntksim"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def ntksim_architectures() -> Iterable[type[Architecture]]:
    """Offer families of networks."""
    raise AssertionError  # hook specifications are never called


@hookspec
def ntksim_kernels() -> Iterable[type[KernelProvider]]:
    """Offer ways to obtain kernel matrices."""
    raise AssertionError


@hookspec
def ntksim_solvers() -> Iterable[type[Solver]]:
    """Offer ways to evolve the outputs in training time."""
    raise AssertionError


@hookspec
def ntksim_datasets() -> Iterable[type[DatasetSource]]:
    """Offer sources of training and test data."""
    raise AssertionError


@hookspec
def ntksim_diagnostics() -> Iterable[type[Diagnostic]]:
    """Offer quantities measured on finished cells."""
    raise AssertionError


@hookspec
def ntksim_activations() -> Iterable[type[Activation]]:
    """Offer activations, which studies name in the options of architectures."""
    raise AssertionError


KINDS = {
    "architecture": (Architecture, "ntksim_architectures"),
    "kernel": (KernelProvider, "ntksim_kernels"),
    "solver": (Solver, "ntksim_solvers"),
    "dataset": (DatasetSource, "ntksim_datasets"),
    "diagnostic": (Diagnostic, "ntksim_diagnostics"),
    "activation": (Activation, "ntksim_activations"),
}
"""Kind, its abstract base, and the hook that offers it."""
