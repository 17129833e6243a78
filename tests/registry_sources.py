"""Sources of plugin files for the tests of the registry."""

HEADER = """
from dataclasses import dataclass
from typing import ClassVar, Literal
from ntksim import Activation, Architecture, Dataset, DatasetSource, Diagnostic, KernelProvider
from ntksim import PositiveInt, Solver, VariableSpec, hookimpl
"""

SOLVER = """
@dataclass(frozen=True)
class Steps(Solver):
    "By steps."
    name: ClassVar[str] = "steps"
    count: PositiveInt = 3
    rate: float = 0.5
    method: Literal["euler", "heun"] = "euler"
    def __post_init__(self):
        if self.rate > 2:
            raise ValueError(f"a rate of {self.rate} diverges; it must be at most 2")
    def evolve(self, problem, times): ...

@hookimpl
def ntksim_solvers():
    return [Steps]
"""
