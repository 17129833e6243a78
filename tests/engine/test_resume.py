"""A run computes what is missing, and nothing else; what it will do is known beforehand."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ntksim.engine import Collecting, Event, check, run
from ntksim.engine.outlook import Outlook
from ntksim.store import Journal, Places, StoreInUse, StoreUnusable, open_results, writer_lock
from ntksim.store.verify import verify
from ntksim.version import NUMERICS_VERSION

from command_line import ntksim
from running_studies import lines, recorded, write_study

HOLDER = """
import sys
from ntksim.store import writer_lock
with writer_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


class Resuming:
    """A study that is run again and again with changes, on one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "small.zarr"
        self.tally = folder / "tally"

    def write(self, **changes: Any) -> Path:
        solver = {"name": "misbehaving", "tally": str(self.tally)}
        return write_study(self.folder, **{"solver": solver} | changes)

    def check(self, **changes: Any) -> Outlook:
        return check(self.write(**changes), store=self.store)

    def run(self, **changes: Any) -> tuple[int, int, list[str]]:
        """Run, and return how many cells were computed and reused, and which are new."""
        before = len(lines(self.tally))
        expected = self.check(**changes)
        summary = run(self.write(**changes), store=self.store)
        assert summary.is_complete
        assert (summary.computed, summary.reused) == (expected.missing, expected.stored)
        after = self.check(**changes)
        assert (after.missing, after.stored) == (0, expected.cells)
        return (
            summary.computed,
            summary.reused,
            sorted(line.rpartition(" ")[0] for line in lines(self.tally)[before:]),
        )

    def reasons(self, **changes: Any) -> Mapping[str, int]:
        return self.check(**changes).reasons


@pytest.fixture
def resuming(tmp_path: Path) -> Resuming:
    found = Resuming(tmp_path)
    assert found.reasons() == {"new": 4}
    assert found.run() == (4, 0, ["4 0", "4 1", "8 0", "8 1"])
    return found


def test_nothing_is_computed_twice(resuming: Resuming) -> None:
    before = recorded(resuming.store)
    assert resuming.run() == (0, 4, [])
    assert resuming.reasons() == {"stored": 4}
    assert recorded(resuming.store) == before


def test_a_run_that_computes_nothing_writes_nothing(resuming: Resuming) -> None:
    def state() -> dict[str, tuple[int, int]]:
        paths = [resuming.store.parent, *resuming.store.parent.rglob("*")]
        # The lock is taken, and beside it stands by whom.
        return {
            str(path): (path.stat().st_mtime_ns, path.stat().st_ino)
            for path in paths
            if path != resuming.store.parent and ".lock" not in path.name
        }

    study = resuming.write()
    assert run(study, store=resuming.store).counts == {"done": 4}
    before = state()
    events: list[Event] = []
    summary = run(study, store=resuming.store, listener=events.append)
    assert (summary.computed, summary.reused, summary.counts) == (0, 4, {"done": 4})
    assert state() == before
    assert not any(isinstance(event, Collecting) for event in events)


@pytest.mark.parametrize("width", [[4, 6, 8], [2, 4, 8], [8, 16, 4]])
def test_a_width_more(resuming: Resuming, width: list[int]) -> None:
    (new,) = set(width) - {4, 8}
    assert resuming.reasons(width=width) == {"new": 2, "stored": 4}
    assert resuming.run(width=width) == (2, 4, [f"{new} 0", f"{new} 1"])


def test_a_seed_more(resuming: Resuming) -> None:
    assert resuming.reasons(seed=[0, 1, 2]) == {"new": 2, "stored": 4}
    assert resuming.run(seed=[0, 1, 2]) == (2, 4, ["4 2", "8 2"])


def test_a_dataset_more(resuming: Resuming) -> None:
    more = [
        {"name": "three_points", "points": 6, "label": "finer"},
        {"name": "three_points", "points": 4},
    ]
    assert resuming.reasons(dataset=more) == {"new": 4, "stored": 4}
    assert resuming.run(dataset=more) == (4, 4, ["4 0", "4 1", "8 0", "8 1"])


def test_a_time_more_changes_every_cell(resuming: Resuming) -> None:
    times = [0, 0.5, 3, ".inf"]
    assert resuming.reasons(time=times) == {"changed: the times": 4}
    before = recorded(resuming.store)
    assert resuming.run(time=times)[:2] == (4, 0)
    # Nothing is thrown away: going back costs nothing.
    assert before.items() <= recorded(resuming.store).items()
    assert resuming.run() == (0, 4, [])


def test_less_costs_nothing(resuming: Resuming) -> None:
    assert resuming.run(width=[8], seed=[1]) == (0, 1, [])
    with open_results(resuming.store) as tree:
        assert tree.to_dataset()["status"].shape == (1, 1, 1, 1, 1, 1)
    assert resuming.run() == (0, 4, [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"architecture": {"name": "shallow_relu", "bias_std": 0.5, "label": "shallow_relu"}},
            "changed: bias_std of architecture 'shallow_relu' was 0.0 and is 0.5",
        ),
        ({"record": ["loss"]}, "changed: what is recorded"),
        ({"seed": {"count": 2, "root": 7}}, "changed: the root of seeds was 0 and is 7"),
        (
            {"dataset": {"name": "three_points", "points": 5, "label": "three_points-points4"}},
            "changed: the data of 'three_points-points4'",
        ),
        (
            {"kernel": {"name": "counted", "deed": "", "tally": "x", "label": "counted"}},
            "changed: tally of kernel 'counted' was '' and is 'x'",
        ),
        ({"kernel": "analytic"}, "new"),
    ],
)
def test_the_reason_says_what_changed(
    resuming: Resuming, changes: dict[str, Any], reason: str
) -> None:
    assert resuming.reasons(**changes) == {reason: 4}


def test_several_changes_are_all_named(resuming: Resuming) -> None:
    changes = {"time": [0, 1], "record": ["loss"]}
    assert resuming.reasons(**changes) == {"changed: the times; what is recorded": 4}


def test_an_option_of_the_solver(resuming: Resuming) -> None:
    study = resuming.folder / "small.yaml"
    text = study.read_text()
    study.write_text(text.replace('"name": "misbehaving"', '"name": "misbehaving", "seconds": 0.5'))
    found = check(study, store=resuming.store)
    assert found.reasons == {
        "changed: seconds of solver 'misbehaving' was 0.0 and is 0.5": 4,
    }


def test_a_zero_start(resuming: Resuming) -> None:
    # Without random outputs at the start there is one cell only.
    assert resuming.reasons(initial_output="zero") == {"changed: the initial output": 1}


def test_what_was_not_computed_yet(resuming: Resuming) -> None:
    journal = Journal(Places.of(resuming.store).journal)
    for key in sorted(journal.keys())[:3]:
        journal.remove(key)
    assert resuming.reasons() == {"not computed yet": 3, "stored": 1}


def test_a_damaged_record(resuming: Resuming) -> None:
    before = recorded(resuming.store)
    journal = Journal(Places.of(resuming.store).journal)
    key = sorted(journal.keys())[0]
    content = bytearray(journal.path(key).read_bytes())
    content[len(content) // 2] ^= 1
    journal.path(key).write_bytes(content)
    assert resuming.reasons() == {"damaged": 1, "stored": 3}
    # The store still has it: nothing is computed.
    summary = run(resuming.write(), store=resuming.store)
    assert (summary.computed, summary.counts) == (0, {"done": 4})
    assert recorded(resuming.store) == before


@pytest.mark.parametrize("retry", [False, True])
def test_a_damaged_record_that_the_store_does_not_have_either(
    resuming: Resuming, retry: bool
) -> None:
    before = recorded(resuming.store)
    journal = Journal(Places.of(resuming.store).journal)
    key = sorted(journal.keys())[0]
    journal.path(key).write_bytes(b"nothing")
    for file in resuming.store.rglob("c.*"):
        file.write_bytes(b"nothing")
    count = len(lines(resuming.tally))
    summary = run(resuming.write(), store=resuming.store, retry_failed=retry)
    assert (summary.computed, summary.counts) == (1, {"done": 4})
    assert len(lines(resuming.tally)) == count + 1
    assert recorded(resuming.store) == before
    assert verify(resuming.store).is_whole


def test_a_failed_cell(tmp_path: Path) -> None:
    resuming = Resuming(tmp_path)
    solver = {"name": "misbehaving", "deed": "raise", "width": 4}
    run(resuming.write(solver=solver), store=resuming.store)
    found = resuming.check(solver=solver)
    assert found.reasons == {"failed before": 2, "stored": 2}
    assert (found.failed, found.stored, found.missing) == (2, 2, 0)


def test_the_reason_of_every_cell(resuming: Resuming) -> None:
    found = ntksim("check", resuming.write(width=[4, 6]), "--json", cwd=resuming.folder)
    planned = json.loads(found.stdout)["planned"]
    assert {(cell["label"].partition(", counted")[0], cell["reason"]) for cell in planned} == {
        (f"three_points-points4, shallow_relu, width {width}, seed {seed}", reason)
        for width, reason in ((4, "stored"), (6, "new"))
        for seed in (0, 1)
    }
    assert {cell["key"] for cell in planned if cell["reason"] == "stored"} <= set(
        recorded(resuming.store)
    )
    shown = ntksim("check", resuming.write(width=[4, 6]), cwd=resuming.folder)
    assert "4 positions of the grid are 4 cells: 2 stored, 0 failed before, 2 to compute" in (
        shown.stdout
    )
    assert re.search(r"^ +2 +new +three_points", shown.stdout, re.MULTILINE)


def test_a_store_of_another_study_is_refused(resuming: Resuming) -> None:
    other = write_study(resuming.folder, study="other")
    before = recorded(resuming.store)
    for command in ("run", "check"):
        found = ntksim(command, other, "--store", "small.zarr", cwd=resuming.folder)
        assert found.returncode == 3
        assert found.stderr == (
            f"error: {resuming.store} holds the study 'small', not 'other'; give another path with "
            "--store, or move that store away\n"
        )
    assert recorded(resuming.store) == before


def test_changed_code_is_refused(resuming: Resuming) -> None:
    study = resuming.write()
    plugin = resuming.folder / "misbehaving.py"
    plugin.write_text(plugin.read_text() + "\n# Another version.\n")
    before = recorded(resuming.store)
    found = check(study, store=resuming.store)
    (reason,) = found.reasons
    assert reason.startswith("changed: plugin 'misbehaving' was a file with SHA-256 ")
    assert "a run needs --recompute" in found.warnings[-1]
    with pytest.raises(StoreUnusable, match="was computed with other code: plugin 'misbehaving' "):
        run(study, store=resuming.store)
    refused = ntksim("run", study, cwd=resuming.folder)
    assert refused.returncode == 3
    assert "give --recompute to compute it again, or another path with --store" in refused.stderr
    assert recorded(resuming.store) == before
    again = ntksim("run", study, "--recompute", cwd=resuming.folder)
    assert again.returncode == 0
    assert "4 done (4 computed in" in again.stdout
    # Nothing is deleted, and now the store is that of the new version.
    assert before.items() <= recorded(resuming.store).items()
    assert ntksim("run", study, cwd=resuming.folder).returncode == 0


def test_other_numerics_are_refused(resuming: Resuming, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("ntksim.study.model", "ntksim.study.keys"):
        monkeypatch.setattr(f"{module}.NUMERICS_VERSION", 0)
    study = resuming.write()
    words = f"numerics were version {NUMERICS_VERSION} and are 0"
    assert resuming.reasons() == {f"changed: ntksim's {words}": 4}
    with pytest.raises(StoreUnusable, match=words):
        run(study, store=resuming.store)


def test_a_plugin_more_or_less_is_no_change(resuming: Resuming) -> None:
    kernels = ["counted", "analytic"]
    assert resuming.run(kernel=kernels)[:2] == (4, 4)
    assert resuming.run(kernel="analytic", solver="eigh", plugins=None)[:2] == (4, 0)


def test_a_second_run_says_who_holds_the_store(resuming: Resuming) -> None:
    study = resuming.write()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(resuming.store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    try:
        found = ntksim("run", study, cwd=resuming.folder)
        assert found.returncode == 75
        assert f"{resuming.store} is in use: process {holder.pid} on" in found.stderr
        assert "is writing it since 20" in found.stderr
        with pytest.raises(StoreInUse):
            run(study, store=resuming.store)
        # Who only reads is not kept out.
        assert ntksim("status", "small.zarr", cwd=resuming.folder).returncode == 0
        assert ntksim("check", study, cwd=resuming.folder).returncode == 0
    finally:
        holder.kill()
        holder.communicate()
    # The lock of a dead process holds nothing.
    assert run(study, store=resuming.store).is_complete
    with writer_lock(resuming.store):
        pass
