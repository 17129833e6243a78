"""Training of finite networks beside the products of a step, and beside a compiled loop in JAX."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.comparison import Comparison, Contender, Ratio

RATE = 1e-4
"""Learning rate; far below what is stable for all sizes."""

WORK = 1e10
"""Floating-point operations of a run, which is so many steps and at least two."""

MEMBERS = 32


def comparisons(*, quick: bool) -> Iterable[Comparison]:
    """One hidden layer, several, and ensembles of seeds."""
    widths = (1000,) if quick else (1000, 4000, 15_000)
    for features in (32, 784):
        for width in widths:
            for points in (100,) if quick else (100, 1000):
                if (width, features) != (4000, 784):
                    yield _steps(features, width, points, 1)
    for points in (100,) if quick else (100, 1000):
        yield _steps(32, 1000, points, 3)
    for width in (64,) if quick else (64, 256):
        for points in (10, 100):
            yield _ensemble(width, points)


def _steps(features: int, width: int, points: int, depth: int) -> Comparison:
    inner = features * width + (depth - 1) * 3 * width**2 // 2
    steps = max(2, min(400, round(WORK / (4 * points * inner))))
    arguments = {
        "features": features,
        "width": width,
        "points": points,
        "depth": depth,
        "steps": steps,
    }
    return Comparison(
        f"{depth} × {width:,}, N = {points}, D = {features}",
        (
            Contender("ntksim", "training:descent", arguments),
            Contender("gemm", "training:products", arguments),
            Contender("gemm and φ", "training:products", {**arguments, "elementwise": True}),
            Contender("JAX", "training:compiled", arguments, "jax"),
        ),
        (
            Ratio("ntksim", "gemm", at_most=1.3),
            Ratio("ntksim", "gemm and φ"),
            Ratio("JAX", "ntksim", at_least=1.0),
            Ratio("JAX", "gemm"),
        ),
    )


def _ensemble(width: int, points: int) -> Comparison:
    arguments = {"features": 32, "width": width, "points": points, "depth": 1, "steps": 100}
    many = {**arguments, "members": MEMBERS}
    return Comparison(
        f"{MEMBERS} seeds of 1 × {width}, N = {points}, D = 32",
        (
            Contender("together", "training:together", many),
            Contender("one by one", "training:one_by_one", many),
            Contender("gemm", "training:products", many),
            Contender("JAX vmap", "training:compiled", many, "jax"),
        ),
        (
            Ratio("one by one", "together", at_least=1.0),
            Ratio("together", "gemm"),
            Ratio("JAX vmap", "together"),
        ),
    )


def descent(features: int, width: int, points: int, depth: int, steps: int) -> Callable[[], None]:
    """Steps of gradient descent as ``network_gradient_descent`` takes them, loss and norm too."""
    import numpy as np

    from ntksim_builtin.architectures import Mlp
    from ntksim_builtin.solvers.descent import descend

    network = Mlp(depth=depth).network((features,), 1)
    x, y = _data(features, points)
    states = descend(network, network.initialise(width, np.random.default_rng(1)), x, y, RATE)
    next(states)

    def run() -> None:
        for _ in range(steps):
            next(states)

    return run


def one_by_one(
    features: int, width: int, points: int, depth: int, steps: int, members: int
) -> Callable[[], None]:
    """The same steps of networks with several seeds, each for itself."""
    runs = [descent(features, width, points, depth, steps) for _ in range(members)]

    def run() -> None:
        for member in runs:
            member()

    return run


def together(
    features: int, width: int, points: int, depth: int, steps: int, members: int
) -> Callable[[], None]:
    """The same steps of networks with several seeds, all at once."""
    import numpy as np

    from ntksim_builtin.architectures import Mlp
    from ntksim_builtin.solvers.ensemble import descend_together

    network = Mlp(depth=depth).network((features,), 1)
    x, y = _data(features, points)
    starts = [network.initialise(width, np.random.default_rng(seed)) for seed in range(members)]
    states = descend_together(network, starts, x, [y] * members, [RATE] * members)
    next(states)

    def run() -> None:
        for _ in range(steps):
            next(states)

    return run


def products(
    features: int,
    width: int,
    points: int,
    depth: int,
    steps: int,
    members: int = 1,
    elementwise: bool = False,
) -> Callable[[], None]:
    """The matrix products of as many steps, of random matrices, into memory that is there.

    With ``elementwise`` what NumPy needs besides, for the activation and its derivative, for the
    norm of the gradient and for the change of the parameters, with no layer in between.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    shapes = [(features, width), *[(width, width)] * (depth - 1), (width, 1)]
    weights = [rng.standard_normal(shape) for shape in shapes]
    inputs = [rng.standard_normal((points, rows)) for rows, _ in shapes]
    outputs = [rng.standard_normal((points, columns)) for _, columns in shapes]
    forward = [np.empty_like(output) for output in outputs]
    gradients = [np.empty_like(weight) for weight in weights]
    back = [np.empty_like(h) for h in inputs]
    spare = [np.empty_like(h) for h in inputs]
    changes = [np.empty_like(weight) for weight in weights]

    def run() -> None:
        for _ in range(steps * members):
            for index, (h, weight, out) in enumerate(zip(inputs, weights, forward, strict=True)):
                np.matmul(h, weight, out=out)
                if elementwise and index < depth:
                    np.maximum(out, 0.0, out=spare[index + 1])
            for index in reversed(range(len(weights))):
                np.matmul(inputs[index].T, outputs[index], out=gradients[index])
                if index:
                    np.matmul(outputs[index], weights[index].T, out=back[index])
                if elementwise and index:
                    np.multiply(forward[index - 1] > 0, back[index], out=spare[index])
            if elementwise:
                for weight, slope, change in zip(weights, gradients, changes, strict=True):
                    np.vdot(slope, slope)
                    np.multiply(slope, RATE, out=change)
                    np.subtract(weight, change, out=change)

    return run


def compiled(
    features: int, width: int, points: int, depth: int, steps: int, members: int = 0
) -> Callable[[], None]:
    """The same steps by JAX in float64: one compiled loop, with vmap over ``members``."""
    import jax  # pyright: ignore[reportMissingImports]

    jax.config.update("jax_enable_x64", True)
    jnp: Any = jax.numpy
    x, y = (jnp.asarray(array) for array in _data(features, points))
    sizes = [features, *[width] * depth, 1]

    def initialise(key: Any) -> list[Any]:
        keys = jax.random.split(key, depth + 1)
        shapes = itertools.pairwise(sizes)
        return [jax.random.normal(k, shape) for k, shape in zip(keys, shapes, strict=True)]

    def loss(params: list[Any]) -> Any:
        h = x
        for index, weight in enumerate(params):
            z = h @ weight * math.sqrt(2.0 / weight.shape[0])
            h = jnp.maximum(z, 0.0) if index < depth else z
        return 0.5 * jnp.sum((h - y) ** 2)

    def train(params: list[Any]) -> list[Any]:
        def step(_: Any, current: list[Any]) -> list[Any]:
            slopes = jax.grad(loss)(current)
            return [value - RATE * slope for value, slope in zip(current, slopes, strict=True)]

        return jax.lax.fori_loop(0, steps, step, params)

    if members:
        params = jax.vmap(initialise)(jax.random.split(jax.random.PRNGKey(0), members))
        loop = jax.jit(jax.vmap(train))
    else:
        params, loop = initialise(jax.random.PRNGKey(0)), jax.jit(train)

    def run() -> None:
        nonlocal params
        params = jax.block_until_ready(loop(params))

    return run


def _data(features: int, points: int):
    import numpy as np

    rng = np.random.default_rng(0)
    return rng.standard_normal((points, features)), rng.standard_normal((points, 1))
