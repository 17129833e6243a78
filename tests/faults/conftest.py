"""What the tests of faults need of the machine."""

import os
from collections.abc import Iterator

import psutil
import pytest
from ntksim.engine.threads import available_cores

from running_processes import left


@pytest.fixture
def two_cores() -> None:
    """Skip where two workers would be refused."""
    if available_cores() < 2:
        pytest.skip("needs two cores")


@pytest.fixture(autouse=True)
def no_process_stays() -> Iterator[None]:
    """No run leaves a process behind."""
    yield
    assert left(set(psutil.Process(os.getpid()).children(recursive=True))) == []
