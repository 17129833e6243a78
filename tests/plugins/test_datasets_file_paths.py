"""Where a file may be, and which options belong together."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ntksim import DataError

from ntksim_builtin.datasets import File
from stored_files import NAMED, write_npz


@pytest.fixture
def npz(tmp_path: Path) -> Callable[..., str]:
    def write(**arrays: np.ndarray) -> str:
        write_npz(tmp_path / "data.npz", arrays)
        return str(tmp_path / "data.npz")

    return write


def test_a_missing_file_is_answered_with_the_nearest(
    npz: Callable[..., str], tmp_path: Path
) -> None:
    npz(**NAMED)
    with pytest.raises(DataError, match=r"no file .*dato\.npz; did you mean 'data\.npz'\?"):
        File(str(tmp_path / "dato.npz")).load()
    with pytest.raises(DataError, match="its folder does not exist"):
        File(str(tmp_path / "nowhere" / "data.npz")).load()


def test_what_is_not_a_regular_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "file.zarr").write_text("no directory")
    with pytest.raises(DataError, match="is not a regular file"):
        File(str(tmp_path / "folder.npz")).load()
    with pytest.raises(DataError, match="is not a regular file"):
        File(str(tmp_path / "pipe.csv"), targets="y").load()
    with pytest.raises(DataError, match="is not a directory"):
        File(str(tmp_path / "file.zarr")).load()


def test_paths_are_resolved_against_the_study(npz: Callable[..., str], tmp_path: Path) -> None:
    npz(**NAMED)
    (tmp_path / "inner").mkdir()
    for path in ("data.npz", "./data.npz", "inner/../data.npz"):
        located = File(path, train=3).located(tmp_path)
        assert located == File(str(tmp_path.resolve() / "data.npz"), train=3)
        assert located.label() == "data-train3"
        assert len(located.load().x_train) == 3
    absolute = File(str(tmp_path / "data.npz"))
    assert absolute.located(tmp_path / "inner") is absolute


def test_relative_paths_do_not_leave_the_folder_of_the_study(tmp_path: Path) -> None:
    study = tmp_path / "study"
    study.mkdir()
    write_npz(tmp_path / "data.npz", NAMED)
    (study / "link.npz").symlink_to(tmp_path / "data.npz")
    (study / "linked").symlink_to(tmp_path)
    (study / "loop.npz").symlink_to("loop.npz")
    for path in ("../data.npz", "link.npz", "linked/data.npz"):
        with pytest.raises(ValueError, match=r"leads out of the study's folder to .*data\.npz"):
            File(path).located(study)
    with pytest.raises((ValueError, DataError)):
        File("loop.npz").located(study).load()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"path": "data.txt"}, "must end in one of .csv, .nc, .npz, .zarr"),
        ({"path": "data"}, "must end in one of"),
        ({"path": "da\0ta.npz"}, "must end in one of"),
        ({"path": "a.csv"}, "a .csv file needs 'targets'"),
        ({"inputs": "x"}, "'inputs' needs 'targets'"),
        ({"targets": "y"}, "'targets' needs 'inputs'"),
        ({"inputs": (), "targets": "y"}, "at least one name each"),
        ({"inputs": "x", "targets": "y", "x_test": "z"}, "'x_test' cannot be combined"),
        ({"x_test": None, "test": 5}, "x_test is null"),
        ({"classes": (1, 2)}, "'classes' belongs to task: classification"),
        ({"labels": "random"}, "'labels' belongs to task: classification"),
        ({"task": "classification", "scale_targets": True}, "belongs to task: regression"),
        ({"task": "classification", "classes": (1, 2, 3), "coding": "sign"}, "2 classes apart"),
        ({"task": "classification", "classes": (1,)}, "at least two"),
    ],
)
def test_combinations_that_mean_nothing(options: dict[str, object], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        File(**{"path": "data.npz", **options})  # type: ignore[arg-type]
