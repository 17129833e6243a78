"""Laws of a network of finite width: shapes, batching, derivatives, empirical kernels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ntksim.testing.law import require, require_close, require_shape, require_symmetric_positive
from ntksim.testing.networks import NARROW, NetworkCase
from ntksim.types import Array, Params

ROUNDING = 1e-10
"""Agreement of sums of some thousand terms in another order, with room for ill-conditioned ones."""


def is_drawn_from_the_given_generator(case: NetworkCase) -> None:
    """The same generator draws the same float64 parameters, another one others."""
    again = case.network.initialise(NARROW, np.random.default_rng(2))
    other = case.network.initialise(NARROW, np.random.default_rng(5))
    require(case.params.keys() == again.keys(), "the names of parameters change between draws")
    for name, value in case.params.items():
        require_shape(f"parameter '{name}'", value, np.shape(again[name]))
        require(
            np.array_equal(value, again[name]),
            f"parameter '{name}' differs between two draws from equal generators: draw only from "
            "the generator that is given",
        )
    require(
        any(not np.array_equal(value, other[name]) for name, value in case.params.items()),
        "all parameters are the same for another generator: they are not random",
    )


def has_outputs_of_its_shape(case: NetworkCase) -> None:
    """Outputs are float64, finite and (points, outputs), gradients shaped as parameters."""
    require(
        tuple(case.network.input_shape) == case.input_shape
        and case.network.outputs == case.outputs,
        f"the network says input_shape {case.network.input_shape} and outputs "
        f"{case.network.outputs}; it was asked for {case.input_shape} and {case.outputs}",
    )
    value = case.network.apply(case.params, case.x)
    require_shape("apply", value, (len(case.x), case.outputs))
    require(len(case.gradient) > 0, "vjp returns no parameter: nothing would be trained")
    for name, gradient in case.gradient.items():
        require(name in case.params, f"vjp returns '{name}', which initialise does not draw")
        require_shape(f"vjp of '{name}'", gradient, case.params[name].shape)


def takes_points_one_by_one(case: NetworkCase) -> None:
    """Points one by one give what they give all at once."""
    network, params, x = case.network, case.params, case.x
    rows = [slice(i, i + 1) for i in range(len(x))]
    one_by_one = np.concatenate([network.apply(params, x[row]) for row in rows])
    require_close(
        "apply to all points", network.apply(params, x), "point by point", one_by_one, 1e-12
    )
    parts = [network.vjp(params, x[row], case.cotangent[row]) for row in rows]
    scale = _norm(case.gradient)
    for name, value in case.gradient.items():
        total = np.sum([part[name] for part in parts], axis=0)
        require_close(f"vjp of '{name}'", value, "summed point by point", total, ROUNDING, scale)
    tangent = case.tangent(0)
    changes = np.concatenate([network.jvp(params, x[row], tangent) for row in rows])
    require_close(
        "jvp of all points", network.jvp(params, x, tangent), "point by point", changes, ROUNDING
    )


def takes_no_points(case: NetworkCase) -> None:
    """No points give arrays without rows, not an error: a study may have no test points."""
    network, none = case.network, case.x[:0]
    require_shape("apply to no points", network.apply(case.params, none), (0, case.outputs))
    for name, shape in (("tangent_kernel", (0, len(case.x))), ("prior_kernel", (0, len(case.x)))):
        kernel = getattr(network, name)(case.params, none, case.x)
        require_shape(f"{name} between none and {len(case.x)} points", kernel, shape)


def vjp_agrees_with_finite_differences(case: NetworkCase) -> None:
    """cᵀ J v from vjp is the derivative of cᵀ f along v, by central differences of apply."""
    step, ratios = 1e-5, []
    for seed in range(5):
        tangent = case.tangent(seed)
        ends = [case.network.apply(_moved(case.params, tangent, s * step), case.x) for s in (1, -1)]
        difference = float(np.vdot(case.cotangent, ends[0] - ends[1])) / (2 * step)
        product = _inner(case.gradient, tangent)
        scale = (
            _norm(case.gradient) * _norm(tangent) / np.sqrt(sum(v.size for v in tangent.values()))
        )
        ratios.append((abs(product - difference) / (scale or 1.0), product, difference))
    # Rounding of f over the step, and its square. A kink that a step crosses shows up in one
    # direction or two of five: the median does not see it.
    error, product, difference = sorted(ratios)[2]
    require(
        error <= 1e-6,
        f"along a random direction vjp gives {product:.10g}, finite differences of apply "
        f"{difference:.10g}",
    )


def jvp_agrees_with_vjp(case: NetworkCase) -> None:
    """cᵀ (J v) from jvp is (Jᵀ c)ᵀ v from vjp."""
    for seed in range(2):
        tangent = case.tangent(seed)
        forward = float(np.vdot(case.cotangent, case.network.jvp(case.params, case.x, tangent)))
        backward = _inner(case.gradient, tangent)
        scale = _norm(case.gradient) * _norm(tangent)
        require(
            abs(forward - backward) <= ROUNDING * scale,
            f"jvp gives {forward:.12g}, vjp {backward:.12g} for the same product",
        )


def value_and_vjp_agrees_with_both(case: NetworkCase) -> None:
    """value_and_vjp returns what apply and vjp return."""
    value, gradient = case.network.value_and_vjp(case.params, case.x, lambda f: f + 1.0)
    expected = case.network.apply(case.params, case.x)
    require_close("the value", value, "apply", expected, ROUNDING)
    expected_gradient = case.network.vjp(case.params, case.x, expected + 1.0)
    require(gradient.keys() == expected_gradient.keys(), "it names other parameters than vjp")
    for name, part in gradient.items():
        scale = _norm(expected_gradient)
        require_close(
            f"gradient of '{name}'", part, "vjp", expected_gradient[name], ROUNDING, scale
        )


def tangent_kernel_is_that_of_the_jacobian(case: NetworkCase) -> None:
    """The tangent kernel is J Jᵀ of the Jacobian that vjp gives, all pairs of outputs and mean."""
    full = np.einsum("ikp,jmp->ikjm", case.jacobian, case.jacobian)
    kernel = case.network.tangent_kernel(case.params, case.x, full=True)
    require_close("the full tangent kernel", kernel, "J Jᵀ", full, ROUNDING)
    mean = np.einsum("ikjk->ij", full) / case.outputs
    kernel = case.network.tangent_kernel(case.params, case.x)
    require_close("the tangent kernel", kernel, "the mean of J Jᵀ over outputs", mean, ROUNDING)


def empirical_kernels_are_kernels(case: NetworkCase) -> None:
    """Kernels of one network are symmetric, positive semi-definite; blocks equal the whole.

    So do both at once, of ``empirical_kernels``.
    """
    both = case.network.empirical_kernels(case.params, case.x)
    for name, one in zip(("tangent_kernel", "prior_kernel"), both, strict=True):
        kernel: Callable[..., Array] = getattr(case.network, name)
        whole = kernel(case.params, case.x)
        require_close(f"{name} of empirical_kernels", one, "that of its own", whole, ROUNDING)
        require_shape(name, whole, (len(case.x), len(case.x)))
        require_symmetric_positive(name, whole)
        block = kernel(case.params, case.x[:2], case.x[1:])
        require_close(
            f"a block of {name}", block, "that part of the whole", whole[:2, 1:], ROUNDING
        )


def _moved(params: Params, tangent: Params, step: float) -> Params:
    return {n: v + step * tangent[n] if n in tangent else v for n, v in params.items()}


def _inner(left: Params, right: Params) -> float:
    return sum(float(np.vdot(left[name], right[name])) for name in left)


def _norm(params: Params) -> float:
    return float(np.sqrt(_inner(params, params)))


DERIVATIVES: tuple[Callable[[NetworkCase], None], ...] = (
    is_drawn_from_the_given_generator,
    has_outputs_of_its_shape,
    takes_points_one_by_one,
    takes_no_points,
    vjp_agrees_with_finite_differences,
    jvp_agrees_with_vjp,
    value_and_vjp_agrees_with_both,
    tangent_kernel_is_that_of_the_jacobian,
    empirical_kernels_are_kernels,
)
