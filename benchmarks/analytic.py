"""Analytic kernels: deep networks beside neural-tangents, NumPy and the input product."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.comparison import Comparison, Contender, Ratio

WEIGHT_STD = math.sqrt(2.0)
BIAS_STD = 0.05
SLOPE = 0.01
DEPTHS = (1, 3, 10)
CLOSED_FORMS = ("erf", "gelu", "leaky_relu")
"""Activations that have them, beside ReLU."""


def comparisons(*, quick: bool) -> Iterable[Comparison]:
    """Peers for few features; the input product, and the cost of depth, for few and many.

    At 8,000 points, where neural-tangents takes half a minute, only what a target asks for.
    """
    points = 1000 if quick else 2000
    for bias in (0.0, BIAS_STD):
        for depth in DEPTHS:
            yield _peers(points, depth, bias, numpy=True)
    if not quick:
        yield _peers(8000, 3, 0.0, numpy=False)
        yield _peers(8000, 3, BIAS_STD, numpy=False)
        yield _peers(8000, 10, 0.0, numpy=False)
    for size in (points,) if quick else (points, 8000):
        for features in (32, 784):
            yield _depths(size, features)
    for activation in CLOSED_FORMS:
        yield _closed_form(points, activation)
    for size in (points,) if quick else (points, 8000):
        for features in (32, 784):
            yield _activations(size, features)
    yield _tabulated(500 if quick else 1000)
    yield _alone(points)


def _peers(points: int, depth: int, bias: float, *, numpy: bool) -> Comparison:
    arguments = {"points": points, "features": 32, "depth": depth, "bias": bias}
    wanted = 30.0 if depth == 10 and not bias else 15.0 if depth == 3 else None
    contenders = [
        Contender("ntksim", "analytic:fused", arguments),
        Contender("neural-tangents", "analytic:tangents", arguments, "neural_tangents"),
    ]
    ratios = [Ratio("neural-tangents", "ntksim", at_least=wanted)]
    if numpy:
        contenders.append(Contender("NumPy", "analytic:numpy_recursion", arguments))
        ratios.append(Ratio("NumPy", "ntksim", at_least=12.0))
    return Comparison(
        f"N = {points}, D = 32, depth {depth}, {_bias(bias)}", tuple(contenders), tuple(ratios)
    )


def _depths(points: int, features: int) -> Comparison:
    """Depths beside each other and beside the product of the inputs."""

    def contender(depth: int, bias: float) -> Contender:
        arguments = {"points": points, "features": features, "depth": depth, "bias": bias}
        return Contender(_depth(depth, bias), "analytic:fused", arguments)

    sizes = {"points": points, "features": features}
    cases = [(1, 0.0), (3, 0.0), (10, 0.0), (3, BIAS_STD)]
    most = 1.5 if features == 784 else None
    return Comparison(
        f"N = {points}, D = {features}: cost of depth, and of the input product",
        (
            *(contender(*case) for case in cases),
            Contender("input product", "ceilings:inner_products", sizes),
            Contender("half input product", "ceilings:half_inner_products", sizes),
        ),
        (
            Ratio(_depth(10, 0.0), _depth(3, 0.0), at_most=1.3),
            *(Ratio(_depth(*case), "input product", at_most=most) for case in cases),
            Ratio(_depth(3, 0.0), "half input product"),
        ),
        rounds=7,
    )


def _closed_form(points: int, activation: str) -> Comparison:
    arguments = {"points": points, "features": 32, "depth": 3, "bias": BIAS_STD}
    named = {**arguments, "activation": activation}
    return Comparison(
        f"N = {points}, D = 32, depth 3, a bias, {activation}",
        (
            Contender("ntksim", "analytic:fused", named),
            Contender("layer by layer", "analytic:by_layers", named),
            Contender("NumPy", f"analytic:numpy_{activation}", arguments),
        ),
        (Ratio("NumPy", "ntksim"), Ratio("layer by layer", "ntksim")),
    )


def _activations(points: int, features: int) -> Comparison:
    """Activations other than ReLU beside the product of the inputs, tanh by its table."""
    sizes = {"points": points, "features": features}
    arguments = {**sizes, "depth": 3, "bias": BIAS_STD}
    names = (*CLOSED_FORMS, "tanh")
    most = 1.5 if features == 784 else None
    return Comparison(
        f"N = {points}, D = {features}, depth 3, a bias: activations beside the input product",
        (
            *(Contender(n, "analytic:fused", {**arguments, "activation": n}) for n in names),
            Contender("input product", "ceilings:inner_products", sizes),
        ),
        (
            *(Ratio(name, "input product", at_most=most) for name in CLOSED_FORMS),
            Ratio("tanh", "input product"),
        ),
    )


def _tabulated(points: int) -> Comparison:
    sizes = {"points": points, "features": 32, "depth": 1, "bias": BIAS_STD}
    arguments = {**sizes, "activation": "tanh"}
    return Comparison(
        f"N = {points}, D = 32, depth 1, a bias, tanh: a table instead of quadrature",
        (
            Contender("ntksim", "analytic:fused", arguments),
            Contender("layer by layer", "analytic:by_layers", arguments),
        ),
        (Ratio("layer by layer", "ntksim"),),
    )


def _alone(points: int) -> Comparison:
    arguments = {"points": points, "features": 32, "depth": 3, "bias": BIAS_STD}
    kinds = {"both": ("nngp", "ntk"), "nngp": ("nngp",), "ntk": ("ntk",)}
    return Comparison(
        f"N = {points}, D = 32, depth 3, a bias: one kernel alone",
        tuple(
            Contender(name, "analytic:fused", {**arguments, "wanted": wanted})
            for name, wanted in kinds.items()
        ),
        (Ratio("nngp", "both"), Ratio("ntk", "both")),
    )


def _bias(bias: float) -> str:
    return "a bias" if bias else "no bias"


def _depth(depth: int, bias: float) -> str:
    return f"depth {depth}" + (", a bias" if bias else "")


def fused(
    points: int,
    features: int,
    depth: int,
    bias: float,
    activation: str = "relu",
    wanted: tuple[str, ...] = ("nngp", "ntk"),
    path: str = "auto",
) -> Callable[[], dict[str, float]]:
    """Kernels by ntksim; beside the time, what is held at most beyond the results."""
    from ntksim.nn import Erf, Gelu, LeakyRelu, Relu, Tanh

    from benchmarks.worker import status
    from ntksim_builtin.architectures import Mlp

    x = _inputs(points, features)
    named = {
        "relu": Relu(),
        "leaky_relu": LeakyRelu(SLOPE),
        "erf": Erf(),
        "gelu": Gelu(),
        "tanh": Tanh(),
    }
    mlp = Mlp(depth=depth, activation=named[activation], weight_std=WEIGHT_STD, bias_std=bias)
    network: Any = mlp.network((features,), 1)

    def run() -> dict[str, float]:
        before = status("VmRSS")
        found = network.kernels(x, path=path, wanted=wanted)
        peak = status("VmHWM")
        if before is None or peak is None:
            return {}
        results = sum(k.nbytes for k in (found.nngp, found.ntk) if k is not None)
        return {"MiB beyond the results": max(0.0, (peak - before - results) / 2**20)}

    return run


def by_layers(**arguments: Any) -> Callable[[], dict[str, float]]:
    """The same by the layers' own algebra."""
    return fused(**arguments, path="layers")


def numpy_recursion(points: int, features: int, depth: int, bias: float) -> Callable[[], None]:
    """Both kernels by the arc-cosine recursion as it is usually written (Cho & Saul 2009)."""
    import numpy as np

    def dual(product: Any, cosine: Any, norm: Any) -> tuple[Any, Any]:
        del norm
        angle = np.arccos(cosine)
        first = np.sin(angle) + (np.pi - angle) * cosine
        return product * first / (2 * np.pi), (np.pi - angle) / (2 * np.pi)

    return _recursion(dual, points, features, depth, bias)


def numpy_leaky_relu(points: int, features: int, depth: int, bias: float) -> Callable[[], None]:
    """The same for slopes 1 and ``SLOPE``."""
    import numpy as np

    slope = SLOPE

    def dual(product: Any, cosine: Any, norm: Any) -> tuple[Any, Any]:
        del norm
        angle = np.arccos(cosine)
        share = (1 - slope) ** 2 / (2 * np.pi)
        first = share * (np.sin(angle) + (np.pi - angle) * cosine) + slope * cosine
        return product * first, share * (np.pi - angle) + slope

    return _recursion(dual, points, features, depth, bias)


def numpy_erf(points: int, features: int, depth: int, bias: float) -> Callable[[], None]:
    """Both kernels by the arcsine formula (Williams 1998)."""
    import numpy as np

    def dual(product: Any, cosine: Any, norm: Any) -> tuple[Any, Any]:
        scale = 1 + 2 * norm**2
        square = scale[:, None] * scale
        covariance = 2 * product * cosine
        value = 2 / np.pi * np.arcsin(covariance / np.sqrt(square))
        return value, 4 / np.pi / np.sqrt(square - covariance**2)

    return _recursion(dual, points, features, depth, bias)


def numpy_gelu(points: int, features: int, depth: int, bias: float) -> Callable[[], None]:
    """Both kernels by the closed form of x Φ(x) (Tsuchida et al. 2021)."""
    import numpy as np

    def dual(product: Any, cosine: Any, norm: Any) -> tuple[Any, Any]:
        d = 1 / (1 + norm**2)
        share = product * np.sqrt(d[:, None] * d)
        rest = 1 - (share * cosine) ** 2
        both = 0.25 + np.arcsin(share * cosine) / (2 * np.pi)
        q = share / (2 * np.pi * np.sqrt(rest))
        damping = d[:, None] + d
        value = product * (cosine * both + q * (1 - cosine**2 + cosine**2 * damping))
        return value, both + cosine * q * (damping + d[:, None] * d / rest)

    return _recursion(dual, points, features, depth, bias)


def _recursion(
    dual: Callable[[Any, Any, Any], tuple[Any, Any]],
    points: int,
    features: int,
    depth: int,
    bias: float,
) -> Callable[[], None]:
    """Layer after layer on whole matrices; ``dual`` gives E[φφ] and E[φ′φ′]."""
    import numpy as np

    x = _inputs(points, features)

    def run() -> None:
        sigma = WEIGHT_STD**2 * (x @ x.T) / features + bias**2
        theta = sigma.copy()
        for _ in range(depth):
            norm = np.sqrt(np.diagonal(sigma))
            product = norm[:, None] * norm
            value, slope = dual(product, np.clip(sigma / product, -1.0, 1.0), norm)
            sigma = WEIGHT_STD**2 * value + bias**2
            theta = sigma + WEIGHT_STD**2 * theta * slope

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
