"""The inputs of the fuzzer, without the search; and that the search begins and can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from ntksim.study import Source

from faults import yaml_target


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_target.limits, "_Loader", yaml_target.limits._Loader)


@pytest.mark.parametrize("path", yaml_target.seeds(), ids=lambda path: path.name)
def test_every_input_is_read_or_refused_at_its_place(path: Path) -> None:
    yaml_target.try_bytes(path.read_bytes())


@pytest.mark.parametrize("part", [slice(0, 1), slice(1, 2), slice(2, 3), slice(3, 4)])
def test_a_study_cut_anywhere_is_read_or_refused(part: slice) -> None:
    data = (yaml_target.CORPUS / "right.yaml").read_bytes()
    for end in range(len(data))[part.start :: 23]:
        yaml_target.try_bytes(data[:end])


def test_the_target_notices_a_reader_that_loses_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Source, "position", lambda *_, **__: None)
    with pytest.raises(AssertionError):
        yaml_target.try_bytes(b"a: 1\n")
