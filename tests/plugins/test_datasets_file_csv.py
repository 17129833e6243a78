"""Tables with named columns."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ntksim import DataError, Dataset, load_study, open_results, run

from ntksim_builtin.datasets import File


@pytest.fixture
def csv(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        (tmp_path / "data.csv").write_text(text, encoding="utf-8")
        return str(tmp_path / "data.csv")

    return write


def test_columns_of_a_table(csv: Callable[[str], str]) -> None:
    path = csv("\ufeffa, b ,y\n0,1,1\n\n2,3,5\n4,5,9\n")
    data = File(path, targets="y", train=3).load()
    order = data.x_train[:, 0].argsort()
    np.testing.assert_array_equal(data.x_train[order], [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_array_equal(data.y_train[order, 0], [1, 5, 9])
    # A column that is not wanted may hold anything.
    path = csv('name,a,y\n"Smith, J.",0,1\nDoe,1,2\n')
    assert File(path, inputs="a", targets="y", train=2).load().x_train.shape == (2, 1)


def test_a_table_with_words_as_labels(csv: Callable[[str], str]) -> None:
    path = csv("length,species\n1,setosa\n2,virginica\n3,setosa\n")
    data = File(path, targets="species", task="classification", train=3).load()
    by_length = data.y_train[data.x_train[:, 0].argsort(), 0]
    assert by_length.tolist() == [-1, 1, -1]
    # Numbers as words are numbers: 10 comes after 9.
    path = csv("length,species\n1,9.0\n2,10\n3,9\n")
    data = File(path, targets="species", task="classification", train=3).load()
    assert data.provenance["classes"] == "9, 10"
    with pytest.raises(DataError, match="species has no label in row 1"):
        File(csv("x,species\n1,a\n2,\n"), targets="species", task="classification").load()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,y\n1,2\n3,x\n", "line 3, column 'y': 'x' is not a number"),
        ("a,y\n1,2\n3\n", "line 3: 1 fields where the first line names 2"),
        ("a,y\n1,2\n3,\n", "line 3, column 'y': '' is not a number"),
        ("a,y\n1,2\n3,nan\n", "y holds nan in row 1"),
        ("a,b\n1,2\n", "has no column 'y'; there are a, b"),
        ("a,a,y\n1,2,3\n", "must name every column once"),
        ("a,,y\n1,2,3\n", "must name every column once"),
        ("", "must name every column once"),
        ('a,y\n1,"2\n', "is not a well-formed .csv file"),
        ("a,y\n", "0 training and 0 test points"),
        ("y\n1\n2\n", "columns must be arrays of one length; they are none"),
    ],
)
def test_tables_that_are_none(text: str, expected: str, csv: Callable[[str], str]) -> None:
    with pytest.raises(DataError, match=expected):
        File(csv(text), targets="y").load()


def test_a_table_in_another_encoding_or_too_large(csv: Callable[[str], str]) -> None:
    path = csv("a,y\n" + "1,2\n" * 100)
    with pytest.raises(DataError, match=r"data\.csv takes more than max_gigabytes: 1e-06"):
        File(path, targets="y", max_gigabytes=1e-6).load()
    Path(path).write_bytes("a,größe\n1,2\n".encode("latin-1"))
    with pytest.raises(DataError, match="cannot be read as UTF-8 text"):
        File(path, targets="y").load()


def test_columns_keep_their_names(csv: Callable[[str], str]) -> None:
    path = csv("length,strain,load\n0,1,1\n2,3,5\n4,5,9\n")
    data = File(path, targets="strain", train=2, scaling="standard").load()
    assert data.feature_names == ("length", "load")
    assert File(path, inputs=("load", "length"), targets="strain").load().feature_names == (
        "load",
        "length",
    )
    assert File(path, targets="strain", shape=(1, 2)).load().feature_names == ()
    # A name is no part of what is computed.
    other = File(csv("l,strain,m\n0,1,1\n2,3,5\n4,5,9\n"), targets="strain", train=2)
    assert replace(other, scaling="standard").load().content_hash == data.content_hash


def test_stacked_arrays_keep_their_names_and_a_matrix_has_none(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, a=[0.0, 1.0], b=[2.0, 3.0], whole=[[0.0, 2.0], [1.0, 3.0]], y=[1.0, 2.0])
    assert File(str(path), inputs=("a", "b"), targets="y").load().feature_names == ("a", "b")
    assert File(str(path), inputs="whole", targets="y").load().feature_names == ()


def test_names_must_fit_the_inputs() -> None:
    points = np.zeros((2, 2)), np.zeros((2, 1)), np.zeros((0, 2)), np.zeros((0, 1))
    assert Dataset(*points, feature_names=("a", "b")).feature_names == ("a", "b")
    for names in (("a",), ("a", "a"), ("a", "b", "c")):
        with pytest.raises(DataError, match=r"feature_names are \('a'"):
            Dataset(*points, feature_names=names)


def test_results_have_the_names_as_a_coordinate(csv: Callable[[str], str], tmp_path: Path) -> None:
    data = {"name": "file", "path": csv("length,strain,load\n0,1,1\n2,3,5\n4,5,9\n")}
    data |= {"targets": "strain", "train": 2, "label": "bridges"}
    study = {"study": "names", "dataset": data, "architecture": "mlp", "width": np.inf}
    study |= {"kernel": "analytic", "solver": "eigh", "time": [0, 1], "record": ["loss"]}
    store = run(load_study(study), store=tmp_path / "names.zarr").store
    with open_results(store) as tree:
        points = tree["bridges"].to_dataset()
        assert points.feature.values.tolist() == ["length", "load"]
        loads = sorted(points.x_train.sel(feature="load").values.tolist())
        assert set(loads) < {1.0, 5.0, 9.0}
