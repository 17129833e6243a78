"""From a chain of layers to a program for the compiled loops.

What depends on single points (standard deviations in every layer, the diagonals of both kernels)
is computed here, by the layers' own algebra; the program holds it as vectors over the points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ntksim.nn.fused.angle_form import AngleForm, angle_form
from ntksim.nn.fused.operations import (
    SLOTS,
    Kind,
    Operation,
    Vectors,
    activation_operation,
    dense_vectors,
)
from ntksim.nn.fused.series import Series, SeriesTooLong
from ntksim.nn.layers import ActivationLayer, Dense, Flatten, Layer
from ntksim.nn.moments import Moments
from ntksim.types import Array, SecondMoments

MOST_BYTES = 2**25
"""Largest size of a program's vectors over points: with the rest it stays below 64 MiB."""

LARGEST_STD = 8.0
"""Largest deviation before a smooth activation that follows another: rounding errors of
correlations, 2e-16, grow by it."""

EQUAL = 4 * np.finfo(np.float64).eps
"""Relative difference up to which standard deviations count as equal."""


@dataclass(frozen=True)
class Program:
    """Operations on pairs of points, with their vectors over all points.

    ``vectors`` (blocks, SLOTS, points) and ``series`` are what operations refer to; the last block
    belongs to the read-out. ``ends`` are what the read-out adds to the covariance
    and to the tangent kernel. ``nngp`` and ``ntk`` (points,) are the diagonals. ``dead`` marks
    points whose units vanish in some layer: they have no correlation with others.
    """

    operations: tuple[Operation, ...]
    vectors: Array
    series: tuple[Series, ...]
    polynomials: Array
    ends: Array
    nngp: Array
    ntk: Array
    dead: np.ndarray

    def table(self, points: slice) -> Array:
        """Coefficients of all series at some points, shape (terms, …)."""
        parts = [series.table(points) for series in self.series]
        count = len(self.dead[points])
        return np.concatenate(parts) if parts else np.zeros((0, count))


@dataclass
class _Lowering:
    """What has been lowered so far."""

    dead: np.ndarray
    operations: list[Operation] = field(default_factory=list)
    blocks: list[Vectors] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    acute: bool = False
    activations: int = 0
    size: int = 0
    """Bytes of the vectors and of the series."""
    terms: int = 0
    """Terms of all series."""
    plain: bool = True
    """Whether no layer but the read-out has a bias."""
    angular: bool = True
    """Whether all activations are linear on either side of 0."""

    def block(self, vectors: Vectors) -> int:
        """Add vectors and return their place."""
        padded = np.zeros((SLOTS, vectors.shape[1]))
        padded[: len(vectors)] = vectors
        self.blocks.append(padded)
        self.size += padded.nbytes
        return len(self.blocks) - 1


def is_chain(layers: Sequence[Layer]) -> bool:
    """Whether layers are dense layers, each of which but the last has an activation behind it."""
    kinds = [type(layer) for layer in layers if type(layer) is not Flatten]
    hidden = kinds[:-1]
    return (
        len(kinds) >= 3
        and len(kinds) % 2 == 1
        and all(kind is Dense for kind in kinds[::2])
        and all(kind is ActivationLayer for kind in hidden[1::2])
    )


def lowered(layers: Sequence[Layer], std: Array, fan_in: int) -> Program | None:
    """Return the program of a chain for points with the input deviations ``std``, shape (P,).

    ``None`` if there is none: layers that are no chain, an activation whose series is too long, or
    vectors that would not fit the memory.

    Raises
    ------
    NoClosedForm
        As from the layers themselves.
    """
    if not is_chain(layers):
        return None
    chain = [layer for layer in layers if type(layer) is not Flatten]
    moments = at_one_point(std, fan_in)
    state = _Lowering(np.zeros(len(std), dtype=bool))
    for layer in chain[:-1]:
        after = layer.moments(moments)
        try:
            if isinstance(layer, Dense):
                _lower_dense(state, layer, moments, after)
            elif isinstance(layer, ActivationLayer) and not _lower_activation(
                state, layer, moments, after
            ):
                return None
        except SeriesTooLong:
            return None
        if state.size > MOST_BYTES:
            return None
        moments = after
    readout = chain[-1]
    assert isinstance(readout, Dense)  # noqa: S101 - is_chain
    carried, shift, weight, bias = dense_vectors(readout, moments, 1.0)
    form = _angle_form(state, chain[:-1], std, fan_in)
    if form is not None:
        state.operations, state.blocks = [Operation(Kind.ANGLE)], []
    state.block(np.stack([carried, weight]))
    final = readout.moments(moments)
    return Program(
        tuple(state.operations),
        np.stack(state.blocks),
        tuple(state.series),
        np.zeros((2, 0)) if form is None else form.polynomials,
        np.array([shift[0] ** 2, bias[0] ** 2]),
        final.second.covariance[:, 0],
        final.ntk[:, 0],
        state.dead,
    )


def at_one_point(std: Array, fan_in: int) -> Moments:
    """Moments of inputs of the given deviations, each with itself, shape (P, 1)."""
    column = std[:, None]
    zero = np.zeros_like(column)
    return Moments(
        SecondMoments(column, column, zero, 2.0 * column * column), zero, fan_in, "fixed"
    )


def _lower_dense(state: _Lowering, layer: Dense, before: Moments, after: Moments) -> None:
    total = after.second.std1[:, 0]
    state.dead |= total == 0
    carried, shift, weight, bias = dense_vectors(layer, before, np.where(total > 0, total, 1.0))
    if shift.any() or bias.any() or not layer.initial_weight_std:
        state.plain = False
        if layer.initial_weight_std and (layer.initial_bias_std or not layer.trained):
            place = state.block(np.stack([carried, shift]))
            weights = 1.0 / layer.initial_weight_std**2 if layer.trained else 0.0
            biases = 1.0 / layer.initial_bias_std**2 if layer.trained else 0.0
            state.operations.append(Operation(Kind.BIASED, weights, biases, place=place))
        else:
            place = state.block(np.stack([carried, shift, weight, bias]))
            state.operations.append(Operation(Kind.DENSE, place=place))
        return
    share = 1.0 / layer.initial_weight_std**2 if layer.trained else 0.0
    if state.operations:
        state.operations[-1] = state.operations[-1].followed_by(share)
    else:
        state.operations.append(Operation(Kind.PLAIN, weight=share))


def _lower_activation(
    state: _Lowering, layer: ActivationLayer, before: Moments, after: Moments
) -> bool:
    """Add the operation of an activation; return whether it is exact enough."""
    std = before.second.std1[:, 0]
    features = after.second.std1[:, 0]
    state.dead |= features == 0
    found = activation_operation(layer.activation, std, features, state.terms, state.acute)
    if found.is_smooth and state.activations and std.max(initial=0.0) > LARGEST_STD:
        return False
    state.angular &= not found.is_smooth
    state.activations += 1
    state.acute = found.acute
    operation = found.operation
    if found.vectors is not None:
        operation = operation.at(state.block(found.vectors))
    if found.series is not None:
        state.series.append(found.series)
        state.size += found.series.basis.nbytes
        state.terms += len(found.series.coefficients)
    state.operations.append(operation)
    return True


def _angle_form(
    state: _Lowering, hidden: Sequence[Layer], std: Array, fan_in: int
) -> AngleForm | None:
    """Return the hidden layers as a function of the angle, where they are one and it pays."""
    alive = std[~state.dead]
    if not state.angular or state.activations < 3 or not len(alive):
        return None
    if state.plain:
        return angle_form(tuple(hidden), 1.0, fan_in)
    equal = alive.max() - alive.min() <= EQUAL * alive.max()
    return angle_form(tuple(hidden), float(alive[0]), fan_in) if equal else None
