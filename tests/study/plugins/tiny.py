"""The smallest plugins of every kind, as a study's own file."""

# ruff: noqa: ARG002 - a plugin need not look at everything that it is given

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, cast

import numpy as np
from ntksim import (
    Activation,
    Architecture,
    DataError,
    Dataset,
    DatasetSource,
    Diagnostic,
    KernelProvider,
    Kernels,
    Network,
    PositiveFloat,
    PositiveInt,
    Solver,
    VariableSpec,
    hookimpl,
)
from pydantic import Field


@dataclass(frozen=True)
class Relu(Activation):
    """The positive part."""

    name: ClassVar[str] = "relu"
    slope: float = 0.0
    """Slope on the negative side."""

    def value(self, x):
        return np.where(x > 0, x, self.slope * x)

    def derivative(self, x):
        return np.where(x > 0, 1.0, self.slope)


class LinearNetwork(Network):
    """f(x) = θ·x."""

    def __init__(self, input_shape, outputs):
        self.input_shape, self.outputs = input_shape, outputs

    def initialise(self, width, rng):
        return {"weight": rng.standard_normal((width, *self.input_shape))}

    def apply(self, params, x):
        return np.repeat(x @ params["weight"].mean(0)[:, None], self.outputs, axis=1)

    def vjp(self, params, x, cotangent):
        del params
        return {"weight": x.T @ cotangent}


@dataclass(frozen=True)
class Line(Architecture):
    """A linear model."""

    name: ClassVar[str] = "line"
    depth: PositiveInt = 1
    activation: Activation = Relu()
    most_outputs: PositiveInt = 10

    def network(self, input_shape, outputs):
        if outputs > self.most_outputs:
            raise ValueError(f"it has at most {self.most_outputs} outputs; the data have {outputs}")
        return LinearNetwork(input_shape, outputs)

    def label(self):
        return f"line-{self.depth}"


@dataclass(frozen=True)
class Limit(KernelProvider):
    """The same for every width and seed."""

    name: ClassVar[str] = "limit"
    varies_with: ClassVar = frozenset()
    scale: PositiveFloat = 1.0

    def kernels(self, model, x1, x2=None):
        return Kernels(nngp=x1 @ x1.T, ntk=self.scale * x1 @ x1.T)


@dataclass(frozen=True)
class Finite(KernelProvider):
    """That of a finite network."""

    name: ClassVar[str] = "finite"

    def refuses(self, network, width):
        return None if np.isfinite(width) else "a network of infinite width has no parameters"

    def kernels(self, model, x1, x2=None):
        return Kernels(ntk=model.network.tangent_kernel(model.params, x1, x2))


@dataclass(frozen=True)
class TangentOnly(KernelProvider):
    """The tangent kernel and nothing else."""

    name: ClassVar[str] = "tangent_only"
    varies_with: ClassVar = frozenset({"width"})
    provides: ClassVar = frozenset({"ntk"})

    def kernels(self, model, x1, x2=None):
        return Kernels(ntk=x1 @ x1.T)


@dataclass(frozen=True)
class Exact(Solver):
    """By the spectrum, with variances."""

    name: ClassVar[str] = "exact"
    requires: ClassVar = frozenset({"ntk", "spectrum"})
    provides: ClassVar = frozenset({"variance"})
    method: Literal["evd", "evr"] = "evd"
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 1e-9

    def evolve(self, problem, times):
        raise NotImplementedError


@dataclass(frozen=True)
class Euler(Solver):
    """By small steps with the tangent kernel."""

    name: ClassVar[str] = "euler"
    steps: PositiveInt = 10

    def evolve(self, problem, times):
        raise NotImplementedError

    def label(self):
        return "euler"


@dataclass(frozen=True)
class Train(Solver):
    """By training the network itself."""

    name: ClassVar[str] = "train"
    requires: ClassVar = frozenset({"network"})
    provides: ClassVar = frozenset({"parameters"})
    widest: PositiveInt = 10**6

    def refuses(self, network, width):
        return f"it trains at most {self.widest} units" if self.widest < width < np.inf else None

    def evolve(self, problem, times):
        raise NotImplementedError


@dataclass(frozen=True)
class Posterior(Solver):
    """By the NNGP kernel."""

    name: ClassVar[str] = "posterior"
    requires: ClassVar = frozenset({"nngp"})

    def evolve(self, problem, times):
        raise NotImplementedError


@dataclass(frozen=True)
class Points(DatasetSource):
    """A few points on a line."""

    name: ClassVar[str] = "points"
    train: PositiveInt = 3
    test: PositiveInt = 2
    outputs: PositiveInt = 1
    broken: Literal["", "infinite", "shape", "missing", "bug", "type"] = ""
    file: str = ""

    def located(self, folder):
        if self.file.startswith(".."):
            raise ValueError(f"'{self.file}' leaves the folder of the study")
        return self

    def load(self):
        x = np.linspace(-1, 1, self.train)[:, None]
        y = np.repeat(np.sin(x), self.outputs, axis=1)
        if self.broken == "infinite":
            x[1] = np.inf
        if self.broken == "shape":
            y = y[:-1]
        if self.broken == "missing":
            raise DataError("the file is not there")
        if self.broken == "bug":
            raise KeyError("x")
        if self.broken == "type":
            return cast("Dataset", {"x": x})
        grid = np.linspace(-2, 2, self.test)[:, None]
        return Dataset(x, y, grid, np.zeros((self.test, self.outputs)))

    def label(self):
        return f"points-{self.train}"


@dataclass(frozen=True)
class Predictions(Diagnostic):
    """The outputs."""

    name: ClassVar[str] = "predictions"
    variables: ClassVar = {
        "prediction_train": VariableSpec(("time", "train_point", "output"), "outputs"),
        "prediction_test": VariableSpec(("time", "test_point", "output"), "outputs"),
    }

    def measure(self, cell):
        return {}


@dataclass(frozen=True)
class Loss(Diagnostic):
    """The loss."""

    name: ClassVar[str] = "loss"
    variables: ClassVar = {
        "loss_train": VariableSpec(("time",), "loss"),
        "loss_test": VariableSpec(("time",), "loss"),
    }

    def measure(self, cell):
        return {}


@dataclass(frozen=True)
class Kernel(Diagnostic):
    """The tangent kernel."""

    name: ClassVar[str] = "kernel"
    requires: ClassVar = frozenset({"ntk"})
    variables: ClassVar = {"ntk_train": VariableSpec(("train_point", "train_point_other"), "NTK")}

    def measure(self, cell):
        return {}


@dataclass(frozen=True)
class Variance(Diagnostic):
    """The predictive variance."""

    name: ClassVar[str] = "variance"
    extras: ClassVar = frozenset({"variance"})
    variables: ClassVar = {"variance_test": VariableSpec(("time", "test_point"), "variance")}

    def measure(self, cell):
        return {}


@dataclass(frozen=True)
class Weights(Diagnostic):
    """The trained parameters."""

    name: ClassVar[str] = "weights"
    extras: ClassVar = frozenset({"parameters"})
    variables: ClassVar = {"weights": VariableSpec(("time", "unit"), "weights")}

    def measure(self, cell):
        return {}


@dataclass(frozen=True)
class Movement(Diagnostic):
    """How far the parameters move."""

    name: ClassVar[str] = "movement"
    requires: ClassVar = frozenset({"network"})
    layer: int = 0
    variables: ClassVar = {"movement": VariableSpec(("time",), "movement")}

    def measure(self, cell):
        return {}


@dataclass(frozen=True)
class Distance(Diagnostic):
    """Distance of the kernel from another one."""

    name: ClassVar[str] = "distance"
    requires: ClassVar = frozenset({"ntk"})
    reference: KernelProvider = Limit()
    variables: ClassVar = {"distance": VariableSpec((), "distance")}

    def references(self):
        return (self.reference,)

    def measure(self, cell):
        return {}


@hookimpl
def ntksim_activations():
    return [Relu]


@hookimpl
def ntksim_architectures():
    return [Line]


@hookimpl
def ntksim_kernels():
    return [Limit, Finite, TangentOnly]


@hookimpl
def ntksim_solvers():
    return [Exact, Euler, Train, Posterior]


@hookimpl
def ntksim_datasets():
    return [Points]


@hookimpl
def ntksim_diagnostics():
    return [Predictions, Loss, Kernel, Variance, Weights, Movement, Distance]
