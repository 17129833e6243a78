"""ntksim: neural tangent kernel training dynamics, as declarative studies with plugins.

Names are imported when they are first used: a plugin author pays for numpy and pydantic, the
command line's help for neither.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ntksim.version import __version__

if TYPE_CHECKING:
    from ntksim.analysis import open_results as open_results
    from ntksim.engine import check as check, run as run
    from ntksim.estimators import (
        NTKClassifier as NTKClassifier,
        NTKKernel as NTKKernel,
        NTKRegressor as NTKRegressor,
    )
    from ntksim.hookspecs import hookimpl as hookimpl
    from ntksim.study import load_study as load_study, plan_cells as plan_cells
    from ntksim.types import (
        Activation as Activation,
        Architecture as Architecture,
        Array as Array,
        DataError as DataError,
        Dataset as Dataset,
        DatasetSource as DatasetSource,
        Diagnostic as Diagnostic,
        DivisibleKernelProvider as DivisibleKernelProvider,
        Dual as Dual,
        Evolution as Evolution,
        FinishedCell as FinishedCell,
        KernelBlocks as KernelBlocks,
        KernelProvider as KernelProvider,
        Kernels as Kernels,
        Model as Model,
        Network as Network,
        NoClosedForm as NoClosedForm,
        NonNegativeFloat as NonNegativeFloat,
        NonNegativeInt as NonNegativeInt,
        Params as Params,
        PositiveFloat as PositiveFloat,
        PositiveInt as PositiveInt,
        Problem as Problem,
        SecondMoments as SecondMoments,
        SeedTree as SeedTree,
        Solver as Solver,
        Spectrum as Spectrum,
        Variable as Variable,
        VariableSpec as VariableSpec,
    )

_HOMES = {
    "ntksim.hookspecs": ("hookimpl",),
    "ntksim.types": (
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
        "FinishedCell",
        "KernelBlocks",
        "KernelProvider",
        "Kernels",
        "Model",
        "Network",
        "NoClosedForm",
        "NonNegativeFloat",
        "NonNegativeInt",
        "Params",
        "PositiveFloat",
        "PositiveInt",
        "Problem",
        "SecondMoments",
        "SeedTree",
        "Solver",
        "Spectrum",
        "Variable",
        "VariableSpec",
    ),
    "ntksim.study": (
        "load_study",
        "plan_cells",
    ),
    "ntksim.engine": (
        "check",
        "run",
    ),
    "ntksim.analysis": ("open_results",),
    "ntksim.estimators": (
        "NTKClassifier",
        "NTKKernel",
        "NTKRegressor",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ntksim' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
