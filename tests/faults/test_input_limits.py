"""A typo in a size is refused with its place, before anything of that size is allocated."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ntksim.engine import resources
from ntksim.study import load_study, plan_cells

from running_studies import environment

BASE: dict[str, Any] = {
    "study": "typo",
    "dataset": "three_points",
    "architecture": "mlp",
    "width": 4,
    "time": [0, 1],
    "kernel": "analytic",
    "solver": "eigh",
}

PROGRAM = """
import json, resource, sys
from click.testing import CliRunner
import ntksim.engine, sklearn.datasets, scipy.linalg, ntksim.cli.run
from ntksim.cli import main

with open("/proc/self/statm") as statm:
    used = int(statm.read().split()[0]) * resource.getpagesize()
# A quarter of what the smallest of the refused sizes would take.
resource.setrlimit(resource.RLIMIT_AS, (used + 400_000_000,) * 2)
for line in sys.stdin:
    result = CliRunner().invoke(main, ["run", json.loads(line), "--store", "typo.zarr"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    print(json.dumps([result.exit_code, result.stderr]), flush=True)
"""

HUGE = 10**9
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "width of a network": ({"width": HUGE}, r"a cell of width 1000000000 takes about 32 EB"),
    "width beyond all": ({"width": 10**10}, r"a width of 10000000000 is beyond 1,000,000,000"),
    "width of an empirical kernel": (
        {"width": 1e7, "kernel": "empirical", "initial_output": "zero"},
        "a cell of width 10000000 takes about 3.2 PB",
    ),
    "depth": ({"architecture": {"name": "mlp", "depth": HUGE}}, "is not at most 10000"),
    "blocks": ({"architecture": {"name": "residual_mlp", "blocks": HUGE}}, "is not at most 10000"),
    "seeds": ({"seed": {"count": 10**7}}, r"10000000 seeds are more than the 1,000,000 cells"),
    "cells": (
        {"seed": {"count": 3200}, "width": list(range(1, 3201))},
        r"3200 width × 3200 seed make 10,240,000 cells; at most 1,000,000",
    ),
    "times": ({"time": {"linspace": [0, 1], "count": HUGE}}, "is not a count"),
    "grid of three points": ({"dataset": {"name": "three_points", "points": HUGE}}, "'points'"),
    "training points of a kernel": (
        {"dataset": {"name": "circle", "train": 10**6}},
        r"a cell of 'circle-1000000' takes about 32 TB \(kernels 32 TB",
    ),
    "frequency": ({"dataset": {"name": "circle", "frequency": HUGE}}, "is not at most 1000000"),
    "degree": ({"dataset": {"name": "sphere", "degree": HUGE}}, "is not at most 10000"),
    "teacher": (
        {"dataset": {"name": "linear_teacher", "dimension": 10**5, "outputs": 10**5, "train": 1}},
        r"a teacher of dimension 100,000 with 100,000 outputs",
    ),
    **{
        f"{option} of {name}": (
            {"dataset": {"name": name, option: HUGE}},
            r"asks for .* generated data hold at most 100,000,000 numbers|cannot be taken from",
        )
        for name in ("circle", "sphere", "function", "linear_teacher", "digits")
        for option in ("train", "test")
    },
    "dimension": ({"dataset": {"name": "sphere", "dimension": HUGE}}, "asks for 100 points of"),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """What the command line said to each case, in a process that may not have much memory."""
    folder = tmp_path_factory.mktemp("typos")
    paths = []
    for number, (changes, _) in enumerate(CASES.values()):
        paths.append(folder / f"typo{number}.yaml")
        lines = (f"{key}: {json.dumps(value)}\n" for key, value in (BASE | changes).items())
        paths[-1].write_text("".join(lines), encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        input="".join(json.dumps(str(path)) + "\n" for path in paths),
        cwd=folder,
        env=environment() | {"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths)
    return {name: tuple(json.loads(line)) for name, line in zip(CASES, lines, strict=True)}


@pytest.mark.parametrize("case", CASES)
def test_a_size_that_must_be_a_typo_is_refused(
    case: str, answers: dict[str, tuple[int, str]]
) -> None:
    code, said = answers[case]
    changes, words = CASES[case]
    key = next(iter(changes))
    line = 1 + list(BASE | changes).index("width" if case == "cells" else key)
    assert code == 2
    assert said.startswith("error: ")
    assert f".yaml:{line}:" in said
    assert "MemoryError" not in said
    assert re.search(words, said), said


def test_the_memory_of_the_machine_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = resources.machine_memory()
    assert found is not None
    assert 2**28 < found < 2**50
    # A container may have less than the machine, or say that it has no limit.
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(resources, "CGROUP_LIMIT", limit)
    limit.write_text("123456789\n")
    assert resources.machine_memory() == 123456789
    limit.write_text("max\n")
    assert (resources.machine_memory() or 0) >= found
    assert resources.Resources().memory_of_one == resources.machine_memory()
    assert resources.Resources(memory=10**9).memory_of_one == 10**9
    assert resources.Resources(scheduler="tcp://there:8786").memory_of_one is None


@pytest.mark.parametrize(
    "architecture",
    ["mlp", "residual_mlp", "shallow_relu", {"name": "mlp", "depth": 1, "bias_std": 0.5}],
)
def test_parameters_are_counted_without_drawing_them(architecture: Any) -> None:
    study = load_study({**BASE, "architecture": architecture, "width": 37})
    plan = plan_cells(study)
    (key,) = plan.tasks
    drawn = sum(value.size for value in plan.tasks[key].model.build(study.registry).params.values())
    # The parameters and a gradient, 8 bytes a number.
    assert plan.tasks.memory(key).network == 16 * drawn


def test_a_network_of_infinite_width_has_no_parameters() -> None:
    plan = plan_cells(load_study({**BASE, "width": float("inf")}))
    (key,) = plan.tasks
    assert plan.tasks.memory(key).network == 0
