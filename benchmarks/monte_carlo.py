"""Monte Carlo kernels: linear in samples with constant memory, and shared by workers."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.comparison import Comparison, Contender, Ratio, Run
from benchmarks.study_overhead import in_two, on_cluster, on_one_and_two

STUDY = """\
study: averaged
dataset: {{name: digits, classes: [3, 8], train: {points}, test: 50}}
architecture: {{name: mlp, depth: 2}}
width: {width}
time: [0, 1, .inf]
kernel: {{name: monte_carlo, samples: {samples}}}
solver: eigh
record: [loss]
"""


def comparisons(*, quick: bool) -> Iterable[Comparison]:
    """More samples of one kernel, and one kernel on one and two workers."""
    points, width = (50, 50) if quick else (250, 500)
    few = 16
    counts = (few, 4 * few, 16 * few)
    yield Comparison(
        f"N = {points}, width {width}, depth 2: samples",
        tuple(
            Contender(
                f"{samples} samples",
                "monte_carlo:sampled",
                {"points": points, "width": width, "samples": samples},
            )
            for samples in counts
        ),
        (
            # Four times as many, and a tenth for what differs between runs.
            Ratio(f"{counts[1]} samples", f"{counts[0]} samples", at_most=4.4),
            Ratio(f"{counts[2]} samples", f"{counts[1]} samples", at_most=4.4),
        ),
    )
    sizes = {"points": points, "width": width, "samples": 64 * few}
    name = f"N = {points}, width {width}, depth 2: one kernel of {sizes['samples']} samples"
    yield on_one_and_two(name, "monte_carlo:shared", sizes, 1.8)


def sampled(points: int, width: int, samples: int) -> Run:
    """Average the kernels of networks in this process."""
    import numpy as np
    from ntksim.types import Model, SeedTree

    from ntksim_builtin.architectures import Mlp
    from ntksim_builtin.kernels import MonteCarlo

    x = np.random.default_rng(0).standard_normal((points, 64))
    model = Model(Mlp(depth=2).network((64,), 1), width, SeedTree(0))
    provider = MonteCarlo(samples=samples)

    def run() -> dict[str, float]:
        kernels = provider.kernels(model, x)
        assert kernels.ntk is not None  # noqa: S101
        assert kernels.ntk_standard_error is not None  # noqa: S101
        relative = float(kernels.ntk_standard_error.mean() / np.abs(kernels.ntk).mean())
        return {"relative error of the mean": relative}

    return run


def shared(workers: int, points: int, width: int, samples: int) -> Run:
    """Run a study of one cell, whose kernel is all of its work, on workers that are there."""
    if not workers:
        return in_two(STUDY.format(points=points, width=width, samples=samples // 2))
    return on_cluster(STUDY.format(points=points, width=width, samples=samples), workers)
