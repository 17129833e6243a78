"""What a layer is: one map, at finite and at infinite width."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from ntksim.nn.moments import Moments
from ntksim.types import Array, Params

Shape: TypeAlias = tuple[int | None, ...]
"""Shape of the features of one point, features last; ``None`` stands for the width."""

Tape: TypeAlias = Any
"""What ``forward`` keeps for the backward pass; each layer knows its own."""

Sensitivity: TypeAlias = Any
"""What one set of points contributes to tangent kernels; each layer knows its own."""

NOTHING: Array = np.zeros(())
"""The contribution of a layer without trained parameters."""


@dataclass(frozen=True)
class Separable:
    """Cotangents a(x) ∘ b_k: a factor of the point, (N, units), and one of the output, (K, units).

    What stands behind a read-out and an activation, φ′(z) ∘ w_k. The inner products of such
    cotangents over all K outputs cost no more than those of one.
    """

    of_point: Array
    of_output: Array

    def expanded(self) -> Array:
        """Return the cotangents (K, N, units); those of one point are neighbours in memory."""
        return np.moveaxis(self.of_point[:, None, :] * self.of_output, 1, 0)


class Layer(ABC):
    """A map of features with its parameters, its derivatives and its infinite-width limit.

    Features of N points have shape (N, *positions, units). A dense network has no positions; a
    convolution has them, and nothing in these interfaces changes. Cotangents of K outputs have
    shape (K, N, *positions, units), where an axis may have length 1 if the values do not differ
    along it: the derivative of a read-out does not depend on the point.

    Parameters are named within the layer; a composite layer numbers its parameterised layers and
    prefixes their names with ``0.``, ``1.``, …
    """

    centred: ClassVar[bool] = False
    """Whether the output is linear in fresh parameters of zero mean and therefore uncorrelated
    with everything before it: what the branch of a residual layer has to end in."""

    takes_separable: ClassVar[bool] = False
    """Whether ``sensitivity`` takes ``Separable`` cotangents as well as arrays."""

    @property
    def stackable(self) -> bool:
        """Whether ``forward`` and ``backward`` take the parameters of S networks, stacked.

        Those have an axis more in front, as features and cotangents (S, N, units) have; inputs
        that all networks share may be without. Layers with positions are not stackable. Each
        network must get the same bits as by itself.
        """
        return False

    @property
    def has_parameters(self) -> bool:
        """Whether the layer has parameters, and so a number in their names."""
        return False

    @property
    def has_trained_parameters(self) -> bool:
        """Whether training changes any of them."""
        return False

    @abstractmethod
    def output_shape(self, input_shape: Shape, width: int | None) -> Shape:
        """Return the shape of one point's output; ``width=None`` keeps the width symbolic.

        Raises
        ------
        ValueError
            If the layer cannot take such features; the message is shown to the user.
        """

    @abstractmethod
    def initialise(
        self, input_shape: tuple[int, ...], width: int, rng: np.random.Generator
    ) -> dict[str, Array]:
        """Draw initial parameters."""

    @abstractmethod
    def forward(self, params: Params, x: Array) -> tuple[Array, Tape]:
        """Return the output and the tape."""

    @abstractmethod
    def pushforward(
        self, params: Params, tape: Tape, tangent: Params, input_tangent: Array | None
    ) -> Array | None:
        """Return the derivative of the output along tangents of parameters and input.

        Parameters that are not trained or not named in ``tangent`` stand still; ``None`` is a
        derivative of 0.
        """

    @abstractmethod
    def backward(
        self, params: Params, tape: Tape, cotangent: Array, *, to_input: bool = True
    ) -> tuple[dict[str, Array], Array | None]:
        """Return gradients of Σ cotangent·output in the trained parameters and in the input.

        ``cotangent`` has the shape of the output, or axes of length 1, and no axis of outputs. The
        gradient in the input is ``None`` where ``to_input`` is false.
        """

    @abstractmethod
    def sensitivity(
        self, params: Params, tape: Tape, cotangent: Any, *, to_input: bool = True
    ) -> tuple[Sensitivity, Array | Separable | None]:
        """Return what ``contract`` needs of these points, and the cotangents of the input.

        ``cotangent`` is an array, or may be ``Separable`` where the layer ``takes_separable``.
        """

    @abstractmethod
    def contract(self, first: Sensitivity, second: Sensitivity, *, full: bool) -> Array:
        """Inner products of parameter gradients between two sets of points.

        Returns Σ_k ∇f_k(x₁)·∇f_k(x₂), shape (N, M), or with ``full`` all pairs of outputs,
        (N, K, M, K), for the parameters of this layer; either may be broadcast. The two are the
        same object for a symmetric kernel. No Jacobian is formed.
        """

    @abstractmethod
    def moments(self, moments: Moments) -> Moments:
        """Map moments and tangent kernel at infinite width.

        Raises
        ------
        NoClosedForm
            If there is no such limit.
        """

    def parameter_label(self, name: str) -> str:
        """Return what results call a parameter of this layer: its name within the layer."""
        return name

    def output_covariance(self, params: Params, h1: Array, h2: Array) -> Array | None:
        """Covariance of one output over this layer's initial parameters given its inputs.

        ``None`` if it is not known; ``params`` only tell sizes.
        """
        del params, h1, h2
        return None

    def contract_and_covariance(
        self,
        params: Params,
        hidden: tuple[Array, Array],
        sensitivities: tuple[Sensitivity, Sensitivity],
        *,
        full: bool,
    ) -> tuple[Array, Array | None]:
        """Return ``contract`` and ``output_covariance``, which may have work in common."""
        kernel = self.contract(*sensitivities, full=full)
        return kernel, self.output_covariance(params, *hidden)


def layer_word(layer: Layer) -> str:
    """Return what a layer is called in results: its class's name in small letters."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(layer).__name__).lower()


class FixedLayer(Layer):
    """A layer without parameters: ``forward``, ``tangent``, ``pullback`` and moments are enough."""

    @abstractmethod
    def tangent(self, tape: Tape, input_tangent: Array) -> Array:
        """Return the derivative of the output along a tangent of the input."""

    @abstractmethod
    def pullback(self, tape: Tape, cotangent: Array) -> Array:
        """Return the cotangent of the input; ``cotangent`` may have an axis of outputs in front."""

    def initialise(
        self, input_shape: tuple[int, ...], width: int, rng: np.random.Generator
    ) -> dict[str, Array]:
        """Return no parameters."""
        del input_shape, width, rng
        return {}

    def pushforward(
        self, params: Params, tape: Tape, tangent: Params, input_tangent: Array | None
    ) -> Array | None:
        """Return the derivative along the tangent of the input."""
        del params, tangent
        return None if input_tangent is None else self.tangent(tape, input_tangent)

    def backward(
        self, params: Params, tape: Tape, cotangent: Array, *, to_input: bool = True
    ) -> tuple[dict[str, Array], Array | None]:
        """Return no gradients and the cotangent of the input."""
        del params
        return {}, self.pullback(tape, cotangent) if to_input else None

    def sensitivity(
        self, params: Params, tape: Tape, cotangent: Array, *, to_input: bool = True
    ) -> tuple[Sensitivity, Array | Separable | None]:
        """Return nothing to contract and the cotangents of the input."""
        del params
        return None, self.pullback(tape, cotangent) if to_input else None

    def contract(self, first: Sensitivity, second: Sensitivity, *, full: bool) -> Array:
        """Return 0."""
        del first, second, full
        return NOTHING
