"""Tables with named columns."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ntksim import DataError

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
