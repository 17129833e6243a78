"""Analytic kernels: deep ReLU networks beside neural-tangents, NumPy and the input product."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from benchmarks.comparison import Comparison, Contender, Ratio

WEIGHT_STD = math.sqrt(2.0)
NAMES = ("ntksim", "neural-tangents", "NumPy", "input product", "half input product")


def comparisons(*, quick: bool) -> Iterable[Comparison]:
    """One comparison for each number of points, features, depth and bias."""
    for points in (1000,) if quick else (2000, 8000):
        for features in (32, 784):
            for bias in (0.0, 0.05):
                for depth in (1, 3, 10):
                    yield _comparison(points, features, depth, bias)
            yield _depths(points, features)


def _comparison(points: int, features: int, depth: int, bias: float) -> Comparison:
    arguments = {"points": points, "features": features, "depth": depth, "bias": bias}
    sizes = {"points": points, "features": features}
    ratios = []
    if features == 32:
        wanted = 30.0 if depth == 10 and not bias else 15.0 if depth == 3 else None
        ratios.append(Ratio("neural-tangents", "ntksim", at_least=wanted))
        ratios.append(Ratio("NumPy", "ntksim", at_least=12.0))
        ratios.append(Ratio("ntksim", "input product"))
    else:
        ratios.append(Ratio("neural-tangents", "ntksim"))
        ratios.append(Ratio("NumPy", "ntksim"))
        ratios.append(Ratio("ntksim", "input product", at_most=1.5))
    ratios.append(Ratio("ntksim", "half input product"))
    return Comparison(
        f"N = {points}, D = {features}, depth {depth}, {'a' if bias else 'no'} bias",
        (
            Contender("ntksim", "analytic:fused", arguments),
            Contender("neural-tangents", "analytic:tangents", arguments, "neural_tangents"),
            Contender("NumPy", "analytic:numpy_recursion", arguments),
            Contender("input product", "ceilings:inner_products", sizes),
            Contender("half input product", "ceilings:half_inner_products", sizes),
        ),
        tuple(ratios),
    )


def _depths(points: int, features: int) -> Comparison:
    def contender(depth: int) -> Contender:
        arguments = {"points": points, "features": features, "depth": depth, "bias": 0.0}
        return Contender(f"depth {depth}", "analytic:fused", arguments)

    return Comparison(
        f"N = {points}, D = {features}, no bias: cost of depth",
        (contender(3), contender(10)),
        (Ratio("depth 10", "depth 3", at_most=1.3),),
        rounds=9,
    )


def fused(points: int, features: int, depth: int, bias: float) -> Callable[[], None]:
    """Both kernels by ntksim."""
    from ntksim_builtin.architectures import Mlp

    x = _inputs(points, features)
    network = Mlp(depth=depth, weight_std=WEIGHT_STD, bias_std=bias).network((features,), 1)

    def run() -> None:
        network.kernels(x)

    return run


def numpy_recursion(points: int, features: int, depth: int, bias: float) -> Callable[[], None]:
    """Both kernels by the arc-cosine recursion as it is usually written (Cho & Saul 2009)."""
    import numpy as np

    x = _inputs(points, features)

    def run() -> None:
        sigma = WEIGHT_STD**2 * (x @ x.T) / features + bias**2
        theta = sigma.copy()
        for _ in range(depth):
            norm = np.sqrt(np.diagonal(sigma))
            product = norm[:, None] * norm
            cosine = np.clip(sigma / product, -1.0, 1.0)
            angle = np.arccos(cosine)
            first = np.sin(angle) + (np.pi - angle) * cosine
            sigma = WEIGHT_STD**2 * product * first / (2 * np.pi) + bias**2
            theta = sigma + WEIGHT_STD**2 * theta * (np.pi - angle) / (2 * np.pi)

    return run


def tangents(points: int, features: int, depth: int, bias: float) -> Callable[[], None]:
    """Both kernels by neural-tangents in float64, compiled as its documentation advises."""
    import jax  # pyright: ignore[reportMissingImports]

    jax.config.update("jax_enable_x64", True)
    from neural_tangents import stax  # pyright: ignore[reportMissingImports]

    hidden = []
    for _ in range(depth):
        hidden += [stax.Dense(1, WEIGHT_STD, bias), stax.Relu()]
    _, _, kernel = stax.serial(*hidden, stax.Dense(1, WEIGHT_STD, bias))
    compiled = jax.jit(lambda x: kernel(x, None, ("nngp", "ntk")))
    x = jax.numpy.asarray(_inputs(points, features))

    def run() -> None:
        jax.block_until_ready(compiled(x))

    return run


def _inputs(points: int, features: int):
    import numpy as np

    return np.random.default_rng(0).standard_normal((points, features))
