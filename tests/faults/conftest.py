"""What the tests of faults need of the machine."""

import os
from collections.abc import Iterator

import psutil
import pytest
from ntksim.engine.threads import available_cores

from running_processes import left, words


@pytest.fixture
def two_cores() -> None:
    """Skip where two workers would be refused."""
    if available_cores() < 2:
        pytest.skip("needs two cores")


@pytest.fixture(autouse=True)
def no_process_stays() -> Iterator[None]:
    """No run leaves a process behind."""
    before = _children()
    yield
    assert left(_children() - before) == []


def _children() -> set[psutil.Process]:
    return {
        child
        for child in psutil.Process(os.getpid()).children(recursive=True)
        if not any("nursery" in word for word in words(child))
    }
