"""Evolution: outputs and variances at 200 times beside one eigendecomposition, and references."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from benchmarks.comparison import Comparison, Contender, Ratio

TIMES, OUTPUTS, LATEST = 200, 10, 1e4


def comparisons(*, quick: bool) -> Iterable[Comparison]:
    """Means and variances of N training and N/4 test points, and the slow references."""
    points = 500 if quick else 2000
    sizes = {"points": points, "tests": points // 4}
    evd = Contender("evd", "ceilings:evd", {"size": points})
    gemm = Contender("gemm", "ceilings:gemm", {"size": points})
    yield Comparison(
        f"N = {points}, M = {points // 4}, {OUTPUTS} outputs, {TIMES} times",
        (
            evd,
            gemm,
            Contender("means", "evolution:solved", {**sizes, "extras": []}),
            Contender("variances", "evolution:solved", {**sizes, "extras": ["variance"]}),
            Contender("one product a time", "evolution:variance_by_time", sizes),
        ),
        (
            Ratio("means", "evd", at_most=1.3),
            Ratio("variances", "evd", at_most=4.0),
            Ratio("one product a time", "evd"),
            Ratio("means", "gemm"),
            Ratio("variances", "gemm"),
            Ratio("evd", "gemm"),
        ),
    )
    few = {"points": points, "tests": points // 4, "times": 4}
    yield Comparison(
        f"N = {points}, M = {points // 4}, covariances at 4 times",
        (evd, Contender("covariances", "evolution:solved", {**few, "extras": ["covariance"]})),
        (Ratio("covariances", "evd"),),
    )
    small = points // 4
    flow = {"points": small, "tests": small // 4, "outputs": 1}
    yield Comparison(
        f"N = {small}, references: one output",
        (
            Contender("eigh, 200 times", "evolution:solved", {**flow, "extras": []}),
            Contender("expm, one time", "evolution:solved", {**flow, **ONE, "solver": "expm"}),
            Contender(
                "ode DOP853, to t = 100/λ₁",
                "evolution:solved",
                {**flow, **ONE, "solver": "ode", "latest": 100.0, "relative": True},
            ),
            Contender(
                "ode BDF, to t = 100/λ₁",
                "evolution:solved",
                {
                    **flow,
                    **ONE,
                    "solver": "ode",
                    "options": {"method": "BDF", "relative_tolerance": 1e-6},
                    "latest": 100.0,
                    "relative": True,
                },
            ),
        ),
        (
            Ratio("expm, one time", "eigh, 200 times"),
            Ratio("ode DOP853, to t = 100/λ₁", "eigh, 200 times"),
            Ratio("ode BDF, to t = 100/λ₁", "eigh, 200 times"),
        ),
    )


ONE: Mapping[str, Any] = {"times": 1, "extras": []}


def solved(
    points: int,
    tests: int,
    extras: list[str],
    solver: str = "eigh",
    options: Mapping[str, Any] | None = None,
    times: int = TIMES,
    latest: float = LATEST,
    outputs: int = OUTPUTS,
    relative: bool = False,
) -> Callable[[], Mapping[str, float]]:
    """All that a cell costs when its kernels are there: decomposition, outputs and spread.

    Returns what the largest variance or output deviates from that of each time by itself.
    """
    import numpy as np
    from ntksim.linalg import eigendecomposition
    from ntksim.types import KernelBlocks, Kernels, Problem

    from ntksim_builtin.solvers import Eigh, Expm, Ode

    train, test_train, test, targets = _kernels(points, tests, outputs)
    largest = float(np.linalg.eigvalsh(train[0])[-1])
    grid = np.geomspace(1e-2, latest, times) if times > 1 else np.array([latest])
    grid = grid / largest if relative else grid
    made = {"eigh": Eigh, "expm": Expm, "ode": Ode}[solver](**(options or {}))

    def run() -> Mapping[str, float]:
        spectrum = eigendecomposition(train[0]) if solver == "eigh" else None
        problem = Problem(
            x_train=np.zeros((points, 1)),
            y_train=targets,
            x_test=np.zeros((tests, 1)),
            f0_train=np.zeros((points, outputs)),
            f0_test=np.zeros((tests, outputs)),
            zero_initial_output=False,
            kernels=KernelBlocks(
                Kernels(*reversed(train)), Kernels(*reversed(test_train)), Kernels(nngp=test[1])
            ),
            spectrum=spectrum,
            extras=frozenset(extras),  # pyright: ignore[reportArgumentType]
        )
        evolution = made.evolve(problem, grid)
        return {"output": float(np.abs(evolution.test).max())}

    return run


def variance_by_time(points: int, tests: int) -> Callable[[], Mapping[str, float]]:
    """Decomposition and variances as they are written down: one product for every time."""
    import numpy as np
    from scipy import linalg

    train, test_train, test, _ = _kernels(points, tests, 1)
    times = np.geomspace(1e-2, LATEST, TIMES)

    def run() -> Mapping[str, float]:
        values, vectors = linalg.eigh(train[0], driver="evd", check_finite=False)
        factor = np.linalg.cholesky(
            np.block([[train[1], test_train[1].T], [test_train[1], test[1]]])
        )
        projection, weights = test_train[0] @ vectors, vectors.T @ factor[:points]
        variance = np.empty((len(times), tests))
        for index, time in enumerate(times):
            grown = -np.expm1(-values * time) / values
            deviation = factor[points:] - (projection * grown) @ weights
            variance[index] = np.vecdot(deviation, deviation)
        return {"variance": float(variance.max())}

    return run


def _kernels(points: int, tests: int, outputs: int) -> tuple[Any, Any, Any, Any]:
    """Tangent and NNGP kernels of a deep ReLU network in 32 dimensions, and targets."""
    import numpy as np

    from ntksim_builtin.architectures import Mlp

    rng = np.random.default_rng(0)
    x = rng.standard_normal((points + tests, 32))
    kernels = Mlp(depth=3).network((32,), 1).kernels(x)
    pair = [np.asarray(kernels.ntk), np.asarray(kernels.nngp)]
    train = [np.ascontiguousarray(k[:points, :points]) for k in pair]
    test_train = [np.ascontiguousarray(k[points:, :points]) for k in pair]
    test = [np.ascontiguousarray(k[points:, points:]) for k in pair]
    return train, test_train, test, rng.standard_normal((points, outputs))
