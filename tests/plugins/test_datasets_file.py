"""Data from files: what is read, and how it is chosen and coded."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from ntksim import DataError

from ntksim_builtin.datasets import File
from stored_files import NAMED, WRITERS, X, Y, write_npz


@pytest.fixture
def npz(tmp_path: Path) -> Callable[..., str]:
    def write(**arrays: np.ndarray) -> str:
        write_npz(tmp_path / "data.npz", arrays)
        return str(tmp_path / "data.npz")

    return write


@pytest.mark.parametrize("suffix", WRITERS)
def test_named_arrays_of_every_format(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"data{suffix}"
    WRITERS[suffix](path, NAMED)
    data = File(str(path)).load()
    np.testing.assert_array_equal(data.x_train, X[:4])
    np.testing.assert_array_equal(data.y_train, Y[:4, None])
    np.testing.assert_array_equal(data.x_test, X[4:])
    np.testing.assert_array_equal(data.y_test, Y[4:, None])
    assert not data.classification
    assert data.provenance == {"source": f"file data{suffix}"}


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_missing_array_is_named_with_what_there_is(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"data{suffix}"
    WRITERS[suffix](path, {"xtrain": X, "zlabels": Y})
    expected = r"has no array 'x_train'; there are xtrain, zlabels; did you mean 'xtrain'\?"
    with pytest.raises(DataError, match=expected):
        File(str(path), x_test=None).load()


def test_zarr_of_version_2_and_arrays_in_groups(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "data.zarr", mode="w", zarr_format=2)
    for name, values in NAMED.items():
        group.create_array(f"inner/{name}", data=values)
    data = File(
        str(tmp_path / "data.zarr"),
        x_train="inner/x_train",
        y_train="inner/y_train",
        x_test="inner/x_test",
        y_test="inner/y_test",
    ).load()
    np.testing.assert_array_equal(data.x_test, X[4:])


def test_packed_values_are_unpacked_or_refused(tmp_path: Path) -> None:
    packed = xr.Dataset({"x": ("point", Y), "y": ("point", Y)})
    packed["x"].encoding = {"dtype": "int16", "scale_factor": 0.5, "_FillValue": -1}
    packed.to_netcdf(tmp_path / "data.nc", engine="scipy")
    data = File(str(tmp_path / "data.nc"), inputs="x", targets="y", train=6).load()
    np.testing.assert_array_equal(data.x_train, data.y_train)
    group = zarr.open_group(tmp_path / "data.zarr", mode="w")
    for name in ("x", "y"):
        group.create_array(name, data=Y, attributes={"scale_factor": 0.5})
    with pytest.raises(DataError, match="x is packed"):
        File(str(tmp_path / "data.zarr"), inputs="x", targets="y").load()


def test_arrays_without_test_points_or_without_their_targets(npz: Callable[..., str]) -> None:
    path = npz(**NAMED)
    data = File(path, x_test=None).load()
    assert data.x_test.shape == (0, 2)
    assert data.test_targets
    data = File(path, y_test=None, scale_targets=True).load()
    assert data.x_test.shape == (2, 2)
    assert not data.test_targets
    assert np.isnan(data.y_test).all()


def test_one_table_is_split(npz: Callable[..., str]) -> None:
    path = npz(X=X, y=Y)
    data = File(path, inputs="X", targets="y", train=0.5).load()
    assert (len(data.x_train), len(data.x_test)) == (3, 3)
    np.testing.assert_array_equal(data.x_train.sum(axis=1), data.y_train[:, 0])
    rows = np.vstack([data.x_train, data.x_test])
    np.testing.assert_array_equal(np.sort(rows, axis=0), X)
    other = File(path, inputs="X", targets="y", train=0.5, seed=1).load()
    assert not np.array_equal(data.x_train, other.x_train)


def test_a_smaller_number_of_points_is_drawn(npz: Callable[..., str]) -> None:
    data = File(npz(**NAMED), train=3, test=1).load()
    assert (len(data.x_train), len(data.x_test)) == (3, 1)
    np.testing.assert_array_equal(data.x_train.sum(axis=1), data.y_train[:, 0])
    with pytest.raises(DataError, match="3 test points were asked for, but there are only 2"):
        File(npz(**NAMED), test=3).load()


def test_names_are_stacked_as_columns(npz: Callable[..., str]) -> None:
    path = npz(a=X[:, 0], b=X[:, 1], c=Y, d=-Y)
    data = File(path, inputs=("b", "a"), targets=("c", "d"), train=6).load()
    np.testing.assert_array_equal(data.x_train.sum(axis=1), data.y_train[:, 0])
    np.testing.assert_array_equal(data.x_train[:, 0] - data.x_train[:, 1], np.ones(6))
    np.testing.assert_array_equal(data.y_train[:, 1], -data.y_train[:, 0])
    with pytest.raises(DataError, match=r"of one length; they are a \(6,\), x \(6, 2\)"):
        File(npz(a=X[:, 0], x=X, y=Y), inputs=("a", "x"), targets="y").load()


def test_scaling_and_shape(npz: Callable[..., str]) -> None:
    path = npz(**NAMED)
    data = File(path, shape=(2, 1, 1), scaling="standard", centre_targets=True).load()
    assert data.input_shape == (2, 1, 1)
    np.testing.assert_allclose(data.x_train.mean(axis=0), 0, atol=1e-15)  # exact halves
    # Training targets are 1, 5, 9, 13: mean 7.
    np.testing.assert_array_equal(data.y_train[:, 0], [-6, -2, 2, 6])
    with pytest.raises(DataError, match=r"shape \(2,\) cannot be given shape \(3, 1\)"):
        File(path, shape=(3, 1)).load()


def test_labels_become_codes(npz: Callable[..., str]) -> None:
    labels = np.array([7, 3, 9, 3, 7, 9], dtype=np.uint8)
    named = {"x_train": X[:4], "y_train": labels[:4], "x_test": X[4:], "y_test": labels[4:, None]}
    path = npz(**named)
    data = File(path, task="classification", coding="one_hot").load()
    assert data.classification
    assert data.y_train.argmax(axis=1).tolist() == [1, 0, 2, 0]
    assert data.y_test.argmax(axis=1).tolist() == [1, 2]
    assert data.provenance["classes"] == "3, 7, 9"
    two = File(path, task="classification", classes=(9, 3)).load()
    assert two.y_train.tolist() == [[1], [-1], [1]]
    np.testing.assert_array_equal(two.x_train, X[1:4])
    np.testing.assert_array_equal(two.x_test, X[5:])
    assert File(path, task="classification", y_test=None).load().test_targets is False
    with pytest.raises(DataError, match="there is no class 4; there are 3, 7, 9"):
        File(path, task="classification", classes=(3, 4)).load()
    with pytest.raises(DataError, match="2 classes apart, and there are 3"):
        File(path, task="classification", coding="sign").load()


def test_random_labels_of_a_file(npz: Callable[..., str]) -> None:
    x, labels = np.arange(400.0), np.arange(400) % 2
    path = npz(x=x, y=labels)
    true = File(path, task="classification", inputs="x", targets="y", train=300).load()
    random = File(
        path, task="classification", inputs="x", targets="y", train=300, labels="random"
    ).load()
    np.testing.assert_array_equal(true.x_train, random.x_train)
    np.testing.assert_array_equal(true.y_test, random.y_test)
    # 300 fair coins: standard deviation 17 of the sum of products; five of them.
    assert abs(np.sum(true.y_train * random.y_train)) < 87


def test_labels_that_are_none_are_refused(npz: Callable[..., str]) -> None:
    def load(labels: np.ndarray) -> None:
        File(npz(x=X, y=labels), inputs="x", targets="y", task="classification").load()

    with pytest.raises(DataError, match=r"y holds 0\.5 in row 1; labels are whole numbers"):
        load(np.array([0, 0.5, 1, 1, 0, 1]))
    with pytest.raises(DataError, match="y holds nan in row 2"):
        load(np.array([0, 1, np.nan, 1, 0, 1]))
    with pytest.raises(DataError, match="has the one label 3"):
        load(np.full(6, 3))
    with pytest.raises(DataError, match=r"shape \(6, 2\); a classification has one label a point"):
        load(np.eye(2)[[0, 1, 0, 1, 0, 1]])
    with pytest.raises(DataError, match=r"6 different labels, too many .* is this a regression"):
        # 6 × 6 codes of 8 bytes are 288; the arrays themselves, as float64, 144.
        File(
            npz(x=X, y=np.arange(6)),
            inputs="x",
            targets="y",
            task="classification",
            max_gigabytes=2e-7,
        ).load()


def test_words_are_labels_too(npz: Callable[..., str]) -> None:
    words = np.array(["cat", "dog", "cat", "dog", "dog", "cat"])
    path = npz(x=X, y=words)
    data = File(path, inputs="x", targets="y", task="classification", train=6).load()
    is_dog = words[(data.x_train[:, 0] / 2).astype(int)] == "dog"
    np.testing.assert_array_equal(data.y_train[:, 0], np.where(is_dog, 1, -1))
    with pytest.raises(DataError, match="y holds <U3, not real numbers"):
        File(path, inputs="x", targets="y").load()


def test_values_that_are_not_finite_are_found_by_row(npz: Callable[..., str]) -> None:
    broken = X.copy()
    broken[3, 1] = np.nan
    broken[5, 0] = np.inf
    expected = r"data.npz: x holds nan in row 3 \(and 1 more rows are not finite\)"
    with pytest.raises(DataError, match=expected):
        File(npz(x=broken, y=Y), inputs="x", targets="y", scaling="standard").load()


def test_shapes_that_do_not_fit_are_refused(npz: Callable[..., str]) -> None:
    with pytest.raises(DataError, match="x_train has 4 points but y_train has 3"):
        File(npz(**NAMED | {"y_train": Y[:3]})).load()
    with pytest.raises(DataError, match=r"inputs of shape \(2,\), x_test of shape \(1,\)"):
        File(npz(**NAMED | {"x_test": X[4:, :1]})).load()
    with pytest.raises(DataError, match="y_train has 2 outputs, y_test 1"):
        File(npz(**NAMED | {"y_train": X[:4]})).load()
    with pytest.raises(DataError, match=r"y_train has shape \(4, 2, 1\); targets are"):
        File(npz(**NAMED | {"y_train": X[:4, :, None]})).load()
    with pytest.raises(DataError, match="x_train is a single number"):
        File(npz(**NAMED | {"x_train": np.array(3.0)})).load()
    with pytest.raises(DataError, match="0 training and 0 test points"):
        File(npz(x=X[:0], y=Y[:0]), inputs="x", targets="y").load()
