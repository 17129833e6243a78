"""Stores of the studies in ``studies/``, shared by the tests of a session."""

from __future__ import annotations

from typing import Any

import pytest

from stored_studies import Run, Stored, run_altered


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a study once for each set of changes, and open its store."""
    done: dict[str, Stored] = {}

    def of(name: str, **changes: Any) -> Stored:
        key = f"{name} {changes}"
        if key not in done:
            path = tmp_path_factory.mktemp(name) / f"{name}.zarr"
            done[key] = run_altered(path, name, **changes)
        return done[key]

    return of
