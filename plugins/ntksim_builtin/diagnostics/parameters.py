"""Parameters of the network in training time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Array, Diagnostic, FinishedCell, Variable, VariableSpec
from ntksim.types import Extra, Model, Params, Requirement

_ELEMENT = re.compile(r"\s*([^\[\]]+?)\s*\[\s*(\d+(?:\s*,\s*\d+)*)\s*\]\s*")

_LAYERS = (
    "arrays of trained parameters in the order of the network's names (0.weight, 0.bias, "
    "1.weight, …), weights and biases of a layer apart."
)


@dataclass(frozen=True)
class Parameters(Diagnostic):
    """Where the parameters go: selected ones, and how far all of them move, layer by layer.

    Of a linearised network θ(t) = θ₀ − Jᵀ G(t) (f₀ − y), one product with Jᵀ a time and never a
    Jacobian; of a network that is trained itself, its own. In NTK parameterisation a weight moves
    by O(1/√width) and the norm of all changes by O(1) (Jacot et al. 2018; Lee et al. 2019), but an
    output bias without a factor 1/√width moves by O(1).
    """

    name: ClassVar[str] = "parameters"
    requires: ClassVar[frozenset[Requirement]] = frozenset({"network"})
    extras: ClassVar[frozenset[Extra]] = frozenset({"parameters"})
    variables: ClassVar[Mapping[str, VariableSpec]] = {
        "parameter_value": VariableSpec(
            ("time", "parameter"),
            "value of a parameter",
            description="of the parameters that the study selects, in its order; by default the "
            "first element of every array.",
        ),
        "parameter_motion_layer": VariableSpec(
            ("time", "layer"),
            "distance of the parameters of a layer from their initial values",
            description=f"‖θ(t) − θ₀‖ of {_LAYERS}",
        ),
        "parameter_motion_rms_layer": VariableSpec(
            ("time", "layer"),
            "root mean square change of a parameter of a layer",
            description=f"of {_LAYERS}",
        ),
        "parameter_motion_max_layer": VariableSpec(
            ("time", "layer"),
            "largest change of a parameter of a layer",
            description=f"of {_LAYERS}",
        ),
        "parameter_norm_layer": VariableSpec(
            ("time", "layer"), "norm of the parameters of a layer", description=f"of {_LAYERS}"
        ),
        "parameter_motion": VariableSpec(
            ("time",),
            "distance of the parameters from their initial values",
            description="‖θ(t) − θ₀‖ over all trained parameters.",
        ),
        "parameter_motion_rms": VariableSpec(("time",), "root mean square change of a parameter"),
        "parameter_motion_max": VariableSpec(("time",), "largest change of a parameter"),
        "parameter_count": VariableSpec((), "number of trained parameters"),
    }

    select: tuple[str, ...] = ()
    """Parameters whose values are kept, such as ``0.weight[0,12]`` and ``1.bias[0]``: array and
    element. The first element of every trained array when empty."""

    def __post_init__(self) -> None:
        for text in self.select:
            _element(text)

    def measure(self, cell: FinishedCell) -> Mapping[str, Variable]:
        """Return all of them; NaN at times that the solver did not reach.

        Raises
        ------
        ValueError
            If a selected parameter does not exist.
        """
        model, path = cell.problem.model, cell.evolution.parameters
        if model is None or path is None:
            return {}
        start, trained = model.params, trained_names(model, cell.dataset.x_train)
        elements = [_found(start, text) for text in self.select] or [
            (name, (0,) * start[name].ndim) for name in trained
        ]
        values = np.empty((len(path), len(elements)))
        squares, largest, norms = (np.empty((len(path), len(trained))) for _ in range(3))
        for index, params in enumerate(path):
            values[index] = [params[name][where] for name, where in elements]
            for layer, name in enumerate(trained):
                change = params[name] - start[name]
                squares[index, layer] = np.vdot(change, change)
                largest[index, layer] = np.abs(change).max()
                norms[index, layer] = np.linalg.norm(params[name])
        sizes = np.array([start[name].size for name in trained])
        return {
            "parameter_value": values,
            "parameter_motion_layer": np.sqrt(squares),
            "parameter_motion_rms_layer": np.sqrt(squares / sizes),
            "parameter_motion_max_layer": largest,
            "parameter_norm_layer": norms,
            "parameter_motion": np.sqrt(squares.sum(axis=1)),
            "parameter_motion_rms": np.sqrt(squares.sum(axis=1) / sizes.sum()),
            "parameter_motion_max": largest.max(axis=1),
            "parameter_count": float(sizes.sum()),
        }


def trained_names(model: Model, x: Array) -> list[str]:
    """Return the names of the arrays that training changes, in the network's order."""
    gradient = model.network.vjp(model.params, x[:1], np.zeros((1, model.network.outputs)))
    return [name for name in model.params if name in gradient]


def _element(text: str) -> tuple[str, tuple[int, ...]]:
    match = _ELEMENT.fullmatch(text)
    if match is None:
        raise ValueError(
            f"'{text}' is not a parameter; write the name of an array and an element of it, such "
            "as 0.weight[0,12]"
        )
    return match[1], tuple(int(number) for number in match[2].split(","))


def _found(params: Params, text: str) -> tuple[str, tuple[int, ...]]:
    name, where = _element(text)
    there = ", ".join(f"{name} {list(value.shape)}" for name, value in params.items())
    if name not in params:
        raise ValueError(f"there is no parameter array '{name}'; there are {there}")
    shape = params[name].shape
    if len(where) != len(shape) or any(i >= size for i, size in zip(where, shape, strict=True)):
        raise ValueError(f"'{text}' lies outside of its array; there are {there}")
    return name, where
