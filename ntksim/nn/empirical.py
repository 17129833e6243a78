"""Kernels of one finite network, layer by layer and tile by tile."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ntksim.nn.layers.base import Layer, Sensitivity
from ntksim.nn.layers.composite import Serial
from ntksim.nn.layers.fixed import ActivationLayer
from ntksim.nn.recycling import in_force
from ntksim.nn.tiles import slices, tile_pairs
from ntksim.types import Array, Params

POINTS, ROWS = 256, 2048
"""Most points in a tile, and rows of a tile that keeps the outputs apart: products of such tiles
run at full speed, and what is done with the results stays in the cache."""


class Wanted(NamedTuple):
    """Which kernels are computed; ``full`` keeps the outputs of the tangent kernel apart."""

    ntk: bool = True
    nngp: bool = True
    full: bool = False


class _Side(NamedTuple):
    """A tile of points: its last hidden features, sensitivities of the last layer and of others."""

    hidden: Array
    last: Sensitivity
    before: Sensitivity


class FiniteKernels:
    """Kernels of layers with parameters ``params``: a sum over layers of products of Gram matrices.

    The tangent kernel takes of each layer that of its inputs and that of the derivatives of the
    outputs in its pre-activations (structured derivatives, Novak et al. 2022); the kernel of the
    prior is the covariance of an output over the last layer given its inputs. No Jacobian is
    formed. ``point_floats`` are the numbers of an input and ``units`` those of all layers of a
    point; ``held_bytes`` bounds what is kept of the points of one side.
    """

    def __init__(
        self, layers: tuple[Layer, ...], params: Params, outputs: int, point_floats: int, units: int
    ) -> None:
        self._hidden, self._last = Serial(*layers[:-1]), layers[-1]
        number = sum(layer.has_parameters for layer in layers[:-1])
        self._params = params
        self._own = {
            name.partition(".")[2]: value
            for name, value in params.items()
            if name.startswith(f"{number}.")
        }
        self._outputs = outputs
        self._point_floats, self._units = point_floats, units
        weight = self._own.get("weight")
        is_separable = len(layers) > 1 and isinstance(layers[-2], ActivationLayer)
        self._separable_units = len(weight) if weight is not None and is_separable else 0

    def between(
        self, x1: Array, x2: Array | None, wanted: Wanted, held_bytes: int
    ) -> tuple[Array | None, Array | None]:
        """Return tangent kernel, summed over outputs, and prior kernel; ``None`` if not known."""
        with in_force():
            return self._between(x1, x2, wanted, held_bytes)

    def _between(
        self, x1: Array, x2: Array | None, wanted: Wanted, held_bytes: int
    ) -> tuple[Array | None, Array | None]:
        other, k = x1 if x2 is None else x2, self._outputs
        n, m = len(x1), len(other)
        ntk = np.empty((n, k, m, k) if wanted.full else (n, m)) if wanted.ntk else None
        nngp = np.empty((n, m)) if wanted.nngp else None
        points, held = self._tiles(wanted, held_bytes)
        for rows, columns, left, right in tile_pairs(
            slices(n, points),
            None if x2 is None else slices(m, points),
            held,
            lambda tile: self._side(x1[tile], wanted),
            lambda tile: self._side(other[tile], wanted),
        ):
            mirrored = x2 is None and rows != columns
            tangent, prior = self._contracted(left, right, wanted)
            if prior is None:
                nngp = None
            if nngp is not None:
                nngp[rows, columns] = prior
                if mirrored:
                    nngp[columns, rows] = nngp[rows, columns].T
            if ntk is not None and wanted.full:
                ntk[rows, :, columns] = tangent
                if mirrored:
                    ntk[columns, :, rows] = ntk[rows, :, columns].transpose(2, 3, 0, 1)
            elif ntk is not None:
                ntk[rows, columns] = tangent
                if mirrored:
                    ntk[columns, rows] = ntk[rows, columns].T
        return ntk, nngp

    def _tiles(self, wanted: Wanted, held_bytes: int) -> tuple[int, int]:
        """Return the points of a tile, and how many tiles are held."""
        k = self._outputs if wanted.ntk else 0
        held = self._point_floats + self._units * (1 + k)
        if k > 1:
            held -= (k - 1) * self._separable_units  # cotangents of all outputs, kept as factors
        most = min(POINTS, ROWS // k) if wanted.full else POINTS
        points = max(1, min(most, held_bytes // (8 * (held + self._units))))
        return points, held_bytes // (8 * held * points)

    def _side(self, x: Array, wanted: Wanted) -> _Side:
        hidden, tape = self._hidden.forward(self._params, x)
        if not wanted.ntk:
            return _Side(hidden, None, None)
        _, last_tape = self._last.forward(self._own, hidden)
        further = self._hidden.has_trained_parameters
        unit_vectors = np.eye(self._outputs)[:, None, :]
        last, cotangent = self._last.sensitivity(
            self._own, last_tape, unit_vectors, to_input=further
        )
        before = None
        if further:
            before, _ = self._hidden.sensitivity(self._params, tape, cotangent, to_input=False)
        return _Side(hidden, last, before)

    def _contracted(
        self, left: _Side, right: _Side, wanted: Wanted
    ) -> tuple[Array | None, Array | None]:
        hidden, last = (left.hidden, right.hidden), (left.last, right.last)
        if not wanted.ntk:
            return None, self._last.output_covariance(self._own, *hidden)
        prior = None
        if wanted.nngp:
            tangent, prior = self._last.contract_and_covariance(
                self._own, hidden, last, full=wanted.full
            )
        else:
            tangent = self._last.contract(*last, full=wanted.full)
        return tangent + self._hidden.contract(left.before, right.before, full=wanted.full), prior
