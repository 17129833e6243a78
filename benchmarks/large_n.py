"""Large N: gradient flow by products with a kernel in tiles, beside its eigendecomposition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from benchmarks.comparison import Comparison, Contender, Ratio

OUTPUTS, TESTS, FEATURES, TOLERANCE = 10, 500, 32, 1e-6


def comparisons(*, quick: bool) -> Iterable[Comparison]:
    """Accuracy and time where both are possible, and what only products can do."""
    points = 1000 if quick else 4000
    both = {"points": points}
    yield Comparison(
        f"N = {points}, {OUTPUTS} outputs, 30 times and t = ∞",
        (
            Contender("krylov", "large_n:krylov", {**both, "compared": True}),
            Contender("krylov, tiles on disk", "large_n:krylov", {**both, "on_disk": True}),
            Contender("kernel and eigh", "large_n:eigh", both),
        ),
        (
            Ratio("kernel and eigh", "krylov"),
            Ratio("krylov, tiles on disk", "krylov"),
        ),
        rounds=5,
    )
    points = 2000 if quick else 20_000
    yield Comparison(
        f"N = {points}, {OUTPUTS} outputs, 30 times and t = ∞",
        (
            Contender("krylov", "large_n:krylov", {"points": points}),
            Contender("gemm, a tenth of N", "ceilings:gemm", {"size": points // 10}),
        ),
        # evd is at least 4 products of the same size, each 1000 times that of a tenth.
        (Ratio("krylov", "gemm, a tenth of N"),),
        rounds=3 if quick else 1,
    )


def krylov(
    points: int, compared: bool = False, on_disk: bool = False
) -> Callable[[], Mapping[str, float]]:
    """Tiles of the kernel, and the outputs at all times to the tolerance.

    Returns the bounds of the error and, if ``compared``, the error beside ``eigh``, all relative to
    the root mean square of the targets; products with the kernel; and the seconds of both parts.
    """
    import tempfile
    import time
    from pathlib import Path

    import numpy as np
    from ntksim.engine.tiles import Place, tiled_operators
    from ntksim.types import KernelOperator

    from ntksim_builtin.solvers import Krylov

    network, x, problem, times = _problem(points)
    known = _by_eigh(network, x, problem, times) if compared else None

    class Counted(KernelOperator):
        def __init__(self, operator: KernelOperator) -> None:
            self.operator, self.shape, self.columns = operator, operator.shape, 0

        def matmul(self, vectors: Any) -> Any:
            self.columns += vectors.shape[1]
            return self.operator.matmul(vectors)

    def make(x1: Any, x2: Any) -> Any:
        return np.ascontiguousarray(network.kernels(x1, x2).ntk)

    def run() -> Mapping[str, float]:
        from dataclasses import replace

        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            place = Place(folder=Path(folder)) if on_disk else Place()
            operators = tiled_operators(make, x[:points], x[points:], place)
            counted = Counted(operators.train)
            built = time.perf_counter() - start
            given = replace(problem, operators=replace(operators, train=counted))
            evolution = Krylov(tolerance=TOLERANCE).evolve(given, times)
        assert evolution.error_train is not None  # noqa: S101 - krylov gives both
        assert evolution.error_test is not None  # noqa: S101
        scale = float(np.sqrt(np.mean(np.sum(problem.y_train**2, axis=1))))
        bound = max(evolution.error_train.max(), evolution.error_test.max())
        found = {
            "kernel seconds": built,
            "products": counted.columns / OUTPUTS,
            "bound of the error": float(bound) / scale,
            "times not reached": float(np.isnan(evolution.reached).sum()),
        }
        if known is not None:
            test = np.linalg.norm(evolution.test - known.test, axis=2).max()
            train = np.sqrt(np.mean(np.sum((evolution.train - known.train) ** 2, axis=2), axis=1))
            found["error beside eigh"] = float(max(test, train.max())) / scale
        return found

    return run


def eigh(points: int) -> Callable[[], None]:
    """The kernel as a matrix, its decomposition, and the outputs at all times."""
    network, x, problem, times = _problem(points)

    def run() -> None:
        _by_eigh(network, x, problem, times)

    return run


def _problem(points: int) -> tuple[Any, Any, Any, Any]:
    """A deep ReLU network on Gaussian inputs, with a smooth target and noise."""
    import numpy as np
    from ntksim.types import Problem

    from ntksim_builtin.architectures import Mlp

    rng = np.random.default_rng(0)
    x = rng.standard_normal((points + TESTS, FEATURES))
    network = Mlp(depth=3).network((FEATURES,), OUTPUTS)
    targets = np.tanh(x @ rng.standard_normal((FEATURES, OUTPUTS)))
    targets += 0.1 * rng.standard_normal(targets.shape)
    problem = Problem(
        x_train=x[:points],
        y_train=targets[:points],
        x_test=x[points:],
        f0_train=np.zeros((points, OUTPUTS)),
        f0_test=np.zeros((TESTS, OUTPUTS)),
        zero_initial_output=False,
    )
    times = np.append(np.geomspace(1e-4, 1e3, 30), np.inf)
    return network, x, problem, times


def _by_eigh(network: Any, x: Any, problem: Any, times: Any) -> Any:
    from dataclasses import replace

    from ntksim.linalg import eigendecomposition
    from ntksim.types import KernelBlocks

    from ntksim_builtin.solvers import Eigh

    points = len(problem.x_train)
    train = network.kernels(x[:points])
    blocks = KernelBlocks(train, network.kernels(x[points:], x[:points]))
    given = replace(problem, kernels=blocks, spectrum=eigendecomposition(train.ntk))
    return Eigh().evolve(given, times)
