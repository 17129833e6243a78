"""Parameters of the network in training time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ntksim import Array, Diagnostic, FinishedCell, Variable, VariableSpec
from ntksim.laws import WidthLaw
from ntksim.types import Extra, Model, Requirement, Summary

from ntksim_builtin.diagnostics.ordinary import norm, ordinary, scaled_back

_ELEMENT = re.compile(r"\s*([^\[\]]+?)\s*\[\s*(\d+(?:\s*,\s*\d+)*)\s*\]\s*")

_LAYERS = (
    "arrays of trained parameters in the network's order, weights and biases of a layer apart: "
    "dense_0.weight, dense_0.bias, …, readout.weight."
)

_UNITS = (
    "the largest norm, over the units of an array, of the change of the parameters of one unit: "
    "the axes but the last of an array lead into the unit that the last one counts."
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
            description="of the parameters that the study selects; by default the first element "
            "of every array.",
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
        "parameter_motion_unit_layer": VariableSpec(
            ("time", "layer"),
            "largest distance of the parameters of a unit of a layer from their initial values",
            description=f"{_UNITS} Of {_LAYERS}",
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
        "parameter_motion_unit": VariableSpec(
            ("time",),
            "largest distance of the parameters of a unit from their initial values",
            description=f"{_UNITS} Over all arrays.",
        ),
        "parameter_count": VariableSpec((), "number of trained parameters"),
    }

    summaries: ClassVar[tuple[Summary, ...]] = tuple(
        WidthLaw(name) for name in variables if "motion" in name
    )

    select: tuple[str, ...] = ()
    """Parameters whose values are kept, such as ``dense_0.weight[0,12]`` and ``readout.bias[0]``:
    array and element, the array also by the network's own name, ``0.weight``. The first element of
    every trained array when empty."""

    def __post_init__(self) -> None:
        seen: set[tuple[str, tuple[int, ...]]] = set()
        for text in self.select:
            element = _element(text)
            if element in seen:
                raise ValueError(f"'{text}' is selected twice")
            seen.add(element)

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
        elements = self._elements(model, trained)
        values = np.empty((len(path), len(elements)))
        squares, largest, units, norms = (np.empty((len(path), len(trained))) for _ in range(4))
        exponents = np.zeros((len(path), 1), dtype=np.int64)  # squares are those of θ/2^exponent
        for index, params in enumerate(path):
            values[index] = [params[name][where] for name, where in elements]
            exponent, *changes = ordinary(*(params[name] - start[name] for name in trained))
            exponents[index] = exponent
            for layer, (name, change) in enumerate(zip(trained, changes, strict=True)):
                squares[index, layer] = np.vdot(change, change)
                largest[index, layer] = scaled_back(np.abs(change).max(), exponent)
                units[index, layer] = scaled_back(unit_norms(change).max(), exponent)
                norms[index, layer] = norm(params[name])
        sizes = np.array([start[name].size for name in trained])

        def rooted(squares: Array) -> Array:
            return np.ldexp(np.sqrt(squares), exponents.reshape(-1, *(1,) * (squares.ndim - 1)))

        return {
            "parameter_value": values,
            "parameter_motion_layer": rooted(squares),
            "parameter_motion_rms_layer": rooted(squares / sizes),
            "parameter_motion_max_layer": largest,
            "parameter_motion_unit_layer": units,
            "parameter_norm_layer": norms,
            "parameter_motion": rooted(squares.sum(axis=1)),
            "parameter_motion_rms": rooted(squares.sum(axis=1) / sizes.sum()),
            "parameter_motion_max": largest.max(axis=1),
            "parameter_motion_unit": units.max(axis=1),
            "parameter_count": float(sizes.sum()),
        }

    def labels(self, cell: FinishedCell) -> Mapping[str, Sequence[str]]:
        """Return the labels of the arrays, and of the selected parameters."""
        model = cell.problem.model
        if model is None or cell.evolution.parameters is None:
            return {}
        trained = trained_names(model, cell.dataset.x_train)
        label = model.network.parameter_label
        return {
            "layer": [label(name) for name in trained],
            "parameter": [
                f"{label(name)}[{','.join(map(str, where))}]"
                for name, where in self._elements(model, trained)
            ],
        }

    def _elements(self, model: Model, trained: list[str]) -> list[tuple[str, tuple[int, ...]]]:
        """Return array and element of each parameter whose values are kept."""
        if not self.select:
            return [(name, (0,) * model.params[name].ndim) for name in trained]
        found = [_found(model, text) for text in self.select]
        for text, element in zip(self.select, found, strict=True):
            if found.count(element) > 1:
                raise ValueError(f"'{text}' is selected twice")
        return found


def unit_norms(change: Array) -> Array:
    """Return the norms over all axes but the last of an array, (…, units): of each unit's part."""
    change = np.atleast_1d(change)
    return np.sqrt(np.square(change.reshape(-1, change.shape[-1])).sum(axis=0))


def trained_names(model: Model, x: Array) -> list[str]:
    """Return the names of the arrays that training changes, in the network's order."""
    gradient = model.network.vjp(model.params, x[:1], np.zeros((1, model.network.outputs)))
    return [name for name in model.params if name in gradient]


def _element(text: str) -> tuple[str, tuple[int, ...]]:
    match = _ELEMENT.fullmatch(text)
    if match is None:
        raise ValueError(
            f"'{text}' is not a parameter; write the name of an array and an element of it, such "
            "as dense_0.weight[0,12]"
        )
    return match[1], tuple(int(number) for number in match[2].split(","))


def _found(model: Model, text: str) -> tuple[str, tuple[int, ...]]:
    given, where = _element(text)
    params = model.params
    labels = {model.network.parameter_label(name): name for name in params}
    there = ", ".join(f"{label} {list(params[name].shape)}" for label, name in labels.items())
    name = given if given in params else labels.get(given)
    if name is None:
        raise ValueError(f"there is no parameter array '{given}'; there are {there}")
    shape = params[name].shape
    if len(where) != len(shape) or any(i >= size for i, size in zip(where, shape, strict=True)):
        raise ValueError(f"'{text}' lies outside of its array; there are {there}")
    return name, where
