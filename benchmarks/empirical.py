"""Empirical kernels of wide and deep networks beside BLAS, neural-tangents and the Jacobian."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from benchmarks.comparison import Comparison, Contender, Ratio

FEATURES = 32
WIDE, DEEP = {"width": 15_000, "depth": 1}, {"width": 1024, "depth": 3}


def comparisons(*, quick: bool) -> Iterable[Comparison]:
    """Beside the BLAS calls of the same shapes, then beside peers where those can run."""
    for name, network in (("1 × 15,000", WIDE), ("3 × 1024", DEEP)):
        for points in (500,) if quick else (1000, 2000):
            for outputs in (1, 10):
                if quick and outputs > 1:
                    continue
                yield _floor(f"{name}, N = {points}, {outputs} output(s)", network, points, outputs)
        yield _floor(f"{name}, N = 256, 10 outputs, all pairs", network, 256, 10, full=True)
        yield _both(f"{name}, N = 1000, tangent kernel and NNGP at once", network, 1000)
        wanted = 5.0 if network is WIDE else 2.5
        for outputs in (1,) if quick else (1, 10):
            yield from _peers(name, network, outputs, wanted)


def _floor(
    name: str, network: Mapping[str, int], points: int, outputs: int, *, full: bool = False
) -> Comparison:
    arguments = {**network, "points": points, "outputs": outputs, "full": full}
    return Comparison(
        name,
        (
            Contender("ntksim", "empirical:tangent_kernel", arguments),
            Contender("BLAS", "empirical:products", arguments),
        ),
        (Ratio("ntksim", "BLAS", at_most=1.5),),
    )


def _both(name: str, network: Mapping[str, int], points: int) -> Comparison:
    arguments = {**network, "points": points, "outputs": 1}
    return Comparison(
        name,
        (
            Contender("ntksim, both", "empirical:provider", arguments),
            Contender("BLAS", "empirical:products", {**arguments, "full": False}),
        ),
        (Ratio("ntksim, both", "BLAS", at_most=1.5),),
    )


def _peers(
    name: str, network: Mapping[str, int], outputs: int, wanted: float
) -> Iterable[Comparison]:
    arguments = {**network, "points": 256, "outputs": outputs}

    def tangents(implementation: str, dtype: str = "float64", points: int = 256) -> Contender:
        return Contender(
            f"neural-tangents, {implementation.lower().replace('_', ' ')}, {dtype}",
            "empirical:tangents",
            {**arguments, "points": points, "implementation": implementation, "dtype": dtype},
            "neural_tangents",
        )

    own = Contender("ntksim", "empirical:tangent_kernel", {**arguments, "full": False})
    best, single = tangents("STRUCTURED_DERIVATIVES"), tangents("STRUCTURED_DERIVATIVES", "float32")
    jacobian = Contender("Jacobian in NumPy", "empirical:jacobian", arguments)
    contenders, ratios = [own, best, single], [Ratio(best.name, own.name, at_least=wanted)]
    ratios.append(Ratio(single.name, own.name))
    if outputs == 1:
        contenders.append(jacobian)
        ratios.append(Ratio(jacobian.name, own.name, at_least=20.0))
    yield Comparison(
        f"peers: {name}, N = 256, {outputs} output(s)", tuple(contenders), tuple(ratios)
    )
    if outputs == 1:
        slow = [
            tangents("NTK_VECTOR_PRODUCTS", points=32),
            tangents("JACOBIAN_CONTRACTION", points=32),
        ]
        fast = tangents("STRUCTURED_DERIVATIVES", points=32)
        yield Comparison(
            f"peers: {name}, N = 32: what is best of neural-tangents",
            (fast, *slow),
            tuple(Ratio(one.name, fast.name) for one in slow),
        )


def tangent_kernel(
    width: int, depth: int, points: int, outputs: int, full: bool
) -> Callable[[], Mapping[str, float]]:
    """Compute the kernel by ntksim; its memory is beside what the target allows."""
    network, params, x = _network(width, depth, points, outputs)
    # Of one batch: what is before and after φ, and cotangents, of all layers.
    batch = min(network.block_bytes, 8 * points * depth * width * (2 + outputs))
    allowed = 4 * 8 * (points * (outputs if full else 1)) ** 2 + batch

    def run() -> Mapping[str, float]:
        network.tangent_kernel(params, x, full=full)
        return {"MiB allowed": allowed / 2**20}

    return run


def provider(width: int, depth: int, points: int, outputs: int) -> Callable[[], None]:
    """Both kernels as a study has them."""
    from ntksim.types import Model, SeedTree

    from ntksim_builtin.architectures import Mlp
    from ntksim_builtin.kernels import Empirical

    x = _inputs(points)
    model = Model(Mlp(depth=depth).network((FEATURES,), outputs), width, SeedTree(0))
    _ = model.params

    def run() -> None:
        Empirical().kernels(model, x)

    return run


def products(width: int, depth: int, points: int, outputs: int, full: bool) -> Callable[[], None]:
    """The products that no form of the kernel avoids, of random matrices, in memory that is there.

    Forward, one product of all points a hidden layer; backward, one of all points and outputs for
    each hidden layer but the last; inner products by syrk: of the inputs, of each layer's features
    and of its cotangents. Behind the last hidden layer these are φ′(z) ∘ w_k: their average over
    outputs is that of one output, and all pairs of K outputs are K(K + 1)/2 halves of a product.
    """
    import numpy as np
    from scipy.linalg import blas

    rng = np.random.default_rng(0)
    rows = points * outputs
    x, h = rng.standard_normal((points, FEATURES)), rng.standard_normal((points, width))
    first = rng.standard_normal((FEATURES, width))
    weight = rng.standard_normal((width, width)) if depth > 1 else first
    cotangents = rng.standard_normal((rows, width)) if depth > 1 else h
    features, back = np.empty((points, width)), np.empty((rows, width) if depth > 1 else 0)
    syrk: Any = blas.get_blas_funcs("syrk", dtype=np.float64)
    n = rows if full else points
    gram, wide_gram = np.empty((points, points), order="F"), np.empty((n, n), order="F")

    def half(matrix: Any, out: Any) -> None:
        # Fortran's order: the transpose is what lies in memory.
        syrk(1.0, matrix.T, trans=1, lower=1, beta=0.0, c=out, overwrite_c=1)

    def run() -> None:
        np.matmul(x, first, out=features)
        half(x, gram)
        for _ in range(depth - 1):
            np.matmul(h, weight, out=features)
            np.matmul(cotangents, weight.T, out=back)
            half(cotangents if full else cotangents.reshape(points, outputs * width), wide_gram)
        for _ in range(depth + (outputs * (outputs + 1) // 2 if full else 1)):
            half(h, gram)

    return run


def jacobian(width: int, depth: int, points: int, outputs: int) -> Callable[[], None]:
    """J Jᵀ from all gradients of the one output, layer by layer, in NumPy."""
    import numpy as np

    if outputs != 1:
        raise ValueError("written for one output")
    network, params, x = _network(width, depth, points, outputs)
    del network
    weights = [params[f"{layer}.weight"] for layer in range(depth + 1)]

    def run() -> None:
        features, before = [x], []
        for weight in weights[:-1]:
            before.append(features[-1] @ weight * math.sqrt(2.0 / len(weight)))
            features.append(np.maximum(before[-1], 0.0))
        delta = np.ones((points, 1))
        kernel = np.zeros((points, points))
        for layer in range(depth, -1, -1):
            scale = math.sqrt(2.0 / len(weights[layer]))
            rows = scale * features[layer][:, :, None] * delta[:, None, :]
            rows = rows.reshape(points, -1)
            kernel += rows @ rows.T
            if layer:
                delta = (delta @ weights[layer].T) * scale * (before[layer - 1] > 0)

    return run


def tangents(
    width: int, depth: int, points: int, outputs: int, implementation: str, dtype: str
) -> Callable[[], None]:
    """Compute the kernel averaged over outputs by neural-tangents, compiled."""
    import jax  # pyright: ignore[reportMissingImports]

    jax.config.update("jax_enable_x64", dtype == "float64")
    import neural_tangents as nt  # pyright: ignore[reportMissingImports]
    from neural_tangents import stax  # pyright: ignore[reportMissingImports]

    layers = []
    for _ in range(depth):
        layers += [stax.Dense(width, math.sqrt(2.0), 0.0), stax.Relu()]
    initialise, apply, _ = stax.serial(*layers, stax.Dense(outputs, math.sqrt(2.0), 0.0))
    _, params = initialise(jax.random.PRNGKey(0), (-1, FEATURES))
    params = jax.tree_util.tree_map(lambda value: value.astype(dtype), params)
    kernel = nt.empirical_ntk_fn(
        apply,
        trace_axes=(-1,),
        vmap_axes=0,  # points do not mix: many times faster
        implementation=getattr(nt.NtkImplementation, implementation),
    )
    compiled = jax.jit(lambda x, params: kernel(x, None, params))
    x = jax.numpy.asarray(_inputs(points), dtype)

    def run() -> None:
        jax.block_until_ready(compiled(x, params))

    return run


def _network(width: int, depth: int, points: int, outputs: int) -> tuple[Any, Any, Any]:
    import numpy as np

    from ntksim_builtin.architectures import Mlp

    network = Mlp(depth=depth).network((FEATURES,), outputs)
    return network, network.initialise(width, np.random.default_rng(1)), _inputs(points)


def _inputs(points: int):
    import numpy as np

    return np.random.default_rng(0).standard_normal((points, FEATURES))
