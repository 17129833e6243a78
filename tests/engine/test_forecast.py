"""The time that a study may take, from stored cells or from what is counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from ntksim.cli import main
from ntksim.engine.forecast import Forecast, forecast, measured_speed
from ntksim.study import CellTask, load_study, plan_cells

from running_studies import write_study


@pytest.fixture
def plan(tmp_path: Path):
    return plan_cells(load_study(write_study(tmp_path, solver="eigh", kernel="empirical")))


def test_cells_like_stored_ones_take_as_long(plan) -> None:
    tasks = list(plan.tasks.values())
    narrow = [task for task in tasks if task.model.width == 4]
    wide = [task for task in tasks if task.model.width == 8]
    assert len(narrow) == len(wide) == 2
    # One of two seeds is stored at each width: the other takes as long.
    times = {narrow[0].key: 3.0, wide[0].key: 5.0}
    found = forecast([narrow[1], wide[1]], times, [narrow[0], wide[0]], plan.datasets, {}, 1e9)
    assert found == Forecast(8.0, 2, 2)
    # Another width of the same network is the next best thing.
    found = forecast(wide, {narrow[0].key: 3.0}, [narrow[0]], plan.datasets, {}, 1e9)
    assert found == Forecast(6.0, 2, 2)


def test_what_is_unlike_all_is_counted(plan) -> None:
    task: CellTask = next(iter(plan.tasks.values()))
    points = plan.datasets[task.dataset]
    n, both = len(points.x_train), len(points.x_train) + len(points.x_test)
    found = forecast([task], {}, [], plan.datasets, {task.key: 1000}, 10.0)
    # 4.5 products of N³ multiply-adds, and three for every parameter and point.
    assert found.seconds == pytest.approx((9 * n**3 + 6 * 1000 * both) / 10)
    assert (found.missing, found.alike) == (1, 0)
    # An eigendecomposition that cells share is counted once.
    again = replace(task, key="0" * 64)
    assert forecast([task, again], {}, [], plan.datasets, {}, 10.0).seconds == pytest.approx(
        9 * n**3 / 10
    )


def test_it_says_what_it_knows() -> None:
    assert str(Forecast(0.0, 0, 0)) == "nothing is to be computed"
    assert str(Forecast(42.3, 3, 3)).startswith("about 42 s")
    assert "stored" in str(Forecast(42.3, 3, 3))
    assert str(Forecast(7200.0, 3, 0)).startswith("at least 2 hours")
    assert "1 of 3 cells" in str(Forecast(0.1, 3, 1))


def test_the_speed_of_this_machine_is_that_of_a_machine() -> None:
    assert 1e7 < measured_speed() < 1e14


def test_check_shows_reasons_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = write_study(tmp_path, solver="eigh", kernel="empirical")
    before = CliRunner().invoke(main, ["check", str(study)])
    assert before.exit_code == 0, before.output
    assert "estimated time: at least a second" in before.output
    assert CliRunner().invoke(main, ["run", str(study)]).exit_code == 0
    write_study(tmp_path, solver="eigh", kernel="empirical", seed=[0, 1, 2])
    after = CliRunner().invoke(main, ["check", str(study), "--cells"], env={"COLUMNS": "200"})
    assert after.exit_code == 0, after.output
    assert "estimated time: about a second" in after.output
    assert after.output.count("width 4, seed 2") >= 1
    assert "stored" in after.output
    assert "new" in after.output
    found = json.loads(CliRunner().invoke(main, ["check", str(study), "--json"]).output)
    assert found["time"]["missing"] == found["time"]["alike"] == 2
    assert len(found["planned"]) == 6
