"""Full-batch gradient descent of a finite network."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from ntksim.linalg import largest_eigenvalue
from ntksim.nn import Recycling
from ntksim.types import Array, Network, Params

ORDINARY = 1e-280, 1e280
"""Between these a sum of squares has lost nothing of what was summed."""

PIECE = 2**15
"""Parameters that are changed at a time; what is in between stays in the cache."""


@dataclass(frozen=True)
class TrainingState:
    """A network after some steps: before the next, not a copy of what changes in it.

    ``loss`` is ½ Σ (f − y)² + ½ ridge ‖θ − θ₀‖² and ``gradient_norm`` the Euclidean norm of its
    gradient in the trained parameters.
    """

    step: int
    params: Params
    outputs: Array
    loss: float
    gradient_norm: float


def descend(
    network: Network,
    params: Params,
    x: Array,
    targets: Array,
    learning_rate: float,
    ridge: float = 0.0,
) -> Iterator[TrainingState]:
    """Yield the states of θ ← θ − η ∇[½ Σ (f − y)² + ½ ridge ‖θ − θ₀‖²], the initial one first.

    Endless; numbers may overflow if it diverges. ``params`` are not changed: the trained ones are
    copied, and then updated in place, so that a state is valid until the next is asked for.
    """
    current: dict[str, Array] = dict(params)
    scratch: dict[str, Array] = {}
    recycling = Recycling()
    step = 0
    while True:
        with recycling:
            outputs, gradient = network.value_and_loss_gradient(current, x, targets)
        if step == 0:
            for name in gradient:
                current[name] = np.array(params[name], dtype=np.float64, order="C")
        loss = 0.5 * float(np.sum((outputs - targets) ** 2))
        slopes = dict(gradient)
        if ridge > 0:
            for name, slope in gradient.items():
                moved = np.subtract(current[name], params[name], out=scratch.get(name))
                loss += 0.5 * ridge * float(np.vdot(moved, moved))
                moved *= ridge
                moved += slope
                scratch[name] = slopes[name] = moved
        squares = sum(float(np.vdot(slope, slope)) for slope in slopes.values())
        norm = steepness(squares, slopes.values())
        yield TrainingState(step, current, outputs, loss, norm)
        for name in slopes:
            step_down(current[name], slopes[name], learning_rate)
        del gradient, slopes  # the next ones may have their memory
        step += 1


def step_down(values: Array, slope: Array, learning_rate: float) -> None:
    """Subtract ``learning_rate`` · ``slope`` in place, a piece at a time: memory takes the time."""
    flat, change = values.reshape(-1), np.ascontiguousarray(slope).reshape(-1)
    for start in range(0, flat.size, PIECE):
        piece = slice(start, start + PIECE)
        flat[piece] -= learning_rate * change[piece]


def steepness(squares: float, slopes: Iterable[Array]) -> float:
    """Return the norm of a gradient from the sum of its squares, if that is a number to rely on.

    Squares that are 0 or infinite would look like convergence.
    """
    return math.sqrt(squares) if ORDINARY[0] < squares < ORDINARY[1] else _norm(list(slopes))


def _norm(arrays: Collection[Array]) -> float:
    """Return the Euclidean norm of all entries, whose squares may be no floats."""
    largest = max((float(np.abs(array).max(initial=0.0)) for array in arrays), default=0.0)
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(sum(np.square(array / largest).sum() for array in arrays)))


def largest_tangent_eigenvalue(network: Network, params: Params, x: Array) -> float:
    """λ₁ of the full empirical tangent kernel J Jᵀ (N·K rows), by products with Jᵀ and J only.

    Raises
    ------
    FloatingPointError
        If a product is beyond the largest float.
    """
    shape, exponent = (len(x), network.outputs), 0

    def product(vector: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            gradient = network.vjp(params, x, vector.reshape(shape))
            image = network.jvp(params, x, gradient).ravel()
        if not np.isfinite(image).all():
            raise FloatingPointError(
                "the tangent kernel of the network has entries beyond the largest float; use "
                "inputs and standard deviations of ordinary size"
            )
        return np.ldexp(image, -exponent)

    # Of kernels of extreme size the squares are no numbers; a power of two changes no digit.
    size = float(np.abs(product(np.ones(len(x) * network.outputs))).max(initial=0.0))
    if size > 0 and not 1e-100 < size < 1e100:
        exponent = int(np.frexp(size)[1])
    return float(np.ldexp(largest_eigenvalue(product, len(x) * network.outputs), exponent))
