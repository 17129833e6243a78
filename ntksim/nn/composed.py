"""A network made of layers: everything that a network must know, fast."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from ntksim.nn.layers.base import Layer, Sensitivity
from ntksim.nn.layers.composite import Serial, describe
from ntksim.nn.limit import Path, limit_kernels, limit_path
from ntksim.types import Array, Kernels, Network, Params

POINTS = 2048
"""Most points in a block of an empirical kernel: its Gram matrices stay below 32 MB."""


@dataclass(frozen=True)
class ComposedNetwork(Network):
    """Layers in sequence, from inputs (N, *input_shape) to outputs (N, K).

    Parameters are named as ``Serial`` says: ``0.weight``, ``0.bias``, ``1.weight``, ….
    ``block_bytes`` bounds what is held of the points on each side of an empirical kernel, and of
    the points of a forward or backward pass; no (N, parameters) Jacobian is ever formed.

    Raises
    ------
    ValueError
        If the layers do not fit each other, the input or the number of outputs.
    """

    layers: tuple[Layer, ...]
    input_shape: tuple[int, ...]
    outputs: int
    block_bytes: int = 2**27

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", Serial(*self.layers).layers)
        object.__setattr__(self, "input_shape", tuple(self.input_shape))
        if not self.input_shape or min(self.input_shape) < 1:
            raise ValueError(f"input_shape is {self.input_shape}; every size must be at least 1")
        if not self._body.has_parameters:
            raise ValueError("a network needs at least one layer with parameters, such as Dense")
        shape = self._body.output_shape(self.input_shape, None)
        if shape != (self.outputs,):
            raise ValueError(
                f"the layers end in features {describe(shape)} and the network should have "
                f"{self.outputs} output(s); end with Dense(units={self.outputs})"
            )

    @cached_property
    def _body(self) -> Serial:
        return Serial(*self.layers)

    @cached_property
    def _head(self) -> int:
        """Number of leading layers without parameters: known functions of the input."""
        return next(i for i, layer in enumerate(self.layers) if layer.has_parameters)

    def initialise(self, width: int, rng: np.random.Generator) -> Params:
        """Draw initial parameters, layer by layer."""
        if width < 1:
            raise ValueError(f"width is {width}; a network needs at least 1 hidden unit")
        return self._body.initialise(self.input_shape, width, rng)

    def apply(self, params: Params, x: Array) -> Array:
        """f(x; θ), shape (N, K)."""
        x = self._checked(x)
        result = np.empty((len(x), self.outputs))
        for block in self._blocks(params, len(x), 0):
            result[block] = self._body.evaluate(params, x[block])
        return result

    def vjp(self, params: Params, x: Array, cotangent: Array) -> Params:
        """Jᵀ c: gradient of Σ c·f(x; θ) in the trained parameters; ``cotangent`` is (N, K)."""
        x = self._checked(x)
        total: dict[str, Array] = {}
        for block in self._blocks(params, len(x), 0):
            _, tape = self._body.forward(params, x[block])
            gradients, _ = self._body.backward(params, tape, cotangent[block], to_input=False)
            for name, value in gradients.items():
                total[name] = total[name] + value if name in total else value
        return total

    def value_and_vjp(
        self, params: Params, x: Array, cotangent: Callable[[Array], Array]
    ) -> tuple[Array, Params]:
        """f(x; θ) and Jᵀ c for c = ``cotangent``(f(x; θ)), in one pass where memory allows."""
        x = self._checked(x)
        if len(list(self._blocks(params, len(x), 0))) != 1:
            return super().value_and_vjp(params, x, cotangent)
        value, tape = self._body.forward(params, x)
        gradients, _ = self._body.backward(params, tape, cotangent(value), to_input=False)
        return value, gradients

    def jvp(self, params: Params, x: Array, tangent: Params) -> Array:
        """J v: derivative of f along ``tangent`` in the trained parameters, shape (N, K)."""
        x = self._checked(x)
        result = np.zeros((len(x), self.outputs))
        for block in self._blocks(params, len(x), 0):
            _, tape = self._body.forward(params, x[block])
            change = self._body.pushforward(params, tape, tangent, None)
            if change is not None:
                result[block] = change
        return result

    def tangent_kernel(
        self, params: Params, x1: Array, x2: Array | None = None, *, full: bool = False
    ) -> Array:
        """Empirical tangent kernel, (N, M) averaged over outputs or with ``full`` (N, K, M, K).

        Layer by layer, as the product of Gram matrices of its inputs and of the derivatives of
        the outputs in its pre-activations (structured derivatives, Novak et al. 2022).
        """
        x1 = self._checked(x1)
        other = x1 if x2 is None else self._checked(x2)
        k = self.outputs
        shape = (len(x1), k, len(other), k) if full else (len(x1), len(other))
        kernel = np.empty(shape)
        scale = 1.0 if full else 1.0 / k
        for rows in self._blocks(params, len(x1), k):
            first = self._sensitivity(params, x1[rows])
            for columns in self._blocks(params, len(other), k):
                if x2 is None and columns.start < rows.start:
                    continue
                same = x2 is None and columns == rows
                second = first if same else self._sensitivity(params, other[columns])
                block = scale * self._body.contract(first, second, full=full)
                if full:
                    kernel[rows, :, columns] = block
                else:
                    kernel[rows, columns] = block
                if x2 is not None or same:
                    continue
                if full:
                    kernel[columns, :, rows] = kernel[rows, :, columns].transpose(2, 3, 0, 1)
                else:
                    kernel[columns, rows] = kernel[rows, columns].T
        return kernel

    def prior_kernel(self, params: Params, x1: Array, x2: Array | None = None) -> Array:
        """Covariance (N, M) of an output over the last layer, given the last hidden features.

        Where the last layer does not know it: (1/K) Σ_k f_k(x1) f_k(x2).
        """
        x1 = self._checked(x1)
        other = x1 if x2 is None else self._checked(x2)
        *hidden, last = self.layers
        below = Serial(*hidden)
        number = sum(layer.has_parameters for layer in hidden)
        own = {name.partition(".")[2]: params[name] for name in params if _is_of(name, number)}
        kernel = np.empty((len(x1), len(other)))
        for rows in self._blocks(params, len(x1), 0):
            h1 = below.evaluate(params, x1[rows])
            for columns in self._blocks(params, len(other), 0):
                if x2 is None and columns.start < rows.start:
                    kernel[rows, columns] = kernel[columns, rows].T
                    continue
                same = x2 is None and columns == rows
                h2 = h1 if same else below.evaluate(params, other[columns])
                covariance = last.output_covariance(own, h1, h2)
                if covariance is None:
                    return super().prior_kernel(params, x1, x2)
                kernel[rows, columns] = covariance
        return kernel

    def parameter_label(self, name: str) -> str:
        """Return the kind and number of the layer before the name within it.

        ``0.weight`` is called ``dense_0.weight``, and the weight of a last dense layer
        ``readout.weight``.
        """
        return self._body.parameter_label(name, readout=True)

    def kernels(self, x1: Array, x2: Array | None = None, *, path: Path = "auto") -> Kernels:
        """Infinite-width kernels, each (N, M).

        Leading layers without parameters are applied to the inputs themselves. ``path`` forces how
        the rest is computed, by compiled loops (``fused``) or by the layers' own algebra
        (``layers``); the two agree to 1e-14 relative to the sizes of the points, and to 1e-10 for
        activations without closed form.

        Raises
        ------
        NoClosedForm
            If a layer has no infinite-width limit where it stands.
        ValueError
            If ``path`` is ``fused`` and there is no such form.
        """
        second = None if x2 is None else self._features(x2)
        return limit_kernels(self.layers[self._head :], self._features(x1), second, path)

    def kernel_path(self, x1: Array, x2: Array | None = None) -> Literal["fused", "layers"]:
        """Return how ``kernels`` computes these; the network and the inputs alone decide."""
        second = None if x2 is None else self._features(x2)
        return limit_path(self.layers[self._head :], self._features(x1), second)

    def _checked(self, x: Array) -> Array:
        x = np.asarray(x, dtype=np.float64)
        if x.shape[1:] != self.input_shape or x.ndim < 2:
            raise ValueError(
                f"inputs have shape {x.shape}; the network takes (points, "
                f"{', '.join(map(str, self.input_shape))})"
            )
        return x

    def _features(self, x: Array) -> Array:
        x = self._checked(x)
        for layer in self.layers[: self._head]:
            x, _ = layer.forward({}, x)
        return x

    def _sensitivity(self, params: Params, x: Array) -> Sensitivity:
        _, tape = self._body.forward(params, x)
        unit_vectors = np.eye(self.outputs)[:, None, :]
        return self._body.sensitivity(params, tape, unit_vectors, to_input=False)[0]

    def _blocks(self, params: Params, points: int, outputs: int) -> Iterator[slice]:
        """Blocks of points whose features, and cotangents of ``outputs``, fit the memory.

        At least one, which is empty if there are no points.
        """
        units = sum(value.shape[-1] for value in params.values() if value.ndim > 1)
        shape = Serial(*self.layers[: self._head]).output_shape(self.input_shape, None)
        positions = math.prod(size or 1 for size in shape[:-1])
        floats = math.prod(self.input_shape) + 2 * (1 + outputs) * units * positions
        most = POINTS if outputs else points
        return _slices(max(points, 1), min(most, self.block_bytes // (8 * floats)))


def _slices(points: int, step: int) -> Iterator[slice]:
    step = max(1, step)
    return (slice(start, min(start + step, points)) for start in range(0, points, step))


def _is_of(name: str, number: int) -> bool:
    return name.startswith(f"{number}.")
