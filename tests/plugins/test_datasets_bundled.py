"""The sets that scikit-learn carries."""

import numpy as np
import pytest
import sklearn.datasets
from ntksim import DataError, Dataset

from ntksim_builtin.datasets import (
    BreastCancer,
    Diabetes,
    Digits,
    Iris,
    Linnerud,
    Wine,
    bundled_classification,
    bundled_regression,
)
from ntksim_builtin.datasets.bundled_classification import BundledClassification
from ntksim_builtin.datasets.bundled_regression import BundledRegression
from ntksim_builtin.datasets.reading.bundled_tables import bundled_table

CLASSIFICATIONS = [Digits, Iris, Wine, BreastCancer]


def points(data: Dataset) -> int:
    return len(data.x_train) + len(data.x_test)


@pytest.mark.parametrize(
    ("kind", "shape", "classes"),
    [
        (Digits, (1797, 64), 10),
        (Iris, (150, 4), 3),
        (Wine, (178, 13), 3),
        (BreastCancer, (569, 30), 2),
    ],
)
def test_classifications_have_their_published_sizes(
    kind: type[BundledClassification], shape: tuple[int, int], classes: int
) -> None:
    data = kind().load()
    assert (points(data), *data.input_shape) == shape
    assert len(data.x_test) == shape[0] // 5
    assert data.outputs == (1 if classes == 2 else classes)
    assert data.classification
    assert kind(targets="one_hot").load().outputs == classes


@pytest.mark.parametrize("kind", CLASSIFICATIONS)
def test_class_names_are_those_of_scikit_learn(kind: type[BundledClassification]) -> None:
    loaded = getattr(sklearn.datasets, f"load_{kind.name}")()
    assert kind.class_names == tuple(str(name) for name in loaded.target_names)


@pytest.mark.parametrize("kind", [*CLASSIFICATIONS, Diabetes, Linnerud])
def test_tables_are_those_of_scikit_learn(
    kind: type[BundledClassification | BundledRegression], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = kind.bundled()
    for module in (bundled_classification, bundled_regression):
        monkeypatch.setattr(module, "bundled_table", lambda *_, **__: None)
    asked = kind.bundled()
    for own, original in zip(read, asked, strict=True):
        assert own.dtype == original.dtype
        np.testing.assert_array_equal(own, original)


def test_a_table_that_is_elsewhere_or_of_another_size_is_not_taken() -> None:
    assert bundled_table("digits.csv.gz", (1797, 65), header=False) is not None
    assert bundled_table("digits.csv.gz", (1798, 65), header=False) is None
    assert bundled_table("letters.csv.gz", (1797, 65), header=False) is None


def test_regressions_have_their_published_sizes() -> None:
    data = Diabetes().load()
    assert (points(data), data.input_shape, data.outputs) == (442, (10,), 1)
    data = Linnerud().load()
    assert (points(data), data.input_shape, data.outputs) == (20, (3,), 3)
    assert not data.classification


def test_every_point_keeps_its_own_target() -> None:
    data = Iris(scaling="none", targets="one_hot").load()
    inputs, species = sklearn.datasets.load_iris(return_X_y=True)
    pairs = {(*map(float, x), float(y)) for x, y in zip(inputs, species, strict=True)}
    x, y = np.vstack([data.x_train, data.x_test]), np.vstack([data.y_train, data.y_test])
    assert {(*map(float, a), float(b)) for a, b in zip(x, y.argmax(axis=1), strict=True)} == pairs


def test_classes_are_coded_in_the_order_in_which_they_are_named() -> None:
    forward = Digits(classes=(3, 8), train=100, test=50).load()
    backward = Digits(classes=("8", 3), train=100, test=50).load()
    np.testing.assert_array_equal(forward.x_train, backward.x_train)
    np.testing.assert_array_equal(forward.y_train, -backward.y_train)
    assert forward.provenance["classes"] == "3, 8"
    # Number of threes and eights among the digits.
    assert points(Digits(classes=(3, 8)).load()) == 183 + 174


def test_the_first_of_two_classes_is_minus_one() -> None:
    data = BreastCancer(scaling="none").load()
    # 212 malignant tumours, named first, and 357 benign ones.
    total = data.y_train.sum() + data.y_test.sum()
    assert total == 357 - 212
    assert BreastCancer.class_names[0] == "malignant"


def test_digits_have_norm_one_by_default_and_can_be_images() -> None:
    flat = Digits(train=20, test=5).load()
    np.testing.assert_allclose(np.linalg.norm(flat.x_train, axis=1), 1, rtol=1e-12)  # rounding
    image = Digits(train=20, test=5, image=True).load()
    assert image.input_shape == (8, 8, 1)
    np.testing.assert_array_equal(image.x_train.reshape(20, 64), flat.x_train)
    np.testing.assert_array_equal(image.y_test, flat.y_test)
    assert image.classification


def test_random_labels_change_the_training_labels_alone() -> None:
    true = Digits(train=1000, test=300, targets="one_hot").load()
    random = Digits(train=1000, test=300, targets="one_hot", labels="random").load()
    np.testing.assert_array_equal(true.x_train, random.x_train)
    np.testing.assert_array_equal(true.y_test, random.y_test)
    # 1000 draws of probability 0.1: standard deviation 9.5; five of them.
    agreeing = np.sum(true.y_train * random.y_train)
    assert abs(agreeing - 100) < 48
    assert np.abs(random.y_train.sum(axis=0) - 100).max() < 48
    other = Digits(train=1000, test=300, targets="one_hot", labels="random", label_seed=1).load()
    assert not np.array_equal(other.y_train, random.y_train)


def test_seeds_choose_the_split() -> None:
    first, second = Wine(seed=0).load(), Wine(seed=1).load()
    assert not np.array_equal(first.x_train, second.x_train)


def test_regression_targets_are_standardised_by_training_statistics() -> None:
    data = Diabetes(train=300, test=100).load()
    assert abs(data.y_train.mean()) < 1e-12  # rounding
    assert abs(data.y_train.std() - 1) < 1e-12
    raw = Diabetes(train=300, test=100, centre_targets=False, scale_targets=False).load()
    expected = (raw.y_test - raw.y_train.mean()) / raw.y_train.std()
    np.testing.assert_allclose(data.y_test, expected, rtol=1e-10)  # rounding over 300 points
    assert raw.y_train.min() >= 25  # progression is a whole number from 25 to 346
    assert raw.y_train.max() <= 346


def test_too_many_points_are_refused() -> None:
    with pytest.raises(DataError, match=r"140 training and 11 test points .* from 150 points"):
        Iris(train=140, test=11).load()


def test_combinations_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="2 classes apart, and there are 3"):
        Iris(targets="sign")
    Iris(classes=(0, 2), targets="sign")
    with pytest.raises(ValueError, match="no class 10; there are 0, 1"):
        Digits(classes=(1, 10))
    with pytest.raises(ValueError, match="did you mean virginica"):
        Iris(classes=("setosa", "virginia"))
    with pytest.raises(ValueError, match="both by its number and by its name"):
        Iris(classes=(0, "setosa"))
    with pytest.raises(ValueError, match="at least two"):
        Iris(classes=(0,))
