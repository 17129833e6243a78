"""What a study costs beside its mathematics, measured on thousands of tiny cells.

    python benchmarks/study_overhead.py [--cells 5000] [--repeats 3]

prints one row for each measurement: the median of the repetitions by the clock, their least and
their most, and the median of the time of the processor, which is the steadier one on a busy
machine. Everything runs in processes of its own, in a folder that is deleted afterwards; what the
disk does is part of what is measured, so the folder should lie where stores lie (``--folder``).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

STUDY = """\
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

INSIDE = """
import json, resource, sys, time
from pathlib import Path
import ntksim
from ntksim.engine import duties

def clocks():
    used = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), sum(part.ru_utime + part.ru_stime for part in used)

inside = [0.0, 0.0]

def timed(workshop, threads, announced, function, *arguments, call=duties.call):
    start = clocks()
    try:
        return call(workshop, threads, announced, function, *arguments)
    finally:
        for i, (before, after) in enumerate(zip(start, clocks())):
            inside[i] += after - before

workers = int(sys.argv[3])
if workers == 1:
    duties.call = timed
study = ntksim.load_study(Path(sys.argv[1]))
start = clocks()
summary = ntksim.run(study, store=sys.argv[2], workers=workers)
whole = [after - before for before, after in zip(start, clocks())]
assert summary.is_complete
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([whole, inside, peak]))
"""


@dataclass(frozen=True)
class Time:
    """Seconds by the clock, and of the processor."""

    clock: float
    processor: float

    def __sub__(self, other: Time) -> Time:
        return Time(self.clock - other.clock, self.processor - other.processor)

    def __mul__(self, factor: float) -> Time:
        return Time(factor * self.clock, factor * self.processor)


@dataclass(frozen=True)
class Bench:
    """A folder, and how many cells are run there."""

    folder: Path
    cells: int

    def study(self, cells: int) -> Path:
        """Write the study of so many cells."""
        path = self.folder / f"tiny-{cells}.yaml"
        path.write_text(STUDY.format(seeds=cells // WIDTHS), encoding="utf-8")
        return path

    def run(self, cells: int, workers: int) -> tuple[Time, Time, float]:
        """Run a study anew; return its time, that of mathematics, and its peak memory in bytes."""
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            return self.run_on(Path(place, "tiny.zarr"), cells, workers)

    def run_on(self, store: Path, cells: int, workers: int = 1) -> tuple[Time, Time, float]:
        """Run a study on a store."""
        command = [sys.executable, "-c", INSIDE, self.study(cells), store, str(workers)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        whole, inside, peak = json.loads(done.stdout)
        return Time(*whole), Time(*inside), peak

    def command(self, *arguments: object) -> Time:
        """Return how long a command takes, from its start to its end."""
        start, used = time.perf_counter(), _used_by_children()
        subprocess.run(
            [sys.executable, "-m", "ntksim", *map(str, arguments)],
            check=True,
            capture_output=True,
            cwd=self.folder,
        )
        return Time(time.perf_counter() - start, _used_by_children() - used)


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def overhead_in_process(bench: Bench) -> Time:
    """Milliseconds a cell in one process, without the time spent in the tasks themselves."""
    whole, mathematics, _ = bench.run(bench.cells, workers=1)
    return (whole - mathematics) * (1e3 / bench.cells)


def mathematics_in_process(bench: Bench) -> Time:
    """Milliseconds a cell in the tasks: kernels, spectra, initial outputs, solving, measuring."""
    _, mathematics, _ = bench.run(bench.cells, workers=1)
    return mathematics * (1e3 / bench.cells)


def all_with_two_workers(bench: Bench) -> Time:
    """Milliseconds a cell with two local workers, with their start and the mathematics."""
    whole, _, _ = bench.run(bench.cells, workers=2)
    return whole * (1e3 / bench.cells)


def memory_of_a_cell(bench: Bench) -> Time:
    """Bytes by which the peak grows with each cell, from a fifth of the cells to all of them."""
    few = bench.cells // 5
    _, _, small = bench.run(few, workers=1)
    _, _, large = bench.run(bench.cells, workers=1)
    return Time((large - small) / (bench.cells - few), 0.0)


def resuming(bench: Bench) -> Time:
    """Seconds of ``ntksim run`` on a store in which every cell is stored."""
    return bench.command("run", bench.study(bench.cells), "--store", bench.folder / "full.zarr")


def checking_everything(bench: Bench) -> Time:
    """Seconds of ``ntksim check`` beside that store."""
    return bench.command("check", bench.study(bench.cells), "--store", bench.folder / "full.zarr")


def checking(bench: Bench) -> Time:
    """Seconds of ``ntksim check`` of a study of five cells without a store."""
    return bench.command("check", bench.study(WIDTHS))


def helping(bench: Bench) -> Time:
    """Seconds of ``ntksim --help``."""
    return bench.command("--help")


def adopting(bench: Bench) -> Time:
    """Seconds of ``ntksim run`` on that store without its journal, which is restored from it."""
    shutil.rmtree(bench.folder / "full.cells")
    return bench.command("run", bench.study(bench.cells), "--store", bench.folder / "full.zarr")


ROWS: tuple[tuple[str, str, str, Callable[[Bench], Time]], ...] = (
    ("overhead, one process", "ms/cell", "5", overhead_in_process),
    ("mathematics, one process", "ms/cell", "", mathematics_in_process),
    ("everything, two workers", "ms/cell", "10", all_with_two_workers),
    ("memory of a further cell", "bytes", "", memory_of_a_cell),
    ("run, all cells stored", "s", "3", resuming),
    ("check, all cells stored", "s", "", checking_everything),
    ("check, five cells", "s", "1.5", checking),
    ("--help", "s", "0.3", helping),
    ("run, journal gone", "s", "", adopting),
)


def measured(bench: Bench, repeats: int, only: str) -> Iterator[tuple[str, str, str, list[Time]]]:
    """Yield each row with its values."""
    store = bench.folder / "full.zarr"
    for name, unit, target, measure in ROWS:
        if only not in name:
            continue
        if measure in (resuming, checking_everything, adopting) and not store.exists():
            bench.run_on(store, bench.cells)
        yield name, unit, target, [measure(bench) for _ in range(repeats)]


def table(bench: Bench, repeats: int, only: str = "") -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"{bench.cells} cells, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    heads = ("target", "median", "least", "most", "processor")
    yield f"{'':28}{'unit':>9}" + "".join(f"{head:>10}" for head in heads)
    for name, unit, target, values in measured(bench, repeats, only):
        clock = [value.clock for value in values]
        processor = statistics.median(value.processor for value in values)
        numbers = (statistics.median(clock), min(clock), max(clock), processor)
        yield f"{name:28}{unit:>9}{target:>10}" + "".join(f"{number:10.3g}" for number in numbers)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What a study costs beside its mathematics.")
    parser.add_argument("--cells", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bench = Bench(Path(folder), options.cells)
        for line in table(bench, options.repeats, options.only):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
