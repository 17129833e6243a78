"""Data from files: what is read, and what is refused and how."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from ntksim import DataError

from ntksim_builtin.datasets import File

X = np.arange(12.0).reshape(6, 2)
Y = X.sum(axis=1)
NAMED = {"x_train": X[:4], "y_train": Y[:4], "x_test": X[4:], "y_test": Y[4:]}


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(path, **arrays)  # type: ignore[arg-type]


def write_netcdf(path: Path, arrays: dict[str, np.ndarray]) -> None:
    variables = {
        name: ([f"{name}_{axis}" for axis in range(values.ndim)], values)
        for name, values in arrays.items()
    }
    # NetCDF 3, which scipy writes and reads: the other formats need a package of their own.
    xr.Dataset(variables).to_netcdf(path, engine="scipy")


def write_zarr(path: Path, arrays: dict[str, np.ndarray]) -> None:
    group = zarr.open_group(path, mode="w")
    for name, values in arrays.items():
        group.create_array(name, data=values)


WRITERS = {".npz": write_npz, ".nc": write_netcdf, ".zarr": write_zarr}


@pytest.fixture
def npz(tmp_path: Path) -> Callable[..., str]:
    def write(**arrays: np.ndarray) -> str:
        write_npz(tmp_path / "data.npz", arrays)
        return str(tmp_path / "data.npz")

    return write


@pytest.fixture
def csv(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        (tmp_path / "data.csv").write_text(text, encoding="utf-8")
        return str(tmp_path / "data.csv")

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


@pytest.mark.parametrize("suffix", WRITERS)
def test_what_is_no_such_file_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"data{suffix}"
    if suffix == ".zarr":
        path.mkdir()
    else:
        path.write_bytes(b"neither this nor that")
    with pytest.raises(DataError, match=f"^data{suffix} (is not a readable|cannot be opened)"):
        File(str(path)).load()


@pytest.mark.parametrize("suffix", WRITERS)
def test_arrays_are_measured_before_they_are_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"data{suffix}"
    WRITERS[suffix](path, {"x": np.zeros((1000, 20), dtype=np.uint8), "y": np.zeros(1000)})
    # 21,000 numbers of 8 bytes are 168 kB as float64.
    with pytest.raises(
        DataError, match=r"announces 0\.000168 GB .*more than max_gigabytes: 0\.0001"
    ):
        File(str(path), inputs="x", targets="y", max_gigabytes=1e-4).load()
    assert len(File(str(path), inputs="x", targets="y", max_gigabytes=1.7e-4).load().x_train) == 800


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


def test_pickles_are_never_read(npz: Callable[..., str], tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
            return Path.touch, (tmp_path / "sprung",)

    objects = np.empty(4, dtype=object)
    objects[:] = Trap()
    path = npz(**NAMED | {"x_train": objects})
    with pytest.raises(DataError, match="x_train holds Python objects, which only a pickle"):
        File(path).load()
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("dtype", ["complex128", "datetime64[s]", "V8"])
def test_numbers_that_are_not_real_are_refused(dtype: str, npz: Callable[..., str]) -> None:
    path = npz(**NAMED | {"x_train": np.zeros((4, 2), dtype=dtype)})
    with pytest.raises(DataError, match=r"x_train holds .*, not real numbers"):
        File(path).load()


def test_a_header_that_promises_terabytes_allocates_nothing(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }"
    header = header.ljust(117) + b"\n"
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 8
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        archive.writestr("x.npy", member)
        archive.writestr("y.npy", member)
    path = str(tmp_path / "bomb.npz")
    with pytest.raises(DataError, match=r"x\.npy cannot be read: it is shorter than its header"):
        File(path, inputs="x", targets="y", max_gigabytes=1e5).load()


def test_a_flipped_bit_is_noticed(npz: Callable[..., str]) -> None:
    path = Path(npz(x=X, y=Y))
    content = bytearray(path.read_bytes())
    # The last number of x is 11.0; its bytes are stored as they are.
    content[content.index(np.float64(11.0).tobytes()) + 1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.npy cannot be read: Bad CRC-32"):
        File(str(path), inputs="x", targets="y").load()


def test_a_member_that_is_no_array_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x.npy", b"no array")
    with pytest.raises(DataError, match=r"x\.npy cannot be read"):
        File(str(tmp_path / "data.npz"), inputs="x", targets="y").load()


def test_a_damaged_chunk_of_a_zarr_store(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    write_zarr(path, NAMED)
    chunk = next((path / "x_train" / "c").rglob("0"))
    chunk = chunk if chunk.is_file() else next(file for file in chunk.rglob("*") if file.is_file())
    chunk.write_bytes(chunk.read_bytes()[:5])
    with pytest.raises(DataError, match="x_train cannot be read"):
        File(str(path)).load()


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
