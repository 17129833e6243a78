"""Kernels of a finite network with one hidden layer, a piece of its units at a time."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ntksim.nn.empirical import Wanted
from ntksim.nn.layers.base import Layer
from ntksim.nn.layers.dense import Dense
from ntksim.nn.layers.fixed import ActivationLayer
from ntksim.nn.recycling import in_force
from ntksim.nn.tiles import slices, tile_pairs
from ntksim.types import Array, Params

Shallow: TypeAlias = tuple[Dense, ActivationLayer, Dense]

FEATURES, FEWEST = 2**20, 256
"""Features of all points in a piece, and units that it has at least: few enough to stay near the
processor, enough for products at full speed."""

TILE = 256
"""Points of a tile of the kernels, which is finished while it is in the cache."""


def shallow(layers: tuple[Layer, ...]) -> Shallow | None:
    """Return the layers if they are a hidden dense one, its activation and a dense read-out."""
    match layers:
        case (Dense() as hidden, ActivationLayer() as activation, Dense() as readout):
            return hidden, activation, readout
        case _:
            return None


class ShallowKernels:
    """Kernels of f_k(x) = s₂ Σ_u w_uk φ(z_u) + β₂ c_k with z_u = s₁ v_u·x + β₁ b_u.

    The tangent kernel, summed over the outputs k = 1…K, and the covariance of an output over the
    read-out, given the rest, are

        Θ(x, x′) = K (s₂² Σ_u φ(z_u) φ(z′_u) + β₂²)
                 + (s₁² x·x′ + β₁²) Σ_u ρ_u² φ′(z_u) φ′(z′_u),     ρ_u² = s₂² Σ_k w_uk²,
        Σ(x, x′) = σ² s₂² Σ_u φ(z_u) φ(z′_u) + τ² β₂²,

    σ and τ being the initial deviations of w and c; terms of layers that are not trained are left
    out (the sum over layers of Jacot et al. 2018, at finite width). Both sums over u are added up
    piece by piece: features are computed once, and what is held beside the kernels does not grow
    with the width.
    """

    def __init__(self, layers: Shallow, params: Params) -> None:
        self._hidden, self._activation, self._readout = layers
        self._first = {n.partition(".")[2]: v for n, v in params.items() if n.startswith("0.")}
        self._last = {n.partition(".")[2]: v for n, v in params.items() if n.startswith("1.")}

    def between(
        self, x1: Array, x2: Array | None, wanted: Wanted
    ) -> tuple[Array | None, Array | None]:
        """Return the kernels of inputs (N, D) and (M, D), (N, M) each, or ``None``.

        ``wanted.full`` is for networks of one output, which it leaves alone.
        """
        with in_force():
            features, slopes = self._sums(x1, x2, wanted)
        width, outputs = self._last["weight"].shape
        other = x1 if x2 is None else x2
        ntk = nngp = None
        if wanted.ntk:
            ntk = np.zeros((len(x1), len(other))) if slopes is None else slopes
        if wanted.nngp:
            nngp = features
        columns = None if x2 is None else slices(len(x2), TILE)
        for row, column, left, right in tile_pairs(
            slices(len(x1), TILE), columns, 1, lambda tile: x1[tile], lambda tile: other[tile]
        ):
            tangent: Array | float = 0.0
            if slopes is not None:
                tangent = self._hidden.parameter_gram(left @ right.T, x1.shape[-1])
                tangent *= slopes[row, column]
            if features is not None and self._readout.trained:
                own = self._readout.parameter_gram(features[row, column].copy(), width)
                own *= outputs
                tangent = np.add(tangent, own, out=own)
            mirrored = x2 is None
            if ntk is not None:
                _put(ntk, row, column, tangent, mirrored=mirrored)
            if nngp is not None:
                prior = self._readout.covariance_of_gram(nngp[row, column], width)
                _put(nngp, row, column, prior, mirrored=mirrored)
        return ntk, nngp

    def _sums(
        self, x1: Array, x2: Array | None, wanted: Wanted
    ) -> tuple[Array | None, Array | None]:
        """Return both sums over the units, symmetric ones on and above the diagonal alone."""
        shape = len(x1), len(x1 if x2 is None else x2)
        needs_features = wanted.nngp or self._readout.trained
        features = np.zeros(shape) if needs_features else None
        slopes = np.zeros(shape) if wanted.ntk and self._hidden.trained else None
        width, outputs = self._last["weight"].shape
        cotangents = self._readout.pullback(self._last, np.eye(outputs))
        size = np.hypot.reduce(cotangents, axis=0)  # no square that leaves the floats
        for units in slices(width, max(FEWEST, FEATURES // max(1, *shape))):
            piece = {name: value[..., units] for name, value in self._first.items()}
            before = [
                self._hidden.forward(piece, x)[0] for x in ((x1,) if x2 is None else (x1, x2))
            ]
            if features is not None:
                _add_gram(features, *(self._activation.forward({}, z)[0] for z in before))
            if slopes is not None:
                rho = size[None, units]
                _add_gram(slopes, *(self._activation.pullback(z, rho) for z in before))
        return features, slopes


def _add_gram(total: Array, left: Array, right: Array | None = None) -> None:
    """Add ``left`` · ``right``ᵀ, or of ``left`` · ``left``ᵀ what is on and above the diagonal."""
    from scipy.linalg import blas  # here, as who only looks at a study has no use for it

    if not total.size:
        return
    # To BLAS a C-ordered matrix is its transpose.
    if right is None:
        syrk: Any = blas.get_blas_funcs("syrk", dtype=np.float64)
        syrk(1.0, left.T, 1.0, total.T, trans=1, lower=1, overwrite_c=1)
    else:
        gemm: Any = blas.get_blas_funcs("gemm", dtype=np.float64)
        gemm(1.0, right.T, left.T, 1.0, total.T, trans_a=1, overwrite_c=1)


def _put(kernel: Array, row: slice, column: slice, value: Array | float, *, mirrored: bool) -> None:
    """Write a tile and its mirror image, which on the diagonal is that of the upper half."""
    kernel[row, column] = value
    if mirrored and row == column:
        tile = kernel[row, column]
        lower = np.tril_indices(len(tile), -1)
        tile[lower] = tile.T[lower]
    elif mirrored:
        kernel[column, row] = kernel[row, column].T
