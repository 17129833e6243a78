"""Studies: what they cost beside their mathematics, on thousands of tiny cells, and with workers.

Stores are written where temporary files go (``TMPDIR``), and what that disk does is part of what is
measured. Of 5,000 cells there is one run after the first one; everything else has five rounds.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.comparison import Comparison, Contender, Ratio, Run

TINY = """\
study: tiny
dataset: {{name: three_points, points: 4}}
architecture: shallow_relu
width: [4, 8, 16, 32, 64]
seed: {{count: {seeds}}}
time: [0, 1, .inf]
kernel: empirical
solver: eigh
record: [loss]
"""

WIDTHS = 5

HEAVY = """\
study: heavy
dataset: {{name: digits, classes: [3, 8], train: {points}, test: 50}}
architecture: {{name: mlp, depth: 2}}
width: {width}
seed: {{count: {seeds}}}
time: [0, 1, .inf]
kernel: empirical
solver: eigh
record: [loss]
"""


def comparisons(*, quick: bool) -> Iterable[Comparison]:
    """Runs in one process and with two workers, commands on what is stored, and heavy cells."""
    cells = 500 if quick else 5000
    rounds = 1
    yield Comparison(
        f"{cells} tiny cells (wanted: overhead below 5 ms a cell in one process)",
        (
            Contender("one process", "study_overhead:in_process", {"cells": cells}),
            Contender("a fifth of the cells", "study_overhead:in_process", {"cells": cells // 5}),
            Contender("files alone", "study_overhead:files", {"count": cells}),
        ),
        (Ratio("one process", "files alone"), Ratio("one process", "a fifth of the cells")),
        rounds,
    )
    yield Comparison(
        f"{cells} tiny cells (wanted: below 10 ms a cell with a local cluster, its start included)",
        (Contender("two workers", "study_overhead:with_workers", {"cells": cells}, threads=2),),
        (),
        rounds,
    )
    yield Comparison(
        f"commands on the store of {cells} cells (wanted: run 3 s)",
        tuple(
            Contender(f"ntksim {name}", "study_overhead:command", {"name": name, "cells": cells})
            for name in ("run", "check")
        ),
    )
    yield Comparison(
        "commands (wanted: check 1.5 s, --help 0.3 s)",
        (
            Contender("ntksim check, five cells", "study_overhead:checking", {}),
            Contender("ntksim --help", "study_overhead:helping", {}),
            Contender("python -c pass", "study_overhead:python", {}),
        ),
    )
    sizes = {"points": 250, "width": 500 if quick else 3000, "seeds": 16}
    yield on_one_and_two(
        f"{sizes['seeds']} heavy cells on a cluster that is there",
        "study_overhead:heavy",
        sizes,
        1.7,
    )


def on_one_and_two(name: str, function: str, sizes: dict[str, int], wanted: float) -> Comparison:
    """Compare one worker with two, and with two processes that do half of it each, alone."""
    counts = {"one worker": 1, "two workers": 2, "two processes without a cluster": 0}
    return Comparison(
        name,
        tuple(
            Contender(name, function, {"workers": count, **sizes}, threads=2)
            for name, count in counts.items()
        ),
        (
            Ratio("one worker", "two workers", at_least=wanted),
            Ratio("one worker", "two processes without a cluster"),
        ),
    )


def in_process(cells: int) -> Run:
    """Run tiny cells in this process; what is spent in their tasks is told apart."""
    import ntksim
    from ntksim.engine import duties

    path = _tiny(cells)
    inside = [0.0]
    call = duties.call

    def timed(*arguments: object) -> object:
        start = time.perf_counter()
        try:
            return call(*arguments)  # pyright: ignore[reportArgumentType]
        finally:
            inside[0] += time.perf_counter() - start

    duties.call = timed

    def run() -> dict[str, float]:
        inside[0] = 0.0
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            summary = ntksim.run(path, store=Path(folder, "tiny.zarr"))
            whole = time.perf_counter() - start
        assert summary.is_complete  # noqa: S101 - a benchmark of nothing is none
        return {
            "overhead ms/cell": (whole - inside[0]) * 1e3 / cells,
            "mathematics ms/cell": inside[0] * 1e3 / cells,
        }

    return run


def with_workers(cells: int) -> Run:
    """Run tiny cells with two local workers, their start and the mathematics included."""
    import ntksim

    path = _tiny(cells)

    def run() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            summary = ntksim.run(path, store=Path(folder, "tiny.zarr"), workers=2)
            whole = time.perf_counter() - start
        assert summary.is_complete  # noqa: S101
        return {"ms/cell": whole * 1e3 / cells}

    return run


def files(count: int) -> Run:
    """Write as many files as there are cells, flushed to the disk one by one, and renamed."""
    content = b"x" * 1500

    def run() -> dict[str, float]:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            for number in range(count):
                path = Path(folder, f"{number}.tmp")
                with open(path, "xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                path.rename(Path(folder, f"{number}.npz"))
        return {"ms/file": (time.perf_counter() - start) * 1e3 / count}

    return run


def command(name: str, cells: int) -> Run:
    """Run or check a study of which every cell is stored."""
    import ntksim

    folder = tempfile.TemporaryDirectory()
    path, store = _tiny(cells), Path(folder.name, "tiny.zarr")
    ntksim.run(path, store=store)
    return _ntksim(name, path, "--store", store, keep=folder)


def checking() -> Run:
    """Check a study of five cells without a store."""
    return _ntksim("check", _tiny(WIDTHS), "--store", "nothing.zarr")


def helping() -> Run:
    """Show the help."""
    return _ntksim("--help")


def python() -> Run:
    """Start Python and nothing else."""
    return _process([sys.executable, "-c", "pass"])


def heavy(workers: int, points: int, width: int, seeds: int) -> Run:
    """Run cells of half a second on workers that are there already, or half of them twice."""
    if not workers:
        return in_two(HEAVY.format(points=points, width=width, seeds=seeds // 2))
    return on_cluster(HEAVY.format(points=points, width=width, seeds=seeds), workers)


def in_two(text: str) -> Run:
    """Run a study in two processes at the same time: two workers could not do more."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    path = _written(text)
    pool = ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))

    def run() -> dict[str, float]:
        start = time.perf_counter()
        list(pool.map(_alone, [path, path]))
        return {"seconds": time.perf_counter() - start}

    return run


def _alone(path: Path) -> None:
    import ntksim

    with tempfile.TemporaryDirectory() as folder:
        assert ntksim.run(path, store=Path(folder, "alone.zarr")).is_complete  # noqa: S101


def on_cluster(text: str, workers: int) -> Run:
    """Run a study on ntksim's workers, started beforehand: their start is not what is compared.

    They are stopped while others take their turn: a cluster that waits takes some of a core.
    """
    from contextlib import ExitStack

    import ntksim
    import psutil  # which distributed needs
    from ntksim.engine.cluster import local_cluster

    path = _written(text)
    held = ExitStack()
    cluster = held.enter_context(local_cluster(workers, threads=1, memory=None))
    address = cluster.client.scheduler_info()["address"]
    processes = psutil.Process().children(recursive=True)

    def run(held: ExitStack = held) -> dict[str, float]:  # what is held lives as long as this
        del held
        for process in processes:
            process.resume()
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            summary = ntksim.run(path, store=Path(folder, "cluster.zarr"), scheduler=address)
            seconds = time.perf_counter() - start
        for process in processes:
            process.suspend()
        assert summary.is_complete  # noqa: S101
        return {"seconds": seconds}

    for process in processes:
        process.suspend()
    return run


def _ntksim(*arguments: object, keep: object = None) -> Run:
    return _process([sys.executable, "-m", "ntksim", *map(str, arguments)], keep)


def _process(command: list[str], keep: object = None) -> Run:
    def run(keep: object = keep) -> dict[str, float]:  # what is kept lives as long as this
        del keep
        used = _used_by_children()
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(command, check=True, capture_output=True, cwd=folder)
        return {"processor s": _used_by_children() - used}

    return run


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tiny(cells: int) -> Path:
    return _written(TINY.format(seeds=cells // WIDTHS))


def _written(text: str) -> Path:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as file:
        file.write(text)
    return Path(file.name)
