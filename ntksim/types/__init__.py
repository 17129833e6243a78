"""The nouns of ntksim: frozen dataclasses and abstract bases, free of any framework."""

from ntksim.types.activation import Activation, Dual
from ntksim.types.arrays import Array
from ntksim.types.dataset import DataError, Dataset
from ntksim.types.kinds import (
    Architecture,
    DatasetSource,
    Diagnostic,
    DivisibleKernelProvider,
    KernelProvider,
    Solver,
)
from ntksim.types.moments import SecondMoments
from ntksim.types.network import KernelKind, Kernels, Model, Network, NoClosedForm, Params
from ntksim.types.operator import KernelOperator, KernelOperators
from ntksim.types.options import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from ntksim.types.plugin import Plugin
from ntksim.types.problem import (
    MATRICES,
    SPREADS,
    Evolution,
    Extra,
    KernelBlocks,
    Problem,
    Requirement,
    Spectrum,
)
from ntksim.types.result import FinishedCell, Variable, VariableSpec
from ntksim.types.seeds import SeedTree
from ntksim.types.summary import GridAxis, GridScales, Summary

__all__ = [
    "MATRICES",
    "SPREADS",
    "Activation",
    "Architecture",
    "Array",
    "DataError",
    "Dataset",
    "DatasetSource",
    "Diagnostic",
    "DivisibleKernelProvider",
    "Dual",
    "Evolution",
    "Extra",
    "FinishedCell",
    "GridAxis",
    "GridScales",
    "KernelBlocks",
    "KernelKind",
    "KernelOperator",
    "KernelOperators",
    "KernelProvider",
    "Kernels",
    "Model",
    "Network",
    "NoClosedForm",
    "NonNegativeFloat",
    "NonNegativeInt",
    "Params",
    "Plugin",
    "PositiveFloat",
    "PositiveInt",
    "Problem",
    "Requirement",
    "SecondMoments",
    "SeedTree",
    "Solver",
    "Spectrum",
    "Summary",
    "Variable",
    "VariableSpec",
]
