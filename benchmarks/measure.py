"""Measuring contenders side by side: processes of their own, in turn, round after round."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.comparison import Comparison, Contender, Ratio, parts
from benchmarks.environments import python_of

ROOT = Path(__file__).parents[1]


class ContenderError(Exception):
    """A contender could not run; the message says which, and its own last words."""


def measure(comparison: Comparison, note: Callable[[str], None]) -> dict[str, Any]:
    """Measure all contenders and return plain JSON: times, memory, numbers and ratios.

    Every contender runs once before the first round, where compilation, imports and caches are
    paid; that first time is recorded apart. Then each round runs all of them in turn, every other
    round in reverse, so that a change in the machine's load meets all of them. A contender that
    fails is reported with its error, and ratios with it are left out.
    """
    found: dict[str, dict[str, Any]] = {}
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for contender in comparison.contenders:
            note(f"{comparison.name}: {contender.name} starts")
            own = {
                **asdict(contender),
                "seconds": [],
                "cpu_seconds": [],
                "peak_bytes": [],
                "numbers": [],
            }
            found[contender.name] = own
            try:
                worker = stack.enter_context(working(contender))
                own["first_seconds"] = worker.run()["seconds"]
                workers[contender.name] = worker
            except (ContenderError, RuntimeError) as error:
                own["error"] = str(error)
        for number in range(comparison.rounds):
            note(f"{comparison.name}: round {number + 1} of {comparison.rounds}")
            for name in sorted(workers, key=list(workers).index, reverse=bool(number % 2)):
                own = found[name]
                if "error" in own:
                    continue
                try:
                    answer = workers[name].run()
                except ContenderError as error:
                    own["error"] = str(error)
                    continue
                own["seconds"].append(answer["seconds"])
                own["cpu_seconds"].append(answer["cpu_seconds"])
                own["peak_bytes"].append(answer.get("peak_bytes"))
                own["numbers"].append(answer["numbers"])
    return {
        "name": comparison.name,
        "contenders": found,
        "ratios": [summary for ratio in comparison.ratios if (summary := _ratio(ratio, found))],
    }


class Worker:
    """The process of one contender."""

    def __init__(self, contender: Contender, process: subprocess.Popen[str]) -> None:
        self._contender = contender
        self._process = process
        self._ask(json.dumps({"function": contender.function, "arguments": contender.arguments}))

    def run(self) -> dict[str, Any]:
        """Run once and return seconds, the peak of memory and the contender's own numbers."""
        return self._ask("run")

    def _ask(self, order: str) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 - both are pipes
        assert self._process.stdout is not None  # noqa: S101
        try:
            self._process.stdin.write(order + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ContenderError(
                f"{self._contender.name} ended without an answer (code {self._process.poll()})"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise ContenderError(f"{self._contender.name}: {answer['error']}")
        return answer


@contextmanager
def working(contender: Contender) -> Iterator[Worker]:
    """Start a contender's process, held to its number of threads and cores."""
    command = [str(python_of(contender.environment)), "-m", "benchmarks.worker"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | _thread_limits(contender.threads),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        _pin(process.pid, contender.threads)
        yield Worker(contender, process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _thread_limits(threads: int) -> dict[str, str]:
    names = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA", "NUMEXPR")
    limits = {f"{name}_NUM_THREADS": str(threads) for name in names}
    if threads == 1:
        limits["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return limits


def _pin(pid: int, threads: int) -> None:
    """Let a process have so many cores, the same ones for all contenders.

    XLA's pool has a thread for every core that it sees, whatever its flags say.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) >= threads:
            os.sched_setaffinity(pid, cores[-threads:])


def _ratio(ratio: Ratio, found: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    names = (*parts(ratio.slow), *parts(ratio.fast))
    if any("error" in found[name] for name in names):
        return None

    def quotients_of(clock: str) -> list[float]:
        def times(side: str | tuple[str, ...]) -> list[float]:
            return [sum(run) for run in zip(*(found[n][clock] for n in parts(side)), strict=True)]

        pairs = zip(times(ratio.slow), times(ratio.fast), strict=True)
        return sorted(a / b if b else float("inf") for a, b in pairs)

    quotients = quotients_of("seconds")
    median = statistics.median(quotients)
    reached: bool | None = None
    if ratio.at_least is not None:
        reached = median >= ratio.at_least
    if ratio.at_most is not None:
        reached = median <= ratio.at_most
    return {
        "label": ratio.label,
        "median": median,
        "lowest": quotients[0],
        "highest": quotients[-1],
        "cpu_median": statistics.median(quotients_of("cpu_seconds")),
        "at_least": ratio.at_least,
        "at_most": ratio.at_most,
        "reached": reached,
    }


def machine() -> dict[str, Any]:
    """Describe what was measured on: processor, cores, system, load and versions."""
    import platform
    from importlib import metadata

    names = ("ntksim", "numpy", "scipy", "numba", "dask", "distributed", "xarray", "zarr")
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
        "load": load(),
        "time": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }


def load() -> float | None:
    """Return how many processes wanted to run, on average over the last minute."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    import platform

    return platform.processor()
