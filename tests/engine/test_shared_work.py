"""What cells share is computed once."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
import xarray as xr
from ntksim.engine import inprocess, run, tasks
from ntksim.store import Journal, Places, open_results
from ntksim.types import Array, Evolution, Problem, Spectrum

from ntksim_builtin.solvers import NetworkGradientDescent
from running_studies import lines, write_study

SOLVERS = [
    "eigh",
    {"name": "eigh", "ridge": 0.1},
    {"name": "gradient_descent", "learning_rate": 0.1},
]


@pytest.fixture
def decomposed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The matrices that are decomposed from here on."""
    found: list[bytes] = []
    real = tasks.eigendecomposition

    def counted(kernel: Array) -> Spectrum:
        found.append(kernel.tobytes())
        return real(kernel)

    monkeypatch.setattr(tasks, "eigendecomposition", counted)
    return found


@pytest.mark.parametrize("at_once", [5, 200])
def test_a_kernel_without_width_and_seed_is_computed_once_for_each_dataset_and_architecture(
    tmp_path: Path, decomposed: list[bytes], monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(inprocess, "CELLS_AT_ONCE", at_once)
    tally = tmp_path / "tally"
    study = write_study(
        tmp_path,
        dataset=[
            {"name": "three_points", "points": 4},
            {"name": "three_points", "points": 6, "label": "more"},
        ],
        architecture=["shallow_relu", {"name": "mlp", "depth": 2}],
        seed={"count": 2},
        time={"logspace": [0.01, 100.0], "count": 50},
        kernel={"name": "counted", "tally": str(tally)},
        solver=SOLVERS,
        record=["loss", "predictions"],
    )
    summary = run(study, store=tmp_path / "small.zarr")
    # 2 datasets, 2 architectures, 2 widths, 2 seeds and 3 solvers are different cells, since they
    # start from the outputs of different networks.
    assert summary.computed == 48
    assert summary.is_complete
    # A set of kernels is one evaluation among training points and one with the test points; there
    # is one for each of 2 datasets and 2 architectures.
    assert Counter(lines(tally)) == {"counted 3 train": 4, "counted 4 test_train": 2} | {
        "counted 6 test_train": 2
    }
    assert len(decomposed) == 4


def test_a_kernel_with_width_and_seed_is_computed_once_for_each_of_them(
    tmp_path: Path, decomposed: list[bytes]
) -> None:
    tally = tmp_path / "tally"
    study = write_study(
        tmp_path,
        time={"logspace": [0.01, 100.0], "count": 50},
        kernel={"name": "counted_finite", "tally": str(tally)},
        solver=SOLVERS,
    )
    assert run(study, store=tmp_path / "small.zarr").computed == 12
    assert Counter(lines(tally)) == {
        f"counted_finite {width} {part}": 2 for width in (4, 8) for part in ("train", "test_train")
    }
    # One for each of 2 widths and 2 seeds, and all different.
    assert len(decomposed) == len(set(decomposed)) == 4


@pytest.mark.workers
@pytest.mark.usefixtures("two_cores")
def test_workers_share_as_well(tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    study = write_study(
        tmp_path,
        width=[4, 8, 16],
        kernel={"name": "counted", "tally": str(tally)},
        solver=SOLVERS,
    )
    assert run(study, store=tmp_path / "small.zarr", workers=2).computed == 18
    assert Counter(lines(tally)) == {"counted 3 train": 1, "counted 4 test_train": 1}


def test_a_kernel_that_nothing_needs_is_not_computed(tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    study = write_study(
        tmp_path,
        kernel={"name": "counted", "tally": str(tally)},
        solver={"name": "network_gradient_descent", "learning_rate": 0.01},
        time=[0, 0.1],
        record=["loss"],
    )
    assert run(study, store=tmp_path / "small.zarr").is_complete
    assert lines(tally) == []


def test_a_cell_without_randomness_stands_at_every_position(tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    study = write_study(
        tmp_path,
        solver={"name": "misbehaving", "tally": str(tally)},
        initial_output="zero",
    )
    summary = run(study, store=tmp_path / "small.zarr")
    assert summary.computed == 1
    assert summary.counts == {"done": 4}
    assert len(lines(tally)) == 1


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Widths of the networks that are trained, as often as they are, each alone."""
    found: list[float] = []
    real = NetworkGradientDescent.evolve
    monkeypatch.setattr(NetworkGradientDescent, "at_once", lambda *_: 1)

    def counted(self: NetworkGradientDescent, problem: Problem, times: Array) -> Evolution:
        assert problem.model is not None
        found.append(problem.model.width)
        return real(self, problem, times)

    monkeypatch.setattr(NetworkGradientDescent, "evolve", counted)
    return found


TRAINED = {
    "solver": {"name": "network_gradient_descent", "learning_rate": 0.01},
    "time": [0, 0.1],
    "record": ["loss", "predictions", "spectrum"],
}


def test_a_network_is_trained_once_for_all_kernels_beside_it(
    tmp_path: Path, trained: list[float]
) -> None:
    both = write_study(tmp_path, kernel=["analytic", "empirical"], **TRAINED)
    assert run(both, store=tmp_path / "both.zarr").computed == 8
    assert Counter(trained) == {4: 2, 8: 2}
    found = open_results(tmp_path / "both.zarr")
    assert (found["wall_time"] > 0).all()
    for kernel in ("analytic", "empirical"):
        own = write_study(tmp_path, kernel=kernel, **TRAINED)
        assert run(own, store=tmp_path / "own.zarr").computed == 4
        alone = open_results(tmp_path / "own.zarr")
        for name in ("loss_train", "loss_test"):
            chosen = found[name].sel(kernel=[kernel])
            xr.testing.assert_equal(chosen, alone[name])
        shutil.rmtree(tmp_path / "own.zarr")
        shutil.rmtree(tmp_path / "own.cells")


def test_parameters_are_not_handed_from_task_to_task(tmp_path: Path, trained: list[float]) -> None:
    more = TRAINED | {"record": ["loss", "spectrum", "parameters"]}
    study = write_study(tmp_path, kernel=["analytic", "empirical"], **more)
    assert run(study, store=tmp_path / "both.zarr").is_complete
    assert Counter(trained) == {4: 4, 8: 4}


def test_an_error_of_a_shared_training_is_that_of_all_its_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(self: NetworkGradientDescent, problem: Problem, times: Array) -> Evolution:
        assert problem.model is not None
        if problem.model.width == 4:
            raise RuntimeError("torn")
        return real(self, problem, times)

    real = NetworkGradientDescent.evolve
    monkeypatch.setattr(NetworkGradientDescent, "at_once", lambda *_: 1)
    monkeypatch.setattr(NetworkGradientDescent, "evolve", torn)
    study = write_study(tmp_path, kernel=["analytic", "empirical"], **TRAINED)
    assert dict(run(study, store=tmp_path / "both.zarr").counts) == {"done": 4, "failed": 4}
    journal = Journal(Places.of(tmp_path / "both.zarr").journal)
    keys = journal.keys()
    errors = [journal.header(key).info.get("error") for key in keys]
    blamed = [error for error in errors if error]
    assert len(blamed) == 4
    assert len(set(blamed)) == 1
    assert "torn" in blamed[0]
