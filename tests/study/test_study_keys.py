"""Content keys: what a cell depends on changes its key, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ntksim.study import Plan, Study, keys, plan_cells

Load = Callable[..., Study]

FINITE = {"width": "10", "seed": "0", "record": "[loss, predictions]", "kernel": "finite"}


@pytest.fixture
def key_of(load: Load) -> Callable[..., str]:
    """Return the key of the only cell of a study."""

    def key_of(**changes: str | None) -> str:
        (key,) = plan_cells(load(**FINITE | changes)).tasks
        return key

    return key_of


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": "{name: points, train: 4}"},
        {"dataset": "{name: points, test: 4}"},
        {"architecture": "{name: line, depth: 2}"},
        {"architecture": "{name: line, activation: {name: relu, slope: 0.1}}"},
        {"width": "11"},
        {"seed": "1"},
        {"seed": "{count: 1, root: 1}"},
        {"kernel": "limit"},
        {"solver": "{name: exact, tolerance: 0.1}"},
        {"solver": "euler"},
        {"time": "[0, 1, 2]"},
        {"time": "[0, 1.0000000000000002]"},
        {"initial_output": "zero"},
        {"record": "[loss]"},
        {"record": "[loss_train, predictions]"},
        {"record": "[loss, predictions, movement]"},
    ],
    ids=str,
)
def test_what_a_cell_depends_on_changes_its_key(
    key_of: Callable[..., str], changes: dict[str, str]
) -> None:
    assert key_of(**changes) != key_of()


@pytest.mark.parametrize(
    "changes",
    [
        {"study": "another"},
        {"description": "words"},
        {"store": "elsewhere.zarr"},
        {"solver": "{name: exact, label: other}"},
        {"dataset": "{name: points, label: other}"},
        {"dataset": "{name: tiny:points, train: 3}"},
        {"architecture": "{activation: relu, name: line}"},
        {"time": "{linspace: [0, 1], count: 2}"},
        {"width": "1e1"},
        {"record": "[loss_test, loss_train, predictions]"},
    ],
    ids=str,
)
def test_what_a_cell_does_not_depend_on_leaves_its_key(
    key_of: Callable[..., str], changes: dict[str, str]
) -> None:
    assert key_of(**changes) == key_of()


def test_another_version_of_the_numerics_changes_every_key(
    key_of: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = key_of()
    monkeypatch.setattr(keys, "NUMERICS_VERSION", keys.NUMERICS_VERSION + 1)
    assert key_of() != before


def test_another_source_of_a_local_plugin_changes_the_key(
    key_of: Callable[..., str], folder: Path
) -> None:
    before = key_of()
    path = folder / "tiny.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert key_of() != before


def test_another_source_of_a_plugin_among_the_options_changes_the_key(
    key_of: Callable[..., str], folder: Path
) -> None:
    text = (folder / "tiny.py").read_text(encoding="utf-8")
    own = (
        text[: text.index("@hookimpl")]
        + "@hookimpl\ndef ntksim_activations():\n    return [Relu]\n"
    )
    (folder / "mine.py").write_text(own, encoding="utf-8")
    changes = {
        "plugins": "[tiny.py, mine.py]",
        "architecture": "{name: line, activation: mine:relu}",
    }
    before, unrelated = key_of(**changes), key_of()
    (folder / "mine.py").write_text(own + "\n# changed\n", encoding="utf-8")
    assert key_of(**changes) != before
    assert key_of() == unrelated


def keys_by_label(plan: Plan) -> dict[str, str]:
    return {plan.cell(index).label: str(value) for index, value in plan.cells.items()}


def test_a_cell_has_the_same_key_whatever_else_is_in_the_grid(load: Load) -> None:
    small = keys_by_label(plan_cells(load(width="[10, 100]", seed="[0, 2]")))
    large = keys_by_label(
        plan_cells(
            load(
                width="[5, 10, 50, .inf, 100]",
                seed="{count: 3}",
                kernel="[finite, limit]",
                solver="[train, exact]",
                dataset="[{name: points, train: 9}, points]",
            )
        )
    )
    assert len(small) == 4
    assert {label: large[label] for label in small} == small


def test_shared_work_has_the_same_key_in_another_study(load: Load) -> None:
    one = next(iter(plan_cells(load(**FINITE)).tasks.values()))
    other = next(iter(plan_cells(load(**FINITE | {"solver": "euler", "time": "3"})).tasks.values()))
    assert one.key != other.key
    assert one.kernel_key == other.kernel_key
    assert one.initial_output_key == other.initial_output_key
    assert len({one.key, one.kernel_key, one.spectrum_key, one.initial_output_key}) == 4
