"""What cells share is computed once."""

from collections import Counter
from pathlib import Path

import pytest
from ntksim.engine import inprocess, run, tasks
from ntksim.types import Array, Spectrum

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
