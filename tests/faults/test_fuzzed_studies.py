"""Whatever stands in a study, the command line refuses it with its place or runs it to a store."""

from __future__ import annotations

import os
import re
import resource
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given, seed, settings
from ntksim.cli import main

from fuzzed_studies import mutated_data, mutated_text, studies, text_of
from stored_files import NAMED, write_npz, write_zarr

SECONDS = 30.0
"""No study of this size takes so much time of a processor."""

MEMORY = 3 << 30
"""Bytes that an example may ask for beyond what is in use: far more than any of them needs."""

EXPLAINED = {"ValueError", "DataError", "FloatingPointError", "QuadratureError"}
"""Exceptions whose message is written for the user; any other one in a cell is a mistake."""

LOCATED = re.compile(r"error: \S+fuzzed\.yaml:\d+:\d+: \S", re.DOTALL)


class TooLong(BaseException):
    """An example did not come to an end."""


@contextmanager
def limits() -> Iterator[None]:
    """Bound time and memory: what is refused must be refused before it is computed."""

    def stop(*_: Any) -> None:
        raise TooLong

    with open("/proc/self/statm", encoding="ascii") as statm:
        used = int(statm.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    previous = signal.signal(signal.SIGPROF, stop)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, previous)


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_the_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("os.fsync", lambda _: None)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of data that studies name."""
    folder = tmp_path_factory.mktemp("fuzzed")
    write_npz(folder / "data.npz", NAMED | {"x": NAMED["x_train"], "y": NAMED["y_train"]})
    write_zarr(folder / "data.zarr", NAMED)
    (folder / "data.csv").write_text("a,b,y\n" + "1,2,3\n2,1,4\n0,5,6\n4,1,1\n", encoding="utf-8")
    (folder / "broken.npz").write_bytes(b"PK\x03\x04 not an archive")
    return folder


def outcome(folder: Path, text: str) -> str:
    """Run a study; return how it ended, having checked what it said and what it stored."""
    study = folder / "fuzzed.yaml"
    study.write_bytes(text.encode("utf-8", "surrogatepass"))
    with TemporaryDirectory(dir=folder) as place:
        store = Path(place) / "fuzzed.zarr"
        with limits():
            result = CliRunner().invoke(main, ["run", str(study), "--store", str(store)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.output
        assert "MemoryError" not in result.output
        if result.exit_code == 2:
            assert LOCATED.search(result.stderr), result.stderr
            assert not os.listdir(place)
            return "refused"
        assert result.exit_code in (0, 1), result.output
        return stored(store, result.exit_code)


def stored(path: Path, code: int) -> str:
    """Open a store with xarray alone and look at what became of its cells."""
    with xr.open_datatree(path, engine="zarr") as tree:
        root = tree.to_dataset().load()
        for child in tree.children.values():
            child.to_dataset().load()
    counts = Counter(np.asarray(root["status"]).ravel().tolist())
    assert set(counts) <= {"done", "failed", "not applicable"}
    assert (code == 1) == bool(counts["failed"])
    failed = np.asarray(root["status"]) == "failed"
    for message in set(np.asarray(root["message"])[failed].tolist()):
        assert message.partition(":")[0] in EXPLAINED, message
    return "failed" if code else "done"


TEXTS = {
    "right": studies().map(text_of),
    "data": mutated_data().map(text_of),
    "text": mutated_text(),
}


def fuzz(folder: Path, kind: str, examples: int, number: int = 0) -> Counter[str]:
    """Try examples of a kind, the same ones each time for a number; count how they ended."""
    ends: Counter[str] = Counter()

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # studies are small as they are, and shrinking takes minutes
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(TEXTS[kind])
    def attempt(text: str) -> None:
        ends[outcome(folder, text)] += 1

    attempt()
    return ends


@pytest.mark.parametrize("kind", TEXTS)
def test_some_fuzzed_studies(folder: Path, kind: str) -> None:
    assert fuzz(folder, kind, 12)


PARTS = [
    (kind, part)
    for kind, parts in (("right", 4), ("data", 4), ("text", 2))
    for part in range(parts)
]
EXAMPLES = 250


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("kind", "part"), PARTS)
def test_many_fuzzed_studies(folder: Path, kind: str, part: int) -> None:
    """Of 2,500 studies a tenth in each part; ``NTKSIM_FUZZ_SEED`` gives other ones."""
    number = 1 + part + len(PARTS) * int(os.environ.get("NTKSIM_FUZZ_SEED", "0"))
    ends = fuzz(folder, kind, EXAMPLES, number)
    print(kind, part, dict(ends))  # noqa: T201 - the numbers that the documentation quotes
    assert ends.total() >= EXAMPLES
    # Right studies are refused where they record what is possible nowhere; mutations mostly.
    assert ends["done"] > EXAMPLES / 4 if kind == "right" else ends["refused"] > EXAMPLES / 4
