"""Workers, schedulers and whole clusters that die or hang: the run ends, and rightly."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from ntksim.engine import Event, Warned, cluster, run, watch
from ntksim.store import Journal, Places

from running_processes import kill, nannies, schedulers, workers
from running_studies import lines, recorded, statuses, write_study

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("two_cores")]


LIMIT = 7.0
"""Seconds for a cell; to load the plugins for the first one takes some on a busy machine."""


def solver(folder: Path, **options: Any) -> dict[str, Any]:
    return {"name": "misbehaving", "tally": str(folder / "tally"), **options}


def errors(store: Path) -> Counter[str]:
    journal = Journal(Places.of(store).journal)
    records = [journal.read(key) for key in sorted(journal.keys())]
    return Counter(record.info["error"] for record in records if record.status == "failed")


def begun(folder: Path) -> Counter[str]:
    """How often each width and seed was begun."""
    return Counter(line.rpartition(" ")[0] for line in lines(folder / "tally"))


@contextmanager
def harm(what: Callable[[], None], folder: Path, after: int) -> Iterator[None]:
    """Do something once so many cells were begun, while the block runs."""
    stop = threading.Event()

    def wait() -> None:
        while len(lines(folder / "tally")) < after:
            if stop.wait(0.02):
                return
        what()

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("deed", ["exit", "kill"])
def test_only_the_cell_that_kills_its_worker_is_condemned(tmp_path: Path, deed: str) -> None:
    study = write_study(
        tmp_path,
        width=[4, 8, 16],
        seed={"count": 3},
        solver=solver(tmp_path, deed=deed, width=8, seed=1),
    )
    summary = run(study, store=tmp_path / "small.zarr", workers=2)
    assert summary.counts == {"done": 8, "failed": 1}
    assert errors(tmp_path / "small.zarr") == {
        "the worker died 3 times while computing this and nothing else": 1
    }
    # In company once, or twice where several cells were one task at first; and three times alone.
    assert 4 <= begun(tmp_path)["8 1"] <= 5
    assert "seed 1" in (tmp_path / "small.log").read_text()


def test_shared_work_that_kills_its_worker_condemns_the_cells_that_need_it(tmp_path: Path) -> None:
    tally = tmp_path / "kernels"
    kernels = [{"name": "counted", "deed": "exit", "tally": str(tally)}, "analytic"]
    study = write_study(tmp_path, kernel=kernels, solver=solver(tmp_path))
    summary = run(study, store=tmp_path / "small.zarr", workers=2)
    assert summary.counts == {"done": 4, "failed": 4}
    assert errors(tmp_path / "small.zarr") == {
        "the worker died 3 times while computing the kernel that it shares and nothing else": 4
    }
    # Three times alone for all cells together; in company at most once for each.
    assert 4 <= len(lines(tally)) <= 7


def test_workers_that_are_killed_now_and_then(tmp_path: Path) -> None:
    undisturbed = write_study(tmp_path / "undisturbed", seed={"count": 8})
    run(undisturbed, store=tmp_path / "undisturbed" / "small.zarr")
    study = write_study(tmp_path, seed={"count": 8}, solver=solver(tmp_path, seconds=0.3))
    choose = random.Random(5)
    killed = []
    stop = threading.Event()

    def kill_some() -> None:
        while len(killed) < 4 and not stop.wait(choose.uniform(0.3, 1.5)):
            if lines(tmp_path / "tally") and (found := workers(os.getpid())):
                victim = choose.choice(found)
                kill(victim)
                killed.append(victim.pid)

    thread = threading.Thread(target=kill_some)
    thread.start()
    try:
        summary = run(study, store=tmp_path / "small.zarr", workers=2)
    finally:
        stop.set()
        thread.join()
    assert killed
    assert summary.is_complete
    values = [sorted(record.items()) for record in recorded(tmp_path / "small.zarr").values()]
    expected = recorded(tmp_path / "undisturbed" / "small.zarr").values()
    # The option `seconds` is part of the key, but not of the numbers.
    assert sorted(values) == sorted(sorted(record.items()) for record in expected)


@pytest.mark.parametrize("find", [schedulers, nannies])
def test_a_cluster_that_loses_a_process_is_rebuilt(
    tmp_path: Path, find: Callable[[int], list[psutil.Process]]
) -> None:
    events: list[Event] = []
    study = write_study(tmp_path, seed={"count": 4}, solver=solver(tmp_path, seconds=0.5))
    with harm(lambda: kill(*find(os.getpid())), tmp_path, after=2):
        summary = run(study, store=tmp_path / "small.zarr", workers=2, listener=events.append)
    assert summary.is_complete
    warned = [event.message for event in events if isinstance(event, Warned)]
    assert len(warned) == 1
    assert warned[0].endswith("(attempt 1 of 3)")
    # What was finished before is not computed again: at most the four in flight are.
    assert sum(begun(tmp_path).values()) <= 8 + 4


@pytest.fixture
def _answers_come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler that is gone is not waited for as long as one that is far away."""
    monkeypatch.setattr(cluster, "ANSWERING", "3s")
    monkeypatch.setattr(watch, "ANSWER_SECONDS", 1.0)


@pytest.mark.usefixtures("_answers_come_soon")
def test_a_run_without_a_lasting_cluster_ends_and_can_go_on(tmp_path: Path) -> None:
    events: list[Event] = []
    stop = threading.Event()

    def kill_schedulers() -> None:
        while not stop.wait(0.05):
            for process in schedulers(os.getpid()):
                if workers(os.getpid()):
                    kill(process)

    study = write_study(tmp_path, solver=solver(tmp_path, seconds=30, tally=""))
    thread = threading.Thread(target=kill_schedulers)
    thread.start()
    try:
        summary = run(study, store=tmp_path / "small.zarr", workers=2, listener=events.append)
    finally:
        stop.set()
        thread.join()
    assert summary.counts == {"missing": 4}
    assert not summary.is_complete
    warned = [event.message for event in events if isinstance(event, Warned)]
    assert [message[-len("(attempt 1 of 3)") :] for message in warned] == [
        f"(attempt {number} of 3)" for number in (1, 2, 3)
    ]
    study = write_study(tmp_path)
    assert run(study, store=tmp_path / "small.zarr").is_complete


@pytest.mark.usefixtures("_answers_come_soon")
def test_a_stalled_cluster_is_noticed_and_rebuilt(tmp_path: Path) -> None:
    events: list[Event] = []
    study = write_study(tmp_path, seed={"count": 4}, solver=solver(tmp_path, seconds=0.5))

    def stop_scheduler() -> None:
        for process in schedulers(os.getpid()):
            process.send_signal(signal.SIGSTOP)

    with harm(stop_scheduler, tmp_path, after=2):
        start = time.monotonic()
        summary = run(
            study,
            store=tmp_path / "small.zarr",
            workers=2,
            listener=events.append,
            stalled_after=3,
        )
    assert summary.is_complete
    assert time.monotonic() - start > 3
    warned = [event.message for event in events if isinstance(event, Warned)]
    assert warned == ["no worker has done anything for 3 seconds (attempt 1 of 3)"]


@pytest.mark.parametrize("deed", ["sleep", "spin"])
def test_a_cell_that_takes_too_long_fails_alone(tmp_path: Path, deed: str) -> None:
    study = write_study(
        tmp_path, seed={"count": 3}, solver=solver(tmp_path, deed=deed, width=8, seed=1)
    )
    summary = run(study, store=tmp_path / "small.zarr", workers=2, cell_timeout=LIMIT)
    assert summary.counts == {"done": 5, "failed": 1}
    assert errors(tmp_path / "small.zarr") == {"TimeoutError: it took longer than 7 s": 1}
    assert begun(tmp_path)["8 1"] == 1


def test_a_timeout_with_one_worker_does_without_this_process(tmp_path: Path) -> None:
    study = write_study(
        tmp_path, seed={"count": 2}, solver=solver(tmp_path, deed="sleep", width=8, seed=1)
    )
    summary = run(study, store=tmp_path / "small.zarr", cell_timeout=LIMIT)
    assert summary.counts == {"done": 3, "failed": 1}
    assert str(os.getpid()) not in {line.split()[-1] for line in lines(tmp_path / "tally")}


def test_a_timeout_that_nothing_exceeds_changes_nothing(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    run(study, store=tmp_path / "one.zarr")
    run(study, store=tmp_path / "two.zarr", cell_timeout=600)
    assert recorded(tmp_path / "one.zarr") == recorded(tmp_path / "two.zarr")
    assert set(statuses(tmp_path / "two.zarr").values()) == {"done"}


def test_a_cell_that_takes_too_much_memory_fails_alone(tmp_path: Path) -> None:
    study = write_study(
        tmp_path, seed={"count": 2}, solver=solver(tmp_path, deed="memory", width=8, seed=1)
    )
    summary = run(study, store=tmp_path / "small.zarr", workers=2, memory=2 * 500_000_000)
    assert summary.counts == {"done": 3, "failed": 1}
    assert errors(tmp_path / "small.zarr") == {
        "MemoryError: its worker was ended for the memory it used": 1
    }
    # Once in company, once alone.
    assert begun(tmp_path)["8 1"] == 2


def test_a_death_among_networks_that_are_trained_together_is_that_of_one(tmp_path: Path) -> None:
    together = solver(tmp_path, name="misbehaving_together", deed="kill", width=4, seed=1)
    study = write_study(tmp_path, solver=together, seed=[0, 1, 2, 3])
    summary = run(study, store=tmp_path / "small.zarr", workers=2)
    assert summary.counts == {"done": 7, "failed": 1}
    assert errors(tmp_path / "small.zarr") == {
        "the worker died 3 times while computing this and nothing else": 1
    }
