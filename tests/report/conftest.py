"""A store and its report."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from ntksim.cli import main

STUDY = """\
study: reported
description: A study <b>with</b> </script> in its text & a description.
dataset:
  - {name: three_points, points: 21, label: line}
  - {name: iris, train: 12, test: 9, label: iris}
architecture: [shallow_relu, {name: mlp, depth: 2, activation: erf, label: "<i>deep</i>"}]
width: [8, 32, .inf]
seed: {count: 3}
kernel: [analytic, empirical]
solver: eigh
time: {logspace: [1.0e-2, 1.0e+3], count: 12, include: [0, .inf]}
record: [predictions, loss, accuracy, spectrum, variance]
"""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported")
    (folder / "reported.yaml").write_text(STUDY, encoding="utf-8")
    path = folder / "reported.zarr"
    done = CliRunner().invoke(main, ["run", str(folder / "reported.yaml"), "--store", str(path)])
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture(scope="session")
def report(store: Path) -> Path:
    """The report, as the command line writes it."""
    path = store.with_suffix(".html")
    done = CliRunner().invoke(main, ["report", str(store), "-o", str(path)])
    assert done.exit_code == 0, done.output
    assert str(path) in done.output
    return path
