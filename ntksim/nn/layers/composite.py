"""Layers made of layers: in sequence, and beside a skip connection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ntksim.nn.layers.base import (
    NOTHING,
    Layer,
    Sensitivity,
    Separable,
    Shape,
    Tape,
    layer_word,
)
from ntksim.nn.moments import Moments
from ntksim.types import Array, NoClosedForm, Params


@dataclass(frozen=True, init=False)
class Serial(Layer):
    """Layers one after the other.

    Parameters are named ``<number>.<name>``, where the layers that have parameters are numbered
    from 0: those of a chain of dense layers are ``0.weight``, ``0.bias``, ``1.weight``, …, and of
    a residual layer in third place ``2.0.weight``, ….
    """

    layers: tuple[Layer, ...]

    takes_separable: ClassVar[bool] = True

    def __init__(self, *layers: Layer) -> None:
        flat: list[Layer] = []
        for layer in layers:
            flat.extend(layer.layers if isinstance(layer, Serial) else (layer,))
        object.__setattr__(self, "layers", tuple(flat))

    @property
    def has_parameters(self) -> bool:
        """Whether one of the layers has."""
        return any(layer.has_parameters for layer in self.layers)

    @property
    def has_trained_parameters(self) -> bool:
        """Whether one of the layers has."""
        return any(layer.has_trained_parameters for layer in self.layers)

    @property
    def stackable(self) -> bool:
        """Whether all layers are."""
        return all(layer.stackable for layer in self.layers)

    def output_shape(self, input_shape: Shape, width: int | None) -> Shape:
        """Pass the shape through all layers."""
        for layer in self.layers:
            input_shape = layer.output_shape(input_shape, width)
        return input_shape

    def initialise(
        self, input_shape: tuple[int, ...], width: int, rng: np.random.Generator
    ) -> dict[str, Array]:
        """Draw the parameters of all layers, in order."""
        params: dict[str, Array] = {}
        shape: Shape = input_shape
        for prefix, layer in self._numbered():
            own = layer.initialise(_known(shape), width, rng)
            params.update({prefix + name: value for name, value in own.items()})
            shape = layer.output_shape(shape, width)
        return params

    def forward(self, params: Params, x: Array) -> tuple[Array, Tape]:
        """Apply all layers; the tape is the list of theirs."""
        tape: list[Tape] = []
        for layer, own in zip(self.layers, self._parts(params), strict=True):
            x, part = layer.forward(own, x)
            tape.append(part)
        return x, tape

    def evaluate(self, params: Params, x: Array) -> Array:
        """Apply all layers and keep no tape."""
        for layer, own in zip(self.layers, self._parts(params), strict=True):
            x, _ = layer.forward(own, x)
        return x

    def pushforward(
        self, params: Params, tape: Tape, tangent: Params, input_tangent: Array | None
    ) -> Array | None:
        """Pass the tangent through all layers."""
        parts = zip(self.layers, self._parts(params), self._parts(tangent), tape, strict=True)
        for layer, own, own_tangent, part in parts:
            input_tangent = layer.pushforward(own, part, own_tangent, input_tangent)
        return input_tangent

    def backward(
        self, params: Params, tape: Tape, cotangent: Array, *, to_input: bool = True
    ) -> tuple[dict[str, Array], Array | None]:
        """Pass the cotangent back, no further than the first trained layer if that is enough."""
        gradients: dict[str, Array] = {}
        current: Array | None = cotangent
        parts = self._parts(params)
        for index, further in self._reversed(to_input):
            assert current is not None  # noqa: S101 - the layers above were asked for it
            layer, prefix = self.layers[index], self._prefixes[index]
            own, current = layer.backward(parts[index], tape[index], current, to_input=further)
            gradients.update({prefix + name: value for name, value in own.items()})
        return gradients, current if to_input else None

    def sensitivity(
        self, params: Params, tape: Tape, cotangent: Any, *, to_input: bool = True
    ) -> tuple[Sensitivity, Array | None]:
        """Return pairs of a layer's index and its sensitivity, and the cotangents of the input."""
        kept = []
        current: Array | Separable | None = cotangent
        parts = self._parts(params)
        for index, further in self._reversed(to_input):
            assert current is not None  # noqa: S101 - the layers above were asked for it
            layer = self.layers[index]
            if not layer.takes_separable:
                current = expanded(current)
            own, current = layer.sensitivity(parts[index], tape[index], current, to_input=further)
            if own is not None:
                kept.append((index, own))
        return kept or None, expanded(current) if to_input and current is not None else None

    def contract(self, first: Sensitivity, second: Sensitivity, *, full: bool) -> Array:
        """Sum over the layers."""
        result = NOTHING
        if first is None:
            return result
        for (index, own1), (_, own2) in zip(first, second, strict=True):
            result = result + self.layers[index].contract(own1, own2, full=full)
        return result

    def moments(self, moments: Moments) -> Moments:
        """Apply all layers' maps."""
        for layer in self.layers:
            moments = layer.moments(moments)
        return moments

    def parameter_label(self, name: str, *, readout: bool = False) -> str:
        """Return a name with its layer's kind: ``dense_0.weight`` for ``0.weight``.

        With ``readout`` a dense layer that comes last is called that.
        """
        for prefix, layer in self._numbered():
            if prefix and name.startswith(prefix):
                own = layer.parameter_label(name[len(prefix) :])
                if readout and layer is self.layers[-1] and layer.centred:
                    return f"readout.{own}"
                return f"{layer_word(layer)}_{prefix}{own}"
        return name

    def _numbered(self) -> Iterator[tuple[str, Layer]]:
        return zip(self._prefixes, self.layers, strict=True)

    @cached_property
    def _prefixes(self) -> tuple[str, ...]:
        """What the names of each layer's parameters begin with; nothing where it has none."""
        prefixes, number = [], 0
        for layer in self.layers:
            prefixes.append(f"{number}." if layer.has_parameters else "")
            number += layer.has_parameters
        return tuple(prefixes)

    def _parts(self, params: Params) -> list[Params]:
        """Return the parameters of each layer, by their names within it."""
        parts: dict[str, dict[str, Array]] = {prefix: {} for prefix in self._prefixes}
        for name, value in params.items():
            number, _, own = name.partition(".")
            if (prefix := f"{number}.") in parts:
                parts[prefix][own] = value
        return [parts[prefix] for prefix in self._prefixes]

    def _reversed(self, to_input: bool) -> Iterator[tuple[int, bool]]:
        """Indices from the last layer to the first trained one; whether one below is needed."""
        lowest = 0 if to_input else self._lowest_trained
        for index in reversed(range(lowest, len(self.layers))):
            yield index, to_input or index > lowest

    @cached_property
    def _lowest_trained(self) -> int:
        """Index of the first trained layer; the last one where none is."""
        trained = (i for i, layer in enumerate(self.layers) if layer.has_trained_parameters)
        return next(trained, max(0, len(self.layers) - 1))


@dataclass(frozen=True, init=False)
class Residual(Layer):
    """h + branch(h): layers beside a skip connection.

    The branch must end in a dense layer (or another whose output is linear in fresh parameters of
    zero mean) with as many units as enter: then it is uncorrelated with h, and at infinite width
    second moments and tangent kernels of the two add.
    """

    branch: Serial

    centred: ClassVar[bool] = False

    def __init__(self, *branch: Layer) -> None:
        serial = Serial(*branch)
        if not serial.layers or not serial.layers[-1].centred:
            last = type(serial.layers[-1]).__name__ if serial.layers else "nothing"
            raise ValueError(
                f"the branch of a residual layer ends in {last}; it must end in a Dense layer, so "
                "that branch and skip connection are uncorrelated"
            )
        object.__setattr__(self, "branch", serial)

    @property
    def has_parameters(self) -> bool:
        """Whether the branch has."""
        return self.branch.has_parameters

    @property
    def has_trained_parameters(self) -> bool:
        """Whether the branch has."""
        return self.branch.has_trained_parameters

    @property
    def stackable(self) -> bool:
        """Whether the branch is."""
        return self.branch.stackable

    def parameter_label(self, name: str) -> str:
        """Return the branch's name of a parameter."""
        return self.branch.parameter_label(name)

    def output_shape(self, input_shape: Shape, width: int | None) -> Shape:
        """Return the input's shape, which must be the branch's too."""
        shape = self.branch.output_shape(input_shape, width)
        if shape != input_shape:
            raise ValueError(
                f"a residual layer adds features {describe(input_shape)} and a branch with "
                f"{describe(shape)}; give the last layer of the branch as many units as enter"
            )
        return input_shape

    def initialise(
        self, input_shape: tuple[int, ...], width: int, rng: np.random.Generator
    ) -> dict[str, Array]:
        """Draw the parameters of the branch."""
        return self.branch.initialise(input_shape, width, rng)

    def forward(self, params: Params, x: Array) -> tuple[Array, Tape]:
        """Return h + branch(h); the tape is the branch's."""
        output, tape = self.branch.forward(params, x)
        return x + output, tape

    def pushforward(
        self, params: Params, tape: Tape, tangent: Params, input_tangent: Array | None
    ) -> Array | None:
        """Sum the two tangents."""
        through = self.branch.pushforward(params, tape, tangent, input_tangent)
        if through is None or input_tangent is None:
            return input_tangent if through is None else through
        return through + input_tangent

    def backward(
        self, params: Params, tape: Tape, cotangent: Array, *, to_input: bool = True
    ) -> tuple[dict[str, Array], Array | None]:
        """Pass the same cotangent to branch and skip connection."""
        gradients, through = self.branch.backward(params, tape, cotangent, to_input=to_input)
        return gradients, None if through is None else through + cotangent

    def sensitivity(
        self, params: Params, tape: Tape, cotangent: Array, *, to_input: bool = True
    ) -> tuple[Sensitivity, Array | None]:
        """Pass the same cotangents to branch and skip connection."""
        kept, through = self.branch.sensitivity(params, tape, cotangent, to_input=to_input)
        return kept, None if through is None else through + cotangent

    def contract(self, first: Sensitivity, second: Sensitivity, *, full: bool) -> Array:
        """Return the branch's contribution."""
        return self.branch.contract(first, second, full=full)

    def moments(self, moments: Moments) -> Moments:
        """Add the moments and tangent kernels of branch and skip connection."""
        if moments.fan_in is not None:
            raise NoClosedForm(
                f"a residual layer on {moments.fan_in} features has no infinite-width kernels; put "
                "a layer of the network's width before it"
            )
        return moments.plus(self.branch.moments(moments))


def expanded(cotangent: Array | Separable) -> Array:
    """Return cotangents as an array."""
    return cotangent.expanded() if isinstance(cotangent, Separable) else cotangent


def describe(shape: Shape) -> str:
    """Write a shape for a message, with the word width where it is the width."""
    return "(" + ", ".join("width" if size is None else str(size) for size in shape) + ")"


def _known(shape: Shape) -> tuple[int, ...]:
    return tuple(size for size in shape if size is not None)
