"""Solvers that need no matrix: what is computed beside them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray
from ntksim import run
from ntksim.study import StudyError, load_study, plan_cells

STUDY = """
study: operators
dataset: {{name: sphere, train: 40, test: 7}}
architecture: {{name: mlp, depth: 1}}
width: .inf
kernel: analytic
solver: {solver}
time: {{logspace: [1.0e-2, 1.0e+2], count: 5, include: [0]}}
record: [{record}]
"""


def written(folder: Path, solver: str, record: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(STUDY.format(solver=solver, record=record), encoding="utf-8")
    return path


def test_what_needs_the_matrix_is_refused_when_the_study_is_checked(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, "krylov", "predictions, spectrum"))
    with pytest.raises(StudyError, match="whose matrix solver 'krylov' is there to do without"):
        plan_cells(study)


def test_beside_another_solver_it_is_left_out_with_a_warning(tmp_path: Path) -> None:
    plan = plan_cells(load_study(written(tmp_path, "[eigh, krylov]", "predictions, spectrum")))
    assert any("do without" in warning for warning in plan.warnings)
    needs = {task.solver["name"].partition(":")[2]: task for task in plan.tasks.values()}
    assert needs["eigh"].needs_matrices
    assert not needs["krylov"].needs_matrices
    assert needs["krylov"].spectrum_key is None


def test_its_memory_grows_with_the_points_and_not_with_their_square(tmp_path: Path) -> None:
    sizes = {}
    for solver in ("eigh", "krylov"):
        path = written(tmp_path, solver, "loss")
        text = path.read_text(encoding="utf-8").replace("train: 40", "train: 20000")
        path.write_text(text, encoding="utf-8")
        (task,) = plan_cells(load_study(path)).tasks.values()
        sizes[solver] = task.memory
    assert sizes["eigh"] > 3 * 8 * 20_000**2
    assert sizes["krylov"] < 8 * 20_000 * 3000


def test_a_run_stores_the_outputs_with_their_bounds(tmp_path: Path) -> None:
    record = "predictions, solver_error"
    path = written(tmp_path, "[eigh, {name: krylov, tolerance: 1.0e-4}]", record)
    summary = run(path, store=tmp_path / "store.zarr")
    assert summary.is_complete
    root = xarray.open_zarr(summary.store).squeeze()
    (group,) = (str(name) for name in root.dataset.values.ravel())
    found = xarray.open_zarr(summary.store, group=group).squeeze()
    krylov = str(found.solver.values[1])
    error = np.abs(
        found.prediction_test.sel(solver=krylov) - found.prediction_test.sel(solver="eigh")
    ).max("test_point")
    bound = root.solver_error_test.sel(solver=krylov)
    assert (bound <= 1e-4).all()  # the targets have a root mean square below 1
    assert (error <= bound + 1e-13).all()
    assert np.isnan(root.solver_error_test.sel(solver="eigh")).all()
