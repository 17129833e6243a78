"""Layers without parameters: the activation, and changes of shape."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ntksim.nn.dual import dual
from ntksim.nn.layers.base import FixedLayer, Sensitivity, Separable, Shape, Tape
from ntksim.nn.layers.dense import constant_moments
from ntksim.nn.moments import Moments
from ntksim.nn.recycling import empty
from ntksim.nn.tiles import slices
from ntksim.types import Activation, Array, NoClosedForm, Params, SecondMoments

PIECE = 2**15
"""Features that are worked on at a time; a few arrays of them fit the cache."""


@dataclass(frozen=True)
class ActivationLayer(FixedLayer):
    """h = φ(z), applied to every unit.

    At infinite width the second moments become E[φ(u)φ(v)] and the tangent kernel is multiplied
    by E[φ′(u)φ′(v)], for Gaussian (u, v) with the second moments of z (Jacot et al. 2018).
    """

    activation: Activation

    @property
    def stackable(self) -> bool:
        """True."""
        return True

    def output_shape(self, input_shape: Shape, width: int | None) -> Shape:
        """Return the input's shape."""
        del width
        return input_shape

    def forward(self, params: object, x: Array) -> tuple[Array, Tape]:
        """Return φ(z); the tape is z."""
        del params
        result = empty(x.shape)
        for piece in _pieces(x):
            result[piece] = self.activation.value(x[piece])
        return result, x

    def tangent(self, tape: Tape, input_tangent: Array) -> Array:
        """Return φ′(z) ż."""
        return self._times_derivative(tape, input_tangent)

    def pullback(self, tape: Tape, cotangent: Array) -> Array:
        """Return φ′(z) δ."""
        return self._times_derivative(tape, cotangent)

    def sensitivity(
        self, params: Params, tape: Tape, cotangent: Array, *, to_input: bool = True
    ) -> tuple[Sensitivity, Array | Separable | None]:
        """Return nothing to contract and φ′(z) δ_k, in factors where δ_k is that of all points."""
        of_all_points = cotangent.shape[1] == 1 < len(tape)
        if to_input and len(cotangent) > 1 and of_all_points and tape.ndim == 2:
            of_point = empty(tape.shape)
            for piece in _pieces(tape):
                of_point[piece] = self.activation.derivative(tape[piece])
            return None, Separable(of_point, cotangent[:, 0])
        return super().sensitivity(params, tape, cotangent, to_input=to_input)

    def _times_derivative(self, z: Array, factor: Array) -> Array:
        """φ′(z) times a factor that may have one axis more in front, outputs next to each other."""
        axis = factor.ndim - z.ndim
        shape = np.broadcast_shapes(z.shape, factor.shape)
        result = empty(shape)
        if axis:
            result = np.moveaxis(empty((*shape[1:-1], shape[0], shape[-1])), -2, 0)
        for piece in _pieces(z):
            at = (*(slice(None),) * axis, piece)
            part = factor if factor.shape[axis] == 1 else factor[at]
            np.multiply(self.activation.derivative(z[piece]), part, out=result[at])
        return result

    def moments(self, moments: Moments) -> Moments:
        """Apply the dual of φ.

        Raises
        ------
        NoClosedForm
            If z is not Gaussian with infinitely many units.
        """
        name = f"activation {self.activation.name}"
        moments.require_infinite_width(name)
        if moments.law != "gaussian":
            raise NoClosedForm(
                f"{name} acts on features that are not Gaussian; it must follow a dense layer or "
                "a residual layer of Gaussian units"
            )
        result = dual(self.activation, moments.second)
        return Moments(
            result.features,
            moments.ntk * result.derivative,
            moments.fan_in,
            "random",
            *(
                None if within is None else dual(self.activation, within).features
                for within in (moments.within1, moments.within2)
            ),
        )


def _pieces(x: Array) -> list[slice]:
    """Points that are worked on together, so that what is in between stays in the cache.

    For wide layers memory is what takes the time. There is one piece at least.
    """
    return slices(len(x), PIECE // max(1, math.prod(x.shape[1:])))


@dataclass(frozen=True)
class AppendOne(FixedLayer):
    """Append a constant feature 1 to inputs, so that first-layer weights include a bias.

    With weights of first-layer deviation s and without 1/√fan_in it is the same network as one
    with a first-layer bias of deviation s.
    """

    def output_shape(self, input_shape: Shape, width: int | None) -> Shape:
        """Return the input's shape with one feature more."""
        del width
        if input_shape[-1] is None:
            raise ValueError(
                "AppendOne must act on inputs: one constant among as many features as the width "
                "has no weight in the limit"
            )
        return (*input_shape[:-1], input_shape[-1] + 1)

    def forward(self, params: object, x: Array) -> tuple[Array, Tape]:
        """Return (x, 1)."""
        del params
        return np.concatenate([x, np.ones((*x.shape[:-1], 1))], axis=-1), None

    def tangent(self, tape: Tape, input_tangent: Array) -> Array:
        """Return (ẋ, 0)."""
        del tape
        zero = np.zeros((*input_tangent.shape[:-1], 1))
        return np.concatenate([input_tangent, zero], axis=-1)

    def pullback(self, tape: Tape, cotangent: Array) -> Array:
        """Drop the last feature."""
        del tape
        return cotangent[..., :-1]

    def moments(self, moments: Moments) -> Moments:
        """Return means over one feature more."""
        if moments.fan_in is None or moments.law != "fixed":
            raise NoClosedForm("AppendOne must act on inputs")
        features = moments.fan_in + 1
        shrink = math.sqrt(moments.fan_in / features)
        one = constant_moments(1.0 / math.sqrt(features))
        return moments.mapped(
            lambda second: second.scaled(shrink).plus(one),
            shrink**2 * moments.ntk,
            law="fixed",
            fan_in=features,
        )


@dataclass(frozen=True)
class Flatten(FixedLayer):
    """Turn positions and features of a point into one axis of features."""

    def output_shape(self, input_shape: Shape, width: int | None) -> Shape:
        """Return the product of all sizes; unknown if one is."""
        del width
        sizes = [size for size in input_shape if size is not None]
        return (math.prod(sizes),) if len(sizes) == len(input_shape) else (None,)

    def forward(self, params: object, x: Array) -> tuple[Array, Tape]:
        """Return x as (N, features); the tape is the shape of a point."""
        del params
        return x.reshape(len(x), math.prod(x.shape[1:])), x.shape[1:]

    def tangent(self, tape: Tape, input_tangent: Array) -> Array:
        """Reshape likewise."""
        del tape
        return input_tangent.reshape(len(input_tangent), math.prod(input_tangent.shape[1:]))

    def pullback(self, tape: Tape, cotangent: Array) -> Array:
        """Restore the shape of a point."""
        return cotangent.reshape(*cotangent.shape[:-1], *tape)

    def moments(self, moments: Moments) -> Moments:
        """Average over positions, each with itself: features of different positions do not mix.

        The result is a mixture of positions, so it is not Gaussian even where each of them is.
        """
        positions = moments.ntk.shape[2 : 2 + (moments.ntk.ndim - 2) // 2]
        if not positions:
            return moments
        share = 1.0 / math.sqrt(math.prod(positions))

        def at(array: Array, position: tuple[int, ...]) -> Array:
            """Take one position, or the only one where the array is broadcast."""
            index = [
                0 if size == 1 else i for i, size in zip(2 * position, array.shape[2:], strict=True)
            ]
            return array[(..., *index)]

        second: SecondMoments | None = None
        ntk = np.zeros(moments.ntk.shape[:2])
        for position in np.ndindex(*positions):
            here = SecondMoments(
                at(moments.second.std1, position),
                at(moments.second.std2, position),
                at(moments.second.deficit, position),
                at(moments.second.surplus, position),
            ).scaled(share)
            second = here if second is None else second.plus(here)
            ntk += at(moments.ntk, position)
        assert second is not None  # noqa: S101 - there is at least one position
        fan_in = None if moments.fan_in is None else moments.fan_in * math.prod(positions)
        law = "fixed" if moments.law == "fixed" else "random"
        return Moments(second, ntk / math.prod(positions), fan_in, law)
