"""Loops over pairs of points, compiled so that they run in packed instructions.

A row of pairs is worked on in pieces of ``PIECE`` neighbours that stay in the cache, through all
layers before the next piece. Small functions on contiguous slices that start at 0 are what LLVM
turns into packed instructions. The state of a pair, with ρ its correlation, σ the deviations of its
two points and Θ the tangent kernel, is

    rho = ρ,   gap = 1 − |ρ|,   tau = Θ / σσ′.

gap is carried on its own because 1 − |ρ| has no digits left where ρ is near ±1. By Price's law an
activation multiplies tau by dρ′/dρ.

numba is imported here, so this module is imported when a kernel is first asked for. It imports
nothing of ntksim: the compiled code, which is cached, must not depend on other files.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])

PIECE = 256
"""Pairs that are worked on at a time; their state takes 10 KB."""

TALL = 64
"""Rows of a tile that is mirrored while it is in the cache."""

DENSE, PIECEWISE, RECTIFIED, ERF, GELU, SERIES, ANGLE = range(7)
"""Kinds of operations."""

MARK, LEAST = 2.0**900, 1e-200
"""Encoding of near-parallel pairs: ±MARK (LEAST + 1 − |ρ|), which no correlation can be."""

OPTIONS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
"""Products may be contracted with sums; nothing else about the arithmetic is relaxed."""


def _compiled(function: Function) -> Function:
    """Compile when first called, for this processor, and keep the result on disk.

    Where no folder can be written the code is compiled anew in every process.
    """
    try:
        compiled: Any = numba.njit(cache=True, **OPTIONS)(function)
    except RuntimeError:
        compiled = numba.njit(**OPTIONS)(function)
    return compiled


@_compiled
def _angle_factor(x: Any) -> Any:
    """arccos(1 − x) / (π √x) on [0, 1], to 1e-16."""
    a = 1.527104740182858e-06
    a = a * x - 1.1261280138402475e-05
    a = a * x + 3.955053770370357e-05
    a = a * x - 8.557648187341667e-05
    a = a * x + 0.00012754304139369471
    a = a * x - 0.00013687625959514212
    a = a * x + 0.00011080327258598078
    a = a * x - 6.525326994907856e-05
    a = a * x + 3.460419989822555e-05
    a = a * x - 2.2873114960199797e-06
    a = a * x + 2.3195458675430442e-05
    a = a * x + 4.8544795153372625e-05
    a = a * x + 0.00012213551482788204
    a = a * x + 0.00031471098117365757
    a = a * x + 0.0008547930425932389
    a = a * x + 0.0025120432714529307
    a = a * x + 0.00844046546442507
    a = a * x + 0.03751317983987564
    return a * x + 0.45015815807855303


@_compiled
def _versine_factor(x: Any) -> Any:
    """(sin θ − θ cos θ) / (π x√x) on [0, 1] for θ = arccos(1 − x), to 1e-16."""
    a = 1.649376186704804e-07
    a = a * x - 1.0320320210270318e-06
    a = a * x + 3.122797236559908e-06
    a = a * x - 5.7194460595988465e-06
    a = a * x + 7.229972599882493e-06
    a = a * x - 6.260420548328054e-06
    a = a * x + 4.471610999228698e-06
    a = a * x - 1.1711648904343405e-06
    a = a * x + 2.840347225937841e-06
    a = a * x + 5.597039148010689e-06
    a = a * x + 1.6307253182092548e-05
    a = a * x + 4.841407302919641e-05
    a = a * x + 0.00015541717475577531
    a = a * x + 0.0005582318249220994
    a = a * x + 0.002411561561610428
    a = a * x + 0.015005271935946796
    return a * x + 0.3001054387190354


@_compiled
def _arcsine_factor(x: Any) -> Any:
    """arcsin(√x) / √x on [0, 1/4], to 1e-16."""
    a = 0.03187962140081284
    a = a * x - 0.016187392271599134
    a = a * x + 0.019513468251252167
    a = a * x + 0.0065293020047365695
    a = a * x + 0.012170138592391726
    a = a * x + 0.01388484282640208
    a = a * x + 0.01735977964134998
    a = a * x + 0.022371749733164054
    a = a * x + 0.03038195969768514
    a = a * x + 0.044642856805998936
    a = a * x + 0.07500000000385201
    a = a * x + 0.16666666666664942
    return a * x + 1.0


@_compiled
def _decode(values: Any, rho: Any, gap: Any, tau: Any) -> None:
    """Read correlations, and the gaps of near-parallel pairs."""
    for j in range(values.size):
        value = values[j]
        size = abs(value)
        near = size > 1.5
        small = (size - MARK * LEAST) * (1.0 / MARK) if near else 1.0 - size
        gap[j] = small
        rho[j] = math.copysign(1.0 - small, value) if near else value
        tau[j] = 0.0


@_compiled
def _plain(rho: Any, tau: Any, weight: Any) -> None:
    """A dense layer without bias: what its weights add to the tangent kernel."""
    for j in range(rho.size):
        tau[j] += weight * rho[j]


@_compiled
def _dense(
    rho: Any, gap: Any, tau: Any, left: Any, p2: Any, q2: Any, weight2: Any, bias2: Any
) -> None:
    """A dense layer with (p, q) the shares of carried deviation and bias, p² + q² = 1.

    1 − ρ′ = pp′ (1 − ρ) + ½[(p − p′)² + (q − q′)²], where nothing cancels.
    """
    p, q, weight, bias = left[0], left[1], left[2], left[3]
    for j in range(rho.size):
        carried, constant = p * p2[j], q * q2[j]
        between = 0.5 * ((p - p2[j]) ** 2 + (q - q2[j]) ** 2)
        acute = rho[j] >= 0.0
        deficit = gap[j] if acute else 2.0 - gap[j]
        surplus = 2.0 - gap[j] if acute else gap[j]
        deficit = carried * deficit + between
        surplus = carried * surplus + (2.0 * constant + between)
        tau[j] = carried * tau[j] + weight * weight2[j] * rho[j] + bias * bias2[j]
        rho[j] = carried * rho[j] + constant
        gap[j] = min(deficit, surplus)


@_compiled
def _piecewise(rho: Any, gap: Any, tau: Any, v: Any, w: Any, weight: Any) -> None:
    """An activation with slopes 1 and b: ρ′ = v ρ + w κ₁(ρ), v = 2b/(1+b²), w = 1 − v.

    From κ₁(ρ) = κ₁(−ρ) + ρ and 1 − κ₁ = x − h for x = 1 − |ρ|.
    """
    for j in range(rho.size):
        x = gap[j]
        root = math.sqrt(x)
        theta = root * _angle_factor(x)
        h = w * (x * root * _versine_factor(x))
        acute = rho[j] >= 0.0
        deficit = x - h if acute else ((1.0 + v) - v * x) - h
        new = 1.0 - deficit if acute else v * (x - 1.0) + h
        rho[j] = new
        gap[j] = min(deficit, 2.0 - deficit)
        tau[j] = tau[j] * (v + w * (1.0 - theta if acute else theta)) + weight * new


@_compiled
def _rectified(rho: Any, gap: Any, tau: Any, v: Any, w: Any, weight: Any) -> None:
    """The same where no correlation is negative, before and after."""
    for j in range(rho.size):
        x = gap[j]
        root = math.sqrt(x)
        theta = root * _angle_factor(x)
        x -= w * (x * root * _versine_factor(x))
        rho[j] = 1.0 - x
        gap[j] = x
        tau[j] = tau[j] * (v + w * (1.0 - theta)) + weight * (1.0 - x)


@_compiled
def _erf(
    rho: Any,
    gap: Any,
    tau: Any,
    left: Any,
    p2: Any,
    rest2: Any,
    inverse2: Any,
    h2: Any,
    half_angle2: Any,
    slope2: Any,
    weight: Any,
) -> None:
    """ρ′ = arcsin(r)/(hh′), r = pp′ρ, p² = 2σ²/(1 + 2σ²), h² = arcsin p² (Williams 1998).

    1 − |ρ′| from arccos |r| − ½(arccos p² + arccos p′²), so that its rounding error is that of the
    angles, which are small where σ is large.
    """
    p, rest, inverse, h, half_angle, slope = left[0], left[1], left[2], left[3], left[4], left[5]
    for j in range(rho.size):
        product = p * p2[j]
        r = product * abs(rho[j])
        x = product * gap[j] + (0.5 * (p - p2[j]) ** 2 + (rest + rest2[j]))
        large = r > 0.5
        y = math.sqrt(0.5 * x) if large else r
        y = y * _arcsine_factor(0.5 * x if large else r * r)
        arcsine = 0.5 * math.pi - 2.0 * y if large else y
        arccosine = 2.0 * y if large else 0.5 * math.pi - y
        scale = inverse * inverse2[j]
        missing = (arccosine - (half_angle + half_angle2[j])) - 0.5 * (h - h2[j]) ** 2
        new = math.copysign(arcsine * scale, rho[j])
        tau[j] = tau[j] * (slope * slope2[j] / math.sqrt(x * (1.0 + r))) + weight * new
        gap[j] = max(missing * scale, 0.0)
        rho[j] = new


@_compiled
def _gelu(rho: Any, gap: Any, tau: Any, left: Any, p2: Any, d2: Any, k2: Any, weight: Any) -> None:
    """ρ′ = kk′ [ρ P + pp′ ((1 − ρ²) + ρ² (d + d′)) / 2πR], by Stein's identity.

    Here d = 1/(1 + σ²), p² = 1 − d, k = σ/σ′ for features of deviation σ′, R² = 1 − p²p′²ρ², and
    P = 1/4 + arcsin(pp′ρ)/2π is the probability that both arguments are positive.
    """
    p, d, k = left[0], left[1], left[2]
    for j in range(rho.size):
        product = p * p2[j]
        r = product * abs(rho[j])
        x = product * gap[j] + (0.5 * (p - p2[j]) ** 2 + 0.5 * (d + d2[j]))
        large = r > 0.5
        y = math.sqrt(0.5 * x) if large else r
        y = y * _arcsine_factor(0.5 * x if large else r * r)
        arcsine = math.copysign(0.5 * math.pi - 2.0 * y if large else y, rho[j])
        both = 0.25 + (0.5 / math.pi) * arcsine
        square = x * (1.0 + r)
        inverse = 1.0 / math.sqrt(square)
        q = (0.5 / math.pi) * product * inverse
        damping, scale = d + d2[j], k * k2[j]
        old = rho[j]
        new = scale * (old * both + q * (gap[j] * (2.0 - gap[j]) + old * old * damping))
        slope = both + old * q * (damping + d * d2[j] * (inverse * inverse))
        tau[j] = tau[j] * (scale * slope) + weight * new
        gap[j] = max(1.0 - abs(new), 0.0)
        rho[j] = new


@_compiled
def _largest(rho: Any) -> Any:
    """Largest |ρ|."""
    largest = 0.0
    for j in range(rho.size):
        largest = max(largest, abs(rho[j]))
    return largest


@_compiled
def _series_term(sums: Any, slopes: Any, rho: Any, own: Any, others: Any) -> None:
    """One step of Horner's rule for a series and its derivative."""
    for j in range(rho.size):
        slopes[j] = slopes[j] * rho[j] + sums[j]
        sums[j] = sums[j] * rho[j] + own * others[j]


@_compiled
def _series_end(rho: Any, gap: Any, tau: Any, sums: Any, slopes: Any, weight: Any) -> None:
    for j in range(rho.size):
        new = min(max(sums[j], -1.0), 1.0)
        tau[j] = tau[j] * slopes[j] + weight * new
        gap[j] = 1.0 - abs(new)
        rho[j] = new


@_compiled
def _angle(rho: Any, gap: Any, z: Any) -> None:
    """2θ/π − 1 with θ the angle of the pair."""
    for j in range(rho.size):
        theta = math.sqrt(gap[j]) * _angle_factor(gap[j])
        z[j] = 2.0 * (theta if rho[j] >= 0.0 else 1.0 - theta) - 1.0


@_compiled
def _horner8(first: Any, second: Any, z: Any, a: Any, b: Any) -> None:
    """Eight steps of Horner's rule for two polynomials."""
    a0, a1, a2, a3, a4, a5, a6, a7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
    b0, b1, b2, b3, b4, b5, b6, b7 = b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]
    for j in range(z.size):
        x = z[j]
        y = first[j]
        y = (((y * x + a0) * x + a1) * x + a2) * x + a3
        first[j] = (((y * x + a4) * x + a5) * x + a6) * x + a7
        y = second[j]
        y = (((y * x + b0) * x + b1) * x + b2) * x + b3
        second[j] = (((y * x + b4) * x + b5) * x + b6) * x + b7


@_compiled
def _outputs(
    nngp: Any, ntk: Any, rho: Any, tau: Any, left: Any, carried2: Any, weight2: Any, ends: Any
) -> None:
    """The last dense layer, which gives covariances instead of correlations."""
    carried, weight = left[0], left[1]
    variance, bias = ends[0], ends[1]
    for j in range(rho.size):
        product = carried * carried2[j]
        ntk[j] = product * tau[j] + (weight * weight2[j] * rho[j] + bias)
        nngp[j] = product * rho[j] + variance


@_compiled
def _through_layers(
    values: Any,
    ntk: Any,
    row: int,
    columns: slice,
    table_row: int,
    table_columns: slice,
    kinds: Any,
    scalars: Any,
    left: Any,
    right: Any,
    left_table: Any,
    right_table: Any,
    polynomials: Any,
    ends: Any,
    state: Any,
) -> None:
    """Take one piece of a row through all layers; ``values`` becomes the covariances."""
    n = values.size
    rho, gap, tau = state[0, :n], state[1, :n], state[2, :n]
    more, most = state[3, :n], state[4, :n]
    _decode(values, rho, gap, tau)
    for step in range(kinds.shape[0]):
        kind, place = kinds[step, 0], kinds[step, 1]
        v, w, weight = scalars[step, 0], scalars[step, 1], scalars[step, 2]
        own = left[place, :, row]
        # One by one: a slice of one row is known to be contiguous, a row of a slice is not.
        r0, r1 = right[place, 0, columns], right[place, 1, columns]
        r2, r3 = right[place, 2, columns], right[place, 3, columns]
        r4, r5 = right[place, 4, columns], right[place, 5, columns]
        if kind == DENSE:
            if v > 0.0:
                _dense(rho, gap, tau, own, r0, r1, r2, r3)
            else:
                _plain(rho, tau, weight)
        elif kind == PIECEWISE:
            _piecewise(rho, gap, tau, v, w, weight)
        elif kind == RECTIFIED:
            _rectified(rho, gap, tau, v, w, weight)
        elif kind == ERF:
            _erf(rho, gap, tau, own, r0, r1, r2, r3, r4, r5, weight)
        elif kind == GELU:
            _gelu(rho, gap, tau, own, r0, r1, r2, weight)
        elif kind == SERIES:
            more[:] = 0.0
            most[:] = 0.0
            largest, terms = _largest(rho), int(w)
            for reach in scalars[step, 3:]:
                terms = (terms + 1) // 2 if largest <= reach else terms
            for term in range(int(v) + terms - 1, int(v) - 1, -1):
                _series_term(
                    more, most, rho, left_table[term, table_row], right_table[term, table_columns]
                )
            _series_end(rho, gap, tau, more, most, weight)
        else:
            _angle(rho, gap, more)
            rho[:] = 0.0
            tau[:] = 0.0
            for start in range(0, polynomials.shape[1], 8):
                part = slice(start, start + 8)
                _horner8(rho, tau, more, polynomials[0, part], polynomials[1, part])
    last = left.shape[0] - 1
    carried, weights = right[last, 0, columns], right[last, 1, columns]
    _outputs(values, ntk, rho, tau, left[last, :, row], carried, weights, ends)


@_compiled
def kernel_block(
    nngp: Any,
    ntk: Any,
    block: tuple[int, int, int, int],
    symmetric: bool,
    kinds: Any,
    scalars: Any,
    left: Any,
    right: Any,
    left_table: Any,
    right_table: Any,
    polynomials: Any,
    ends: Any,
) -> None:
    """Turn the encoded correlations in a block of ``nngp`` into both kernels.

    ``block`` are first row, last, first column and last, the last ones left out; the tables are
    those of its points alone. Where ``symmetric``, only what is right of the diagonal is read, and
    mirrored.
    """
    state = np.empty((5, PIECE))
    first_row, last_row, first_column, last_column = block
    for top in range(first_row, last_row, TALL):
        bottom = min(top + TALL, last_row)
        for start in range(first_column, last_column, PIECE):
            end = min(start + PIECE, last_column)
            for i in range(top, bottom):
                begin = max(start, i) if symmetric else start
                if begin < end:
                    columns = slice(begin, end)
                    _through_layers(
                        nngp[i, columns],
                        ntk[i, columns],
                        i,
                        columns,
                        i - first_row,
                        slice(begin - first_column, end - first_column),
                        kinds,
                        scalars,
                        left,
                        right,
                        left_table,
                        right_table,
                        polynomials,
                        ends,
                        state,
                    )
            if symmetric:
                for j in range(max(start, top + 1), end):
                    for i in range(top, min(bottom, j)):
                        nngp[j, i] = nngp[i, j]
                        ntk[j, i] = ntk[i, j]


@_compiled
def near_parallel(
    panel: Any, row: int, offset: int, threshold: float, rows: Any, columns: Any
) -> tuple[int, int]:
    """List pairs with 1 − |ρ| below the threshold, from ``row`` on, as many rows as fit the lists.

    In row i only columns from i + ``offset`` on are looked at. Returns how many and the next row.
    """
    count = 0
    limit = 1.0 - threshold
    while row < panel.shape[0] and count + panel.shape[1] <= rows.size:
        begin = max(row + offset, 0)
        for start in range(begin, panel.shape[1], PIECE):
            part = panel[row, start : min(start + PIECE, panel.shape[1])]
            if _any_above(part, limit):
                for j in range(part.size):
                    if abs(part[j]) > limit:
                        rows[count], columns[count] = row, start + j
                        count += 1
        row += 1
    return count, row


@_compiled
def _any_above(values: Any, limit: Any) -> bool:
    count = 0
    for j in range(values.size):
        count += 1 if abs(values[j]) > limit else 0
    return count > 0
