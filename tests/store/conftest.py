from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Flushing takes most of the time on a busy disk; one test looks at whether it happens."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("os.fsync", lambda _: None)
        yield
