"""``ntksim status``: messages that differ in their numbers only are shown together."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from ntksim.cli import main
from ntksim.store import summary
from ntksim.store.summary import Summary


def test_notes_with_numbers_of_their_own_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    done = {
        "": ("width 1",),
        "stopped at max_steps = 10, before time inf; the gradient was 0.001": ("width 2",),
        "stopped at max_steps = 10, before time 46.2; the gradient was 1e-05": ("width 4",),
        "stopped at max_steps = 10, before time 21.5; the gradient was 2.5e-06": ("width 8",),
        "the solver 'steps-10' is at its end": ("width 16",),
        "the solver 'steps-20' is at its end": ("width 32",),
    }
    found = Summary("small", {"done": 6}, {"done": done}, (), 1.0)
    monkeypatch.setattr(summary, "summarise", lambda _: found)
    shown = CliRunner().invoke(main, ["status", str(Path("small.zarr"))]).output
    assert shown.count("stopped at max_steps") == 1
    assert "was 0.001 (and 2 with other numbers)\n  width 2\n  width 4\n  width 8\n" in shown
    assert shown.count("is at its end") == 2  # numbers that are part of a name tell things apart
