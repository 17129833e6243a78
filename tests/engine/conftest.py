"""What the tests of runs need of the machine."""

import os
from collections.abc import Iterator

import psutil
import pytest
from ntksim.engine.threads import available_cores


@pytest.fixture
def two_cores() -> None:
    """Skip where two workers would be refused."""
    if available_cores() < 2:
        pytest.skip("needs two cores")


@pytest.fixture(autouse=True)
def no_process_stays() -> Iterator[None]:
    """No run leaves a process behind."""
    yield
    children = psutil.Process(os.getpid()).children(recursive=True)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


@pytest.fixture(autouse=True, scope="module")
def no_waiting_for_the_disk() -> Iterator[None]:
    """Flushing takes most of the time on a busy disk; a run in this process does without."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("os.fsync", lambda _: None)
        yield
