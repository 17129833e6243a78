"""A plugin file that tests copy beside their studies: it counts its work, and misbehaves if asked.

Options that are paths of files are how tests look into other processes: every piece of work
appends a line.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import threadpoolctl
from ntksim import (
    Array,
    Diagnostic,
    Evolution,
    FinishedCell,
    KernelProvider,
    Kernels,
    Model,
    Problem,
    Solver,
    Variable,
    VariableSpec,
    hookimpl,
)
from ntksim.types import Requirement


def tally(path: str, line: str) -> None:
    """Append a line, in one call that the system does not divide."""
    if path:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)


def affine(x1: Array, x2: Array | None) -> Array:
    return x1 @ (x1 if x2 is None else x2).T + np.eye(len(x1), len(x1 if x2 is None else x2))


@dataclass(frozen=True)
class Counted(KernelProvider):
    """A kernel that knows neither width nor seed."""

    name: ClassVar[str] = "counted"
    varies_with: ClassVar[frozenset[Literal["width", "seed"]]] = frozenset()

    tally: str = ""
    deed: Literal["", "raise", "exit"] = ""

    def kernels(self, model: Model, x1: Array, x2: Array | None = None) -> Kernels:
        del model
        tally(self.tally, f"{self.name} {len(x1)} {'train' if x2 is None else 'test_train'}")
        if self.deed == "exit":
            os._exit(3)
        if self.deed == "raise":
            raise ArithmeticError("the kernel cannot be had")
        value = affine(x1, x2)
        return Kernels(nngp=value, ntk=value)


@dataclass(frozen=True)
class CountedFinite(KernelProvider):
    """A kernel that knows width and seed."""

    name: ClassVar[str] = "counted_finite"

    tally: str = ""

    def kernels(self, model: Model, x1: Array, x2: Array | None = None) -> Kernels:
        part = "train" if x2 is None else "test_train"
        tally(self.tally, f"{self.name} {model.width:g} {part}")
        scale = 1 + model.seeds.generator("scale").random() / model.width
        return Kernels(nngp=affine(x1, x2), ntk=scale * affine(x1, x2))


@dataclass(frozen=True)
class Misbehaving(Solver):
    """Outputs that approach the targets, and a deed at one width."""

    name: ClassVar[str] = "misbehaving"

    deed: Literal[
        "",
        "raise",
        "leave",
        "exit",
        "kill",
        "sleep",
        "spin",
        "memory",
        "nan",
        "list",
        "wide",
        "nothing",
    ] = ""
    width: float = 0.0
    """Width at which the deed is done."""
    seed: int = -1
    """Seed at which it is done, -1 for all."""
    until: str = ""
    """File that stops the deed once it exists."""
    seconds: float = 0.0
    """Time that every cell takes."""
    tally: str = ""

    def evolve(self, problem: Problem, times: Array) -> Evolution:
        model = problem.model
        assert model is not None
        path = model.seeds.path
        seed = path[path.index("seed") + 1]
        tally(self.tally, f"{model.width:g} {seed} {os.getpid()}")
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            time.sleep(min(0.02, self.seconds))
        here = model.width == self.width and self.seed in (-1, seed)
        if here and not (self.until and Path(self.until).exists()):
            self.misbehave()
        left = np.exp(-times)[:, None, None]
        train = problem.y_train + left * (problem.f0_train - problem.y_train)
        test = left * problem.f0_test
        if here and self.deed == "nan":
            train = np.full_like(train, np.nan)
        if here and self.deed == "wide":
            train = np.concatenate([train, train], axis=1)
        if here and self.deed == "list":
            return Evolution(times, train.tolist(), test)  # type: ignore[arg-type]
        if here and self.deed == "nothing":
            return None  # type: ignore[return-value]
        return Evolution(times, train, test)

    def misbehave(self) -> None:
        match self.deed:
            case "raise":
                raise RuntimeError("asked to raise")
            case "leave":
                raise SystemExit(4)
            case "exit":
                os._exit(3)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "sleep":
                time.sleep(3600)
            case "spin":
                while True:
                    np.linalg.svd(np.ones((50, 50)))
            case "memory":
                kept = []
                while True:
                    kept.append(np.ones(1 << 20))
                    time.sleep(0.002)
            case _:
                pass


@dataclass(frozen=True)
class Together(Misbehaving):
    """The same, several seeds at once."""

    name: ClassVar[str] = "misbehaving_together"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"network"})

    def at_once(self, problem: Problem) -> int:
        del problem
        return 4

    def evolve_many(self, problems: Sequence[Problem], times: Array) -> list[Evolution | Exception]:
        tally(self.tally, f"together {len(problems)}")
        return super().evolve_many(problems, times)


@dataclass(frozen=True)
class Threads(Diagnostic):
    """How many threads the numerical libraries may use."""

    name: ClassVar[str] = "threads"
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "threads": VariableSpec((), "threads", dtype="int64"),
        "libraries": VariableSpec((), "number of libraries with threads", dtype="int64"),
        "process": VariableSpec((), "process", dtype="int64"),
    }

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        del cell
        pools = threadpoolctl.threadpool_info()
        most = max(pool["num_threads"] for pool in pools)
        return {"threads": most, "libraries": len(pools), "process": os.getpid()}


@hookimpl
def ntksim_kernels() -> list[type[KernelProvider]]:
    return [Counted, CountedFinite]


@hookimpl
def ntksim_solvers() -> list[type[Solver]]:
    return [Misbehaving, Together]


@hookimpl
def ntksim_diagnostics() -> list[type[Diagnostic]]:
    return [Threads]
