"""ntksim: neural tangent kernel training dynamics, as declarative studies with plugins.

Names are imported when they are first used: a plugin author pays for numpy and pydantic, the
command line's help for neither.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ntksim.version import __version__

if TYPE_CHECKING:
    from ntksim.engine import check as check
    from ntksim.engine import run as run
    from ntksim.hookspecs import hookimpl as hookimpl
    from ntksim.store import open_results as open_results
    from ntksim.study import load_study as load_study
    from ntksim.types import (
        Activation as Activation,
    )
    from ntksim.types import (
        Architecture as Architecture,
    )
    from ntksim.types import (
        Array as Array,
    )
    from ntksim.types import (
        DataError as DataError,
    )
    from ntksim.types import (
        Dataset as Dataset,
    )
    from ntksim.types import (
        DatasetSource as DatasetSource,
    )
    from ntksim.types import (
        Diagnostic as Diagnostic,
    )
    from ntksim.types import (
        Dual as Dual,
    )
    from ntksim.types import (
        Evolution as Evolution,
    )
    from ntksim.types import (
        FinishedCell as FinishedCell,
    )
    from ntksim.types import (
        KernelBlocks as KernelBlocks,
    )
    from ntksim.types import (
        KernelProvider as KernelProvider,
    )
    from ntksim.types import (
        Kernels as Kernels,
    )
    from ntksim.types import (
        Model as Model,
    )
    from ntksim.types import (
        Network as Network,
    )
    from ntksim.types import (
        NoClosedForm as NoClosedForm,
    )
    from ntksim.types import (
        NonNegativeFloat as NonNegativeFloat,
    )
    from ntksim.types import (
        NonNegativeInt as NonNegativeInt,
    )
    from ntksim.types import (
        Params as Params,
    )
    from ntksim.types import (
        PositiveFloat as PositiveFloat,
    )
    from ntksim.types import (
        PositiveInt as PositiveInt,
    )
    from ntksim.types import (
        Problem as Problem,
    )
    from ntksim.types import (
        SecondMoments as SecondMoments,
    )
    from ntksim.types import (
        SeedTree as SeedTree,
    )
    from ntksim.types import (
        Solver as Solver,
    )
    from ntksim.types import (
        Spectrum as Spectrum,
    )
    from ntksim.types import (
        Variable as Variable,
    )
    from ntksim.types import (
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
    "ntksim.study": ("load_study",),
    "ntksim.engine": (
        "check",
        "run",
    ),
    "ntksim.store": ("open_results",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ntksim' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
