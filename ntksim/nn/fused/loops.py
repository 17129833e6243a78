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
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

PIECE = 256
"""Pairs that are worked on at a time; their state takes 12 KB."""

TALL = 128
"""Rows that are mirrored at a time: long columns make few jumps, and the rows stay in the cache."""

PLAIN, BIASED, DENSE, PIECEWISE, RECTIFIED, ERF, GELU, SERIES, ANGLE = range(9)
"""Kinds of operations."""

MARK, LEAST = 2.0**900, 1e-200
"""Encoding of near-parallel pairs: ±MARK (LEAST + 1 − |ρ|), which no correlation can be."""

OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
"""Nothing about the arithmetic is relaxed. A compiler that may contract products with sums decides
for each copy of a function by itself, and bits would depend on whether the code was cached."""


def _compiled(function: Function) -> Function:
    """Compile when first called, for this processor, and keep the result on disk.

    Where no folder can be written the code is compiled anew in every process.
    """
    try:
        compiled: Any = numba.njit(cache=True, **OPTIONS)(function)
    except RuntimeError:
        compiled = numba.njit(**OPTIONS)(function)
    return compiled


def _fused(typing_context: Any, x: Any, y: Any, z: Any) -> Any:
    """x·y + z with one rounding."""
    del typing_context, x, y, z
    number = types.float64

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        return builder.fma(*arguments)

    return number(number, number, number), generate


_fma: Any = intrinsic(_fused)


def _turning(typing_context: Any, target: Any, to: Any, source: Any, of: Any) -> Any:
    """Transpose four rows by four columns of ``source`` from ``of`` on into ``target`` at ``to``.

    In registers: stores of four neighbours wait for a quarter of the lines of the cache at a time.
    """
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.DoubleType(), 4)
        choice = ir.VectorType(ir.IntType(32), 4)
        place = context.get_value_type(types.intp)

        def rows(kind: Any, array: Any, corner: Any) -> list[Any]:
            view = context.make_array(kind)(context, builder, array)
            row, column = cgutils.unpack_tuple(builder, corner)
            items = [
                cgutils.get_item_pointer(
                    context, builder, kind, view, [builder.add(row, place(k)), column]
                )
                for k in range(4)
            ]
            return [builder.bitcast(item, vector.as_pointer()) for item in items]

        def mixed(one: Any, other: Any, *lanes: int) -> Any:
            return builder.shuffle_vector(one, other, ir.Constant(choice, list(lanes)))

        places = rows(signature.args[2], arguments[2], arguments[3])
        a, b, c, d = (builder.load(row, align=8) for row in places)
        even, odd = mixed(a, b, 0, 4, 2, 6), mixed(a, b, 1, 5, 3, 7)
        even2, odd2 = mixed(c, d, 0, 4, 2, 6), mixed(c, d, 1, 5, 3, 7)
        turned = (
            mixed(even, even2, 0, 1, 4, 5),
            mixed(odd, odd2, 0, 1, 4, 5),
            mixed(even, even2, 2, 3, 6, 7),
            mixed(odd, odd2, 2, 3, 6, 7),
        )
        for row, pointer in zip(turned, rows(signature.args[0], *arguments[:2]), strict=True):
            builder.store(row, pointer, align=8)
        return context.get_dummy_value()

    return types.void(target, to, source, of), generate


_turn: Any = intrinsic(_turning)


@_compiled
def _arccosine(rho: Any) -> tuple[Any, Any, Any]:
    """Numerators a, b and denominator q of two functions of θ = arccos ρ, ρ in [0, 1].

    With x = 1 − ρ: θ/π = √x a/q and (sin θ − θ cos θ)/π = x√x b/q, each to 2e-16. All coefficients
    are positive, so nothing cancels; the poles lie on ρ ≤ −1, where the functions branch.
    """
    q = 0.00018200545233061461
    q = _fma(q, rho, 0.011473458450057376)
    q = _fma(q, rho, 0.16793629501525484)
    q = _fma(q, rho, 0.92469729613505182)
    q = _fma(q, rho, 2.2610402221941022)
    q = _fma(q, rho, 2.4850160397640860)
    q = _fma(q, rho, 1.0)
    a = 2.0010154881377467e-9
    a = _fma(a, rho, 2.1245923962987651e-05)
    a = _fma(a, rho, 0.0028029278147971153)
    a = _fma(a, rho, 0.055435201601298740)
    a = _fma(a, rho, 0.36216731390538731)
    a = _fma(a, rho, 0.98911400516292924)
    a = _fma(a, rho, 1.1741981336982697)
    a = _fma(a, rho, 0.5)
    b = 1.8662226360230159e-05
    b = _fma(b, rho, 0.0022358156141512068)
    b = _fma(b, rho, 0.041296436044635693)
    b = _fma(b, rho, 0.25579790984954581)
    b = _fma(b, rho, 0.66969717476208394)
    b = _fma(b, rho, 0.76847000205787246)
    return a, _fma(b, rho, 0.31830988618379067), q


@_compiled
def _arcsine_factor(x: Any) -> Any:
    """arcsin(√x) / √x on [0, 1/4], to 1e-16."""
    a = 0.03187962140081284
    a = _fma(a, x, -0.016187392271599134)
    a = _fma(a, x, 0.019513468251252167)
    a = _fma(a, x, 0.0065293020047365695)
    a = _fma(a, x, 0.012170138592391726)
    a = _fma(a, x, 0.01388484282640208)
    a = _fma(a, x, 0.01735977964134998)
    a = _fma(a, x, 0.022371749733164054)
    a = _fma(a, x, 0.03038195969768514)
    a = _fma(a, x, 0.044642856805998936)
    a = _fma(a, x, 0.07500000000385201)
    a = _fma(a, x, 0.16666666666664942)
    return _fma(a, x, 1.0)


@_compiled
def _decoded(value: Any) -> tuple[Any, Any]:
    """A correlation and its gap, which is encoded where a pair is near-parallel."""
    size = abs(value)
    far, near = 1.0 - size, (size - MARK * LEAST) * (1.0 / MARK)
    gap = near if size > 1.5 else far
    encoded = math.copysign(1.0 - gap, value)
    return encoded if size > 1.5 else value, gap


@_compiled
def _decode(values: Any, rho: Any, gap: Any, tau: Any) -> None:
    for j in range(values.size):
        rho[j], gap[j] = _decoded(values[j])
        if tau is not None:
            tau[j] = 0.0


@_compiled
def _plain(rho: Any, tau: Any, weight: Any) -> None:
    """A dense layer without bias: what its weights add to the tangent kernel."""
    if tau is not None:
        for j in range(rho.size):
            tau[j] = _fma(weight, rho[j], tau[j])


@_compiled
def _dense_step(rho: Any, gap: Any, p: Any, q: Any, p2: Any, q2: Any) -> tuple[Any, Any, Any, Any]:
    """A dense layer with (p, q) the shares of carried deviation and bias, p² + q² = 1.

    1 − ρ′ = pp′ (1 − ρ) + ½[(p − p′)² + (q − q′)²], where nothing cancels. Returns ρ′, its gap, and
    the shares of features and bias in ρ′, of which the first is dρ′/dρ.
    """
    carried, constant = p * p2, q * q2
    apart, other = p - p2, q - q2
    between = 0.5 * _fma(apart, apart, other * other)
    opposite = 2.0 - gap
    acute = rho >= 0.0
    deficit = _fma(carried, gap if acute else opposite, between)
    surplus = _fma(carried, opposite if acute else gap, 2.0 * constant + between)
    return _fma(carried, rho, constant), min(deficit, surplus), carried, constant


@_compiled
def _piecewise_step(rho: Any, gap: Any, v: Any, w: Any) -> tuple[Any, Any, Any]:
    """An activation with slopes 1 and b: ρ′ = v ρ + w κ₁(ρ), v = 2b/(1+b²), w = 1 − v.

    From κ₁(ρ) = κ₁(−ρ) + ρ and 1 − κ₁ = x − h for x = 1 − |ρ|. Returns ρ′, its gap and dρ′/dρ.
    """
    r = 1.0 - gap
    a, b, q = _arccosine(r)
    root = math.sqrt(gap) / q
    theta = root * a
    bend = gap * (root * b)
    # Both sides are there before one is chosen: a branch would not run in packed instructions.
    acute = rho >= 0.0
    level, other_level = r, -v * r
    base, other_base = gap, _fma(-v, gap, 1.0 + v)
    share, other_share = 1.0 - theta, theta
    new = _fma(w, bend, level if acute else other_level)
    deficit = _fma(-w, bend, base if acute else other_base)
    return new, min(deficit, 2.0 - deficit), _fma(w, share if acute else other_share, v)


@_compiled
def _rectified_step(gap: Any, v: Any, w: Any) -> tuple[Any, Any]:
    """The same where no correlation is negative, before and after: the gap and dρ′/dρ."""
    a, b, q = _arccosine(1.0 - gap)
    root = math.sqrt(gap) / q
    return _fma(-w, gap * (root * b), gap), _fma(w, _fma(-root, a, 1.0), v)


@_compiled
def _dense(
    rho: Any, gap: Any, tau: Any, left: Any, p2: Any, q2: Any, weight2: Any, bias2: Any
) -> None:
    """Any dense layer, with what its weights and bias add to the tangent kernel."""
    p, q, weight, bias = left[0], left[1], left[2], left[3]
    for j in range(rho.size):
        new, gap[j], carried, _ = _dense_step(rho[j], gap[j], p, q, p2[j], q2[j])
        if tau is not None:
            own = _fma(weight * weight2[j], rho[j], bias * bias2[j])
            tau[j] = _fma(carried, tau[j], own)
        rho[j] = new


@_compiled
def _biased(
    rho: Any, gap: Any, tau: Any, left: Any, p2: Any, q2: Any, weight: Any, bias: Any
) -> None:
    """One whose weights and bias add multiples of what they add to the covariance."""
    p, q = left[0], left[1]
    for j in range(rho.size):
        new, gap[j], carried, constant = _dense_step(rho[j], gap[j], p, q, p2[j], q2[j])
        if tau is not None:
            tau[j] = _fma(carried, _fma(weight, rho[j], tau[j]), bias * constant)
        rho[j] = new


@_compiled
def _biased_piecewise(
    values: Any,
    rho: Any,
    gap: Any,
    tau: Any,
    left: Any,
    p2: Any,
    q2: Any,
    weight: Any,
    bias: Any,
    v: Any,
    w: Any,
) -> None:
    """The same and an activation behind it; ``values``, if any, are what comes in."""
    p, q = left[0], left[1]
    for j in range(rho.size):
        old, x = (rho[j], gap[j]) if values is None else _decoded(values[j])
        new, x, carried, constant = _dense_step(old, x, p, q, p2[j], q2[j])
        new, gap[j], slope = _piecewise_step(new, x, v, w)
        if tau is not None:
            below = weight * old if values is not None else _fma(weight, old, tau[j])
            tau[j] = _fma(carried, below, bias * constant) * slope
        rho[j] = new


@_compiled
def _biased_rectified(
    rho: Any,
    gap: Any,
    tau: Any,
    left: Any,
    p2: Any,
    q2: Any,
    weight: Any,
    bias: Any,
    v: Any,
    w: Any,
) -> None:
    """The same where no correlation is negative."""
    p, q = left[0], left[1]
    for j in range(rho.size):
        carried, constant = p * p2[j], q * q2[j]
        apart, other = p - p2[j], q - q2[j]
        x = _fma(carried, gap[j], 0.5 * _fma(apart, apart, other * other))
        x, slope = _rectified_step(x, v, w)
        if tau is not None:
            below = _fma(weight, rho[j], tau[j])
            tau[j] = _fma(carried, below, bias * constant) * slope
        gap[j] = x
        rho[j] = 1.0 - x


@_compiled
def _piecewise(
    values: Any, rho: Any, gap: Any, tau: Any, below: Any, v: Any, w: Any, weight: Any
) -> None:
    """An activation that is linear on either side of 0, and a dense layer without bias.

    ``values``, if any, are what comes in, behind a first layer without bias of weight ``below``.
    """
    for j in range(rho.size):
        old, x = (rho[j], gap[j]) if values is None else _decoded(values[j])
        new, gap[j], slope = _piecewise_step(old, x, v, w)
        if tau is not None:
            tau[j] = _fma(slope, tau[j] if values is None else below * old, weight * new)
        rho[j] = new


@_compiled
def _rectified(rho: Any, gap: Any, tau: Any, v: Any, w: Any, weight: Any) -> None:
    """The same where no correlation is negative."""
    for j in range(rho.size):
        x, slope = _rectified_step(gap[j], v, w)
        if tau is not None:
            tau[j] = _fma(slope, tau[j], weight * (1.0 - x))
        gap[j] = x
        rho[j] = 1.0 - x


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
        apart = p - p2[j]
        x = _fma(product, gap[j], _fma(0.5 * apart, apart, rest + rest2[j]))
        large = r > 0.5
        y = math.sqrt(0.5 * x) if large else r
        y = y * _arcsine_factor(0.5 * x if large else r * r)
        arcsine = 0.5 * math.pi - 2.0 * y if large else y
        arccosine = 2.0 * y if large else 0.5 * math.pi - y
        scale = inverse * inverse2[j]
        between = h - h2[j]
        missing = _fma(-0.5 * between, between, arccosine - (half_angle + half_angle2[j]))
        new = math.copysign(arcsine * scale, rho[j])
        if tau is not None:
            steepness = slope * slope2[j] / math.sqrt(x * (1.0 + r))
            tau[j] = _fma(tau[j], steepness, weight * new)
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
        apart = p - p2[j]
        x = _fma(product, gap[j], 0.5 * _fma(apart, apart, d + d2[j]))
        large = r > 0.5
        y = math.sqrt(0.5 * x) if large else r
        y = y * _arcsine_factor(0.5 * x if large else r * r)
        arcsine = math.copysign(0.5 * math.pi - 2.0 * y if large else y, rho[j])
        both = _fma(0.5 / math.pi, arcsine, 0.25)
        square = x * (1.0 + r)
        inverse = 1.0 / math.sqrt(square)
        q = (0.5 / math.pi) * product * inverse
        damping, scale = d + d2[j], k * k2[j]
        old = rho[j]
        spread = _fma(gap[j], 2.0 - gap[j], old * old * damping)
        new = scale * _fma(old, both, q * spread)
        if tau is not None:
            slope = _fma(old * q, _fma(d * d2[j], inverse * inverse, damping), both)
            tau[j] = _fma(tau[j], scale * slope, weight * new)
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
        if slopes is not None:
            slopes[j] = _fma(slopes[j], rho[j], sums[j])
        sums[j] = _fma(sums[j], rho[j], own * others[j])


@_compiled
def _series_terms(
    sums: Any, slopes: Any, rho: Any, own: Any, a: Any, b: Any, c: Any, d: Any
) -> None:
    """Four steps of it."""
    own0, own1, own2, own3 = own[3], own[2], own[1], own[0]
    for j in range(rho.size):
        x, value = rho[j], sums[j]
        value1 = _fma(value, x, own0 * d[j])
        value2 = _fma(value1, x, own1 * c[j])
        value3 = _fma(value2, x, own2 * b[j])
        if slopes is not None:
            slope = _fma(_fma(slopes[j], x, value), x, value1)
            slopes[j] = _fma(_fma(slope, x, value2), x, value3)
        sums[j] = _fma(value3, x, own3 * a[j])


@_compiled
def _series_end(rho: Any, gap: Any, tau: Any, sums: Any, slopes: Any, weight: Any) -> None:
    for j in range(rho.size):
        new = min(max(sums[j], -1.0), 1.0)
        if tau is not None:
            tau[j] = _fma(tau[j], slopes[j], weight * new)
        gap[j] = 1.0 - abs(new)
        rho[j] = new


@_compiled
def _series(
    rho: Any,
    gap: Any,
    tau: Any,
    sums: Any,
    slopes: Any,
    left: Any,
    right: Any,
    columns: slice,
    scalars: Any,
) -> None:
    """An activation by its series; of its terms so many as the largest correlation takes."""
    sums[:] = 0.0
    if slopes is not None:
        slopes[:] = 0.0
    first, terms, largest = int(scalars[0]), int(scalars[1]), _largest(rho)
    for reach in scalars[3:]:
        terms = (terms + 1) // 2 if largest <= reach else terms
    end = first + terms
    while end - first >= 4:
        end -= 4
        _series_terms(
            sums,
            slopes,
            rho,
            left[end : end + 4],
            right[end, columns],
            right[end + 1, columns],
            right[end + 2, columns],
            right[end + 3, columns],
        )
    while end > first:
        end -= 1
        _series_term(sums, slopes, rho, left[end], right[end, columns])
    _series_end(rho, gap, tau, sums, slopes, scalars[2])


@_compiled
def _angle(values: Any, z: Any, first: Any, second: Any) -> None:
    """2θ/π − 1 with θ the angle of the pair; two polynomials in it start at 0."""
    for j in range(values.size):
        value, gap = _decoded(values[j])
        numerator, _, denominator = _arccosine(1.0 - gap)
        theta = math.sqrt(gap) / denominator * numerator
        opposite = 1.0 - theta
        z[j] = 2.0 * (theta if value >= 0.0 else opposite) - 1.0
        first[j] = 0.0
        if second is not None:
            second[j] = 0.0


@_compiled
def _horner8(first: Any, second: Any, z: Any, a: Any, b: Any) -> None:
    """Eight steps of Horner's rule for two polynomials."""
    a0, a1, a2, a3, a4, a5, a6, a7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
    b0, b1, b2, b3, b4, b5, b6, b7 = b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]
    for j in range(z.size):
        x = z[j]
        y = first[j]
        y = _fma(_fma(_fma(_fma(y, x, a0), x, a1), x, a2), x, a3)
        first[j] = _fma(_fma(_fma(_fma(y, x, a4), x, a5), x, a6), x, a7)
        if second is not None:
            y = second[j]
            y = _fma(_fma(_fma(_fma(y, x, b0), x, b1), x, b2), x, b3)
            second[j] = _fma(_fma(_fma(_fma(y, x, b4), x, b5), x, b6), x, b7)


@_compiled
def _outputs(
    nngp: Any,
    ntk: Any,
    values: Any,
    tangents: Any,
    rho: Any,
    tau: Any,
    left: Any,
    carried2: Any,
    weight2: Any,
    ends: Any,
) -> None:
    """The last dense layer, which gives covariances instead of correlations.

    They go into the row of the result and into that of the tile, which is mirrored from there.
    """
    carried, weight = left[0], left[1]
    variance, bias = ends[0], ends[1]
    for j in range(rho.size):
        product = carried * carried2[j]
        if ntk is not None:
            tangent = _fma(product, tau[j], _fma(weight * weight2[j], rho[j], bias))
            ntk[j] = tangent
            tangents[j] = tangent
        covariance = _fma(product, rho[j], variance)
        nngp[j] = covariance
        values[j] = covariance


@_compiled
def _through_layers(
    values: Any,
    tau: Any,
    state: Any,
    columns: slice,
    table_columns: slice,
    kinds: Any,
    scalars: Any,
    left: Any,
    right: Any,
    left_table: Any,
    right_table: Any,
    polynomials: Any,
) -> None:
    """Take one piece of a row through the hidden layers, from ``values`` to ρ and Θ/σσ′.

    ``tau`` is ``None`` where nobody asks for the tangent kernel: then it is not even compiled.
    """
    n = values.size
    rho, gap, sums = state[0, :n], state[1, :n], state[2, :n]
    slopes = None if tau is None else state[3, :n]
    step, steps = 0, kinds.shape[0]
    # What the first layers are decides how correlations come in.
    kind = kinds[0, 0]
    behind = kinds[1, 0] if steps > 1 else ANGLE
    # Whether a dense layer without bias comes behind that, which the merged loops do not know.
    plain_behind = steps > 1 and scalars[1, 2] != 0.0
    if kind == ANGLE:
        _angle(values, sums, rho, tau)
        for start in range(0, polynomials.shape[1], 8):
            part = slice(start, start + 8)
            _horner8(rho, tau, sums, polynomials[0, part], polynomials[1, part])
        return
    if behind == PIECEWISE and kind == PLAIN:
        step, below = 2, scalars[0, 2]
        v, w, weight = scalars[1, 0], scalars[1, 1], scalars[1, 2]
        _piecewise(values, rho, gap, tau, below, v, w, weight)
    elif behind == PIECEWISE and kind == BIASED and not plain_behind:
        step, place = 2, kinds[0, 1]
        p2, q2 = right[place, 0, columns], right[place, 1, columns]
        weight, bias, v, w = scalars[0, 0], scalars[0, 1], scalars[1, 0], scalars[1, 1]
        _biased_piecewise(values, rho, gap, tau, left[place], p2, q2, weight, bias, v, w)
    else:
        _decode(values, rho, gap, tau)
    while step < steps:
        kind, place = kinds[step, 0], kinds[step, 1]
        behind = ANGLE
        if step + 1 < steps and scalars[step + 1, 2] == 0.0:
            behind = kinds[step + 1, 0]
        v, w, weight = scalars[step, 0], scalars[step, 1], scalars[step, 2]
        own = left[place]
        # One by one: a slice of one row is known to be contiguous, a row of a slice is not.
        r0, r1 = right[place, 0, columns], right[place, 1, columns]
        if kind == RECTIFIED:
            _rectified(rho, gap, tau, v, w, weight)
        elif kind == PIECEWISE:
            _piecewise(None, rho, gap, tau, 0.0, v, w, weight)
        elif kind == PLAIN:
            _plain(rho, tau, weight)
        elif kind == BIASED and behind == RECTIFIED:
            step += 1
            next_v, next_w = scalars[step, 0], scalars[step, 1]
            _biased_rectified(rho, gap, tau, own, r0, r1, v, w, next_v, next_w)
        elif kind == BIASED and behind == PIECEWISE:
            step += 1
            next_v, next_w = scalars[step, 0], scalars[step, 1]
            _biased_piecewise(None, rho, gap, tau, own, r0, r1, v, w, next_v, next_w)
        elif kind == BIASED:
            _biased(rho, gap, tau, own, r0, r1, v, w)
        elif kind == SERIES:
            _series(
                rho, gap, tau, sums, slopes, left_table, right_table, table_columns, scalars[step]
            )
        else:
            r2, r3 = right[place, 2, columns], right[place, 3, columns]
            if kind == DENSE:
                _dense(rho, gap, tau, own, r0, r1, r2, r3)
            elif kind == GELU:
                _gelu(rho, gap, tau, own, r0, r1, r2, weight)
            else:
                r4, r5 = right[place, 4, columns], right[place, 5, columns]
                _erf(rho, gap, tau, own, r0, r1, r2, r3, r4, r5, weight)
        step += 1


@_compiled
def kernel_tile(
    nngp: Any,
    ntk: Any,
    values: Any,
    tangents: Any,
    tile: tuple[int, int, int, int],
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
    """Turn the encoded correlations of a tile into its part of both kernels.

    ``tile`` are its first row, number of rows, first column and number of columns, at most
    ``PIECE``. ``values`` and ``tangents`` hold it, with unused columns that keep rows apart in the
    cache; ``left`` (rows, operations, slots) and the tables are those of its points alone. Where
    ``symmetric``, only what is right of the diagonal is read, and mirrored; on the diagonal there
    is no result. Where ``ntk`` is ``None`` it is not computed; an empty ``nngp`` is not kept.
    """
    state = np.empty((6, PIECE))
    first_row, rows, first_column, count = tile
    last = left.shape[1] - 1
    for top in range(0, rows, TALL):
        bottom = min(top + TALL, rows)
        for i in range(top, bottom):
            begin = min(max(0, first_row + i - first_column), count) if symmetric else 0
            # Whole vectors: what is left of the diagonal is overwritten when it is mirrored.
            begin -= begin % 8
            columns = slice(first_column + begin, first_column + count)
            row = values[i, begin:count]
            tau = None if ntk is None else state[4, : count - begin]
            _through_layers(
                row,
                tau,
                state,
                columns,
                slice(begin, count),
                kinds,
                scalars,
                left[i],
                right,
                left_table[i],
                right_table,
                polynomials,
            )
            row_of_nngp = state[5, : count - begin]
            if nngp.size:
                row_of_nngp = nngp[first_row + i, columns]
            row_of_ntk = None if ntk is None else ntk[first_row + i, columns]
            _outputs(
                row_of_nngp,
                row_of_ntk,
                row,
                None if ntk is None else tangents[i, begin:count],
                state[0, : count - begin],
                tau,
                left[i, last],
                right[last, 0, columns],
                right[last, 1, columns],
                ends,
            )
        if symmetric:
            if nngp.size:
                _mirror(nngp, values, top, bottom, first_row, first_column, count)
            if ntk is not None:
                _mirror(ntk, tangents, top, bottom, first_row, first_column, count)


@_compiled
def _mirror(
    kernel: Any, tile: Any, top: int, bottom: int, first_row: int, first_column: int, count: int
) -> None:
    """Write rows of a tile as columns, what is right of the diagonal alone.

    Eight columns at a time, which share the lines of the cache that are read, and eight rows, which
    share those that are written.
    """
    whole = bottom - (bottom - top) % 8
    for start in range(max(0, first_row + top + 1 - first_column), count, 8):
        if start + 8 <= count and first_column + start >= first_row + bottom:
            row, column = first_column + start, first_row
            for i in range(top, whole, 8):
                for k in range(0, 8, 4):
                    _turn(kernel, (row + k, column + i), tile, (i, start + k))
                    _turn(kernel, (row + k, column + i + 4), tile, (i + 4, start + k))
            for i in range(whole, bottom):
                for k in range(8):
                    kernel[row + k, column + i] = tile[i, start + k]
        else:
            for j in range(start, min(start + 8, count)):
                for i in range(top, min(bottom, first_column + j - first_row)):
                    kernel[first_column + j, first_row + i] = tile[i, j]


@_compiled
def near_parallel(
    values: Any,
    shape: tuple[int, int],
    row: int,
    offset: int,
    threshold: float,
    rows: Any,
    columns: Any,
) -> tuple[int, int]:
    """List pairs with 1 − |ρ| below the threshold, from ``row`` on, as many rows as fit the lists.

    Of a tile with that ``shape``; in row i only columns from i + ``offset`` on are looked at.
    Returns how many and the next row.
    """
    count = 0
    limit = 1.0 - threshold
    while row < shape[0] and count + shape[1] <= rows.size:
        begin = max(row + offset, 0)
        if begin < shape[1]:
            part = values[row, begin : shape[1]]
            if _any_above(part, limit):
                for j in range(part.size):
                    if abs(part[j]) > limit:
                        rows[count], columns[count] = row, begin + j
                        count += 1
        row += 1
    return count, row


@_compiled
def _any_above(values: Any, limit: Any) -> bool:
    count = 0
    for j in range(values.size):
        count += 1 if abs(values[j]) > limit else 0
    return count > 0
