"""Running on a Dask cluster that somebody else has started."""

import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ntksim.engine import Event, NoScheduler, Warned, run
from ntksim.engine.workshop import OtherCode, Workshop
from ntksim.store import Journal, Places

from running_processes import PATIENCE
from running_studies import environment, lines, ntksim, recorded, without_rate, write_study

pytestmark = pytest.mark.workers


class Elsewhere:
    """A scheduler and its workers, which run in another folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.contact = folder / "scheduler.json"
        self._start("scheduler", "--port", "0")
        end = time.monotonic() + PATIENCE
        self.address = ""
        while not self.address:
            assert time.monotonic() < end
            time.sleep(0.05)
            if self.contact.exists() and (text := self.contact.read_text()).endswith("}"):
                self.address = json.loads(text)["address"]

    def add_worker(self) -> None:
        self._start("worker", "--nthreads", "1", "--local-directory", str(self.folder))

    def _start(self, *arguments: str) -> None:
        common = ("--scheduler-file", str(self.contact), "--host", "127.0.0.1", "--no-dashboard")
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments, *common],
            cwd=self.folder,
            env=environment(),
            stderr=subprocess.DEVNULL,
        )
        self.processes.append(process)

    def end(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(PATIENCE)


@pytest.fixture
def deserted(tmp_path: Path) -> Iterator[Elsewhere]:
    """A scheduler without workers."""
    (tmp_path / "elsewhere").mkdir()
    cluster = Elsewhere(tmp_path / "elsewhere")
    try:
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
def cluster(deserted: Elsewhere) -> Elsewhere:
    deserted.add_worker()
    return deserted


def test_plugin_files_travel(tmp_path: Path, cluster: Elsewhere) -> None:
    folder = tmp_path / "here"
    study = write_study(folder, record=["loss", "threads"], width=[4, 8, math.inf])
    text = study.read_text().replace("Infinity", ".inf")
    study.write_text(text)
    found = ntksim("run", study, "--scheduler", cluster.address, cwd=folder)
    assert found.returncode == 0
    assert without_rate(found.stderr) == "computing 5 cells, 0 are stored\n"
    journal = Journal(Places.of(folder / "small.zarr").journal)
    for key in sorted(journal.keys()):
        # Its environment says nothing about threads, and it is not our process.
        assert int(journal.value(key, "threads")) == 1
    run(study, store=tmp_path / "same.zarr")
    there, here = recorded(folder / "small.zarr"), recorded(tmp_path / "same.zarr")
    assert there.keys() == here.keys()
    for key in there:
        assert there[key].pop("process") != here[key].pop("process")
        # How many libraries are loaded is nothing that the study could fix.
        del there[key]["libraries"], here[key]["libraries"]
    assert there == here


def test_a_cell_that_takes_too_long_fails_alone(tmp_path: Path, cluster: Elsewhere) -> None:
    solver = {"name": "misbehaving", "deed": "sleep", "width": 4, "seed": 1}
    study = write_study(tmp_path, solver=solver | {"tally": str(tmp_path / "tally")})
    summary = run(study, store=tmp_path / "small.zarr", scheduler=cluster.address, cell_timeout=12)
    assert summary.counts == {"done": 3, "failed": 1}
    assert len(lines(tmp_path / "tally")) == 4


def test_a_cluster_without_workers_does_not_hang(tmp_path: Path, deserted: Elsewhere) -> None:
    events: list[Event] = []
    summary = run(
        write_study(tmp_path),
        store=tmp_path / "small.zarr",
        scheduler=deserted.address,
        stalled_after=1.5,
        listener=events.append,
    )
    assert summary.counts == {"missing": 4}
    assert [event.message for event in events if isinstance(event, Warned)] == [
        f"no worker has done anything for 1.5 seconds (attempt {number} of 3)"
        for number in (1, 2, 3)
    ]


def test_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ntksim.engine.cluster.ANSWERING", "1s")
    study = write_study(tmp_path)
    with pytest.raises(NoScheduler, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9: "):
        run(study, store=tmp_path / "small.zarr", scheduler="tcp://127.0.0.1:9")
    found = ntksim("run", study, "--scheduler", "nonsense://x", cwd=tmp_path)
    assert found.returncode == 2
    assert found.stderr.splitlines()[-1].startswith("error: no Dask scheduler answers at nonsense")
    assert "Traceback" not in found.stderr


def test_workers_with_other_code_are_refused() -> None:
    mine = Workshop().registry
    here = Workshop.of(mine)
    assert here.registry.offers
    for name, version in (("builtin", "0.0.1"), ("numerics", "0"), ("ntksim", "99")):
        other = dict(here.versions) | {name: version}
        there = Workshop(here.local, here.blocked, tuple(other.items()))
        with pytest.raises(OtherCode, match=f"of {name}, the study was planned with {version}"):
            _ = there.registry
    # What is only there is missed when something asks for it by name.
    more = Workshop(here.local, here.blocked, (*here.versions, ("another", "1")))
    assert more.registry.offers
