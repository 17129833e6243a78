"""Files of real data, where they are at hand."""

from pathlib import Path

import numpy as np
import pytest

from ntksim_builtin.datasets import File
from reference_values import shared_folder


@pytest.fixture(scope="module")
def data_folder() -> Path:
    folder = shared_folder() / "data"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there; set NTKSIM_SHARED to the folder that holds data/")
    return folder


def test_two_classes_of_mnist(data_folder: Path) -> None:
    source = File(
        "mnist_10000_2000.npz",
        task="classification",
        classes=(3, 8),
        train=200,
        test=50,
        scaling="unit_max",
        shape=(784,),
    ).located(data_folder)
    data = source.load()
    assert (data.x_train.shape, data.x_test.shape) == ((200, 784), (50, 784))
    assert data.x_train.max() == 1  # some pixel of 200 digits is fully inked
    assert data.x_train.min() == 0
    assert set(data.y_train.ravel()) == {-1.0, 1.0}


def test_colour_images_keep_their_shape(data_folder: Path) -> None:
    source = File("cifar10_lossless_4000_1000.npz", task="classification", train=100, test=20)
    data = source.located(data_folder).load()
    assert data.input_shape == (32, 32, 3)
    assert data.outputs == 10


@pytest.mark.parametrize(("name", "points", "features"), [("yacht", 308, 6), ("energy", 768, 8)])
def test_regressions_are_split(data_folder: Path, name: str, points: int, features: int) -> None:
    source = File(
        f"regression/{name}.npz",
        inputs="X",
        targets="y",
        train=0.9,
        scaling="standard",
        centre_targets=True,
        scale_targets=True,
    ).located(data_folder)
    data = source.load()
    assert data.input_shape == (features,)
    assert len(data.x_train) == round(0.9 * points)
    assert len(data.x_train) + len(data.x_test) == points
    np.testing.assert_allclose(data.y_train.std(), 1, rtol=1e-12)  # rounding
