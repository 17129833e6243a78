"""A network made of layers: everything that a network must know, fast."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from ntksim.nn.empirical import FiniteKernels, Wanted
from ntksim.nn.layers.base import Layer
from ntksim.nn.layers.composite import Serial, describe
from ntksim.nn.limit import BOTH, Path, limit_kernels, limit_path
from ntksim.nn.shallow import ShallowKernels, shallow
from ntksim.nn.tiles import slices
from ntksim.types import Array, KernelKind, Kernels, Network, Params

CACHE, ADDED = 2**20, 8
"""Bytes of features of a block of points in a forward and backward pass; and how many features it
has at least for every parameter, whose gradients are added up once a block."""

KEPT = 4
"""Blocks of ``block_bytes`` of which training may keep the features, not to compute them twice."""


STACK = 2**22
"""Bytes of parameters and features of networks that are trained together: beyond, nothing is saved
by that, and the cache is lost."""

NONE: Array = np.empty(0)


@dataclass(frozen=True)
class ComposedNetwork(Network):
    """Layers in sequence, from inputs (N, *input_shape) to outputs (N, K).

    Parameters are named as ``Serial`` says: ``0.weight``, ``0.bias``, ``1.weight``, ….
    ``block_bytes`` bounds what is held of the points on one side of an empirical kernel (of the
    other side it is one tile of at most 256 points; with one hidden layer it is a piece of the
    units), and of the points of a forward or backward pass; no (N, parameters) Jacobian is ever
    formed.

    Raises
    ------
    ValueError
        If the layers do not fit each other, the input or the number of outputs.
    """

    layers: tuple[Layer, ...]
    input_shape: tuple[int, ...]
    outputs: int
    block_bytes: int = 2**28

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
        for block in self._blocks(params, len(x)):
            result[block] = self._body.evaluate(params, x[block])
        return result

    def vjp(self, params: Params, x: Array, cotangent: Array) -> Params:
        """Jᵀ c: gradient of Σ c·f(x; θ) in the trained parameters; ``cotangent`` is (N, K)."""
        x = self._checked(x)
        total: dict[str, Array] = {}
        for number, block in enumerate(self._blocks(params, len(x))):
            _, tape = self._body.forward(params, x[block])
            gradients, _ = self._body.backward(params, tape, cotangent[block], to_input=False)
            _accumulate(total, gradients, number)
        return total

    def value_and_vjp(
        self, params: Params, x: Array, cotangent: Callable[[Array], Array]
    ) -> tuple[Array, Params]:
        """f(x; θ) and Jᵀ c for c = ``cotangent``(f(x; θ)), in one pass where memory allows."""
        x = self._checked(x)
        blocks = self._blocks(params, len(x))
        if len(x) * self._floats(params) * 8 > KEPT * self.block_bytes and len(blocks) > 1:
            return super().value_and_vjp(params, x, cotangent)
        value = np.empty((len(x), self.outputs))
        tapes = []
        for block in blocks:
            value[block], tape = self._body.forward(params, x[block])
            tapes.append(tape)
        weights = cotangent(value)
        total: dict[str, Array] = {}
        for number, (block, tape) in enumerate(zip(blocks, tapes, strict=True)):
            gradients, _ = self._body.backward(params, tape, weights[block], to_input=False)
            _accumulate(total, gradients, number)
        return value, total

    def value_and_loss_gradient(
        self, params: Params, x: Array, targets: Array
    ) -> tuple[Array, Params]:
        """f(x; θ) and Jᵀ (f(x; θ) − y), forward and back by blocks of points that fit the cache."""
        x = self._checked(x)
        value = np.empty((len(x), self.outputs))
        total: dict[str, Array] = {}
        for number, block in enumerate(self._blocks(params, len(x))):
            value[block], tape = self._body.forward(params, x[block])
            residual = value[block] - targets[block]
            gradients, _ = self._body.backward(params, tape, residual, to_input=False)
            _accumulate(total, gradients, number)
        return value, total

    def fits_stack(self, width: int) -> bool:
        """Whether several networks of a width can be small enough for ``values_and_vjps``."""
        return 2 * 16 * self.parameter_count(width) <= STACK

    def members_at_once(self, params: Params, points: int) -> int:
        """Return how many networks of this size ``values_and_vjps`` had better take at once.

        It is 1 where one by one is as fast, as it is where the arithmetic of a single network takes
        longer than Python, or where layers cannot be stacked.
        """
        rest = Serial(*self.layers[self._head :])
        if not rest.stackable or len(self._blocks(params, points)) > 1:
            return 1
        parameters = sum(value.size for value in params.values())
        return max(1, STACK // (8 * (points * self._floats(params) + 2 * parameters)))

    def values_and_vjps(
        self, stacked: Params, x: Array, cotangents: Callable[[Array], Array]
    ) -> tuple[Array, Params]:
        """``value_and_vjp`` of S networks: outputs (S, N, K) and gradients, bit by bit the same.

        ``stacked`` are their parameters, with an axis more in front. For networks, points and
        numbers of them for which ``members_at_once`` is more than 1.
        """
        rest = Serial(*self.layers[self._head :])
        values, tape = rest.forward(stacked, self._features(x))
        gradients, _ = rest.backward(stacked, tape, cotangents(values), to_input=False)
        return values, gradients

    def jvp(self, params: Params, x: Array, tangent: Params) -> Array:
        """J v: derivative of f along ``tangent`` in the trained parameters, shape (N, K)."""
        x = self._checked(x)
        result = np.zeros((len(x), self.outputs))
        for block in self._blocks(params, len(x)):
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
        return self._finite(params, x1, x2, Wanted(nngp=False, full=full))[0]

    def prior_kernel(self, params: Params, x1: Array, x2: Array | None = None) -> Array:
        """Covariance (N, M) of an output over the last layer, given the last hidden features.

        Where the last layer does not know it: (1/K) Σ_k f_k(x1) f_k(x2).
        """
        return self._finite(params, x1, x2, Wanted(ntk=False))[1]

    def empirical_kernels(
        self, params: Params, x1: Array, x2: Array | None = None, *, full: bool = False
    ) -> tuple[Array, Array]:
        """Tangent and prior kernel, with the work that they have in common done once."""
        return self._finite(params, x1, x2, Wanted(full=full))

    def _finite(
        self, params: Params, x1: Array, x2: Array | None, wanted: Wanted
    ) -> tuple[Array, Array]:
        """Return both kernels; one that is not wanted is empty."""
        x1 = self._checked(x1)
        x2 = None if x2 is None else self._checked(x2)
        layers = shallow(self.layers[self._head :]) if self._positions == 1 else None
        if layers and (self.outputs == 1 or not wanted.full):
            second = None if x2 is None else self._features(x2)
            ntk, nngp = ShallowKernels(layers, params).between(self._features(x1), second, wanted)
            if wanted.full and ntk is not None:
                ntk = ntk[:, None, :, None]
        else:
            source = FiniteKernels(
                self.layers, params, self.outputs, math.prod(self.input_shape), self._units(params)
            )
            ntk, nngp = source.between(x1, x2, wanted, self.block_bytes)
        if nngp is None:
            nngp = super().prior_kernel(params, x1, x2) if wanted.nngp else NONE
        if ntk is None:
            ntk = NONE
        elif not wanted.full and self.outputs > 1:
            ntk /= self.outputs
        return ntk, nngp

    def parameter_label(self, name: str) -> str:
        """Return the kind and number of the layer before the name within it.

        ``0.weight`` is called ``dense_0.weight``, and the weight of a last dense layer
        ``readout.weight``.
        """
        return self._body.parameter_label(name, readout=True)

    def kernels(
        self,
        x1: Array,
        x2: Array | None = None,
        *,
        path: Path = "auto",
        wanted: Collection[KernelKind] = BOTH,
    ) -> Kernels:
        """Infinite-width kernels, each (N, M).

        Leading layers without parameters are applied to the inputs themselves. ``path`` forces how
        the rest is computed, by compiled loops (``fused``) or by the layers' own algebra
        (``layers``); the two agree to 1e-14 relative to the sizes of the points, and to 1e-10 for
        activations without closed form. Of the kernels only those ``wanted`` are returned, and the
        memory of the other one is not needed.

        Raises
        ------
        NoClosedForm
            If a layer has no infinite-width limit where it stands.
        ValueError
            If ``path`` is ``fused`` and there is no such form.
        """
        second = None if x2 is None else self._features(x2)
        return limit_kernels(self.layers[self._head :], self._features(x1), second, path, wanted)

    def kernels_wanted(
        self, x1: Array, x2: Array | None, wanted: Collection[KernelKind]
    ) -> Kernels:
        """Those of ``kernels`` that are wanted; the other one is not computed."""
        return self.kernels(x1, x2, wanted=wanted)

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

    def _blocks(self, params: Params, points: int) -> list[slice]:
        """Blocks of points for a forward or backward pass; an empty one if there are no points.

        The features of a block stay in the cache, where it is not so small that adding up the
        gradients of all blocks would take longer than that saves.
        """
        floats = self._floats(params)
        parameters = sum(value.size for value in params.values())
        step = max(CACHE // (8 * floats), ADDED * parameters // floats)
        return slices(points, min(step, self.block_bytes // (8 * floats)))

    def _floats(self, params: Params) -> int:
        """Numbers that are kept of a point in a forward pass."""
        return math.prod(self.input_shape) + 2 * self._units(params)

    def _units(self, params: Params) -> int:
        """Features of a point over all layers with parameters, whatever its positions."""
        return self._positions * sum(v.shape[-1] for v in params.values() if v.ndim > 1)

    @cached_property
    def _positions(self) -> int:
        """Positions of the features that enter the first layer with parameters."""
        shape = Serial(*self.layers[: self._head]).output_shape(self.input_shape, None)
        return math.prod(size or 1 for size in shape[:-1])


def _accumulate(total: dict[str, Array], gradients: dict[str, Array], number: int) -> None:
    """Add the gradients of a block; the arrays of the first one belong to its layers."""
    for name, value in gradients.items():
        if number < 2:
            total[name] = total[name] + value if number else value
        else:
            total[name] += value
