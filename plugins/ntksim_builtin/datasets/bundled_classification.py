"""The classification sets that scikit-learn carries."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, cast

import numpy as np
from ntksim import Array, DataError, Dataset, DatasetSource, SeedTree
from pydantic import Field

from ntksim_builtin.datasets.labelling import label_of
from ntksim_builtin.datasets.preparing.assembly import classification_data
from ntksim_builtin.datasets.preparing.coding import (
    ClassIndices,
    check_classes,
    check_coding,
    find_class,
    positions,
)
from ntksim_builtin.datasets.preparing.options import (
    CodingOption,
    LabelSeed,
    LabelsOption,
    ScalingOption,
    SplitSeed,
    TestPoints,
    TrainPoints,
)
from ntksim_builtin.datasets.preparing.points import Points
from ntksim_builtin.datasets.preparing.splitting import split
from ntksim_builtin.datasets.reading.bundled_tables import bundled_table


@dataclass(frozen=True)
class BundledClassification(DatasetSource):
    """What these sets have in common: a choice of classes, a split, scalings, codings."""

    class_names: ClassVar[tuple[str, ...]]
    """Names of the classes, by number."""

    classes: Annotated[
        tuple[int | str, ...],
        Field(
            description="Classes to keep, by number or name, in the order in which they are coded; "
            "all when empty."
        ),
    ] = ()
    train: TrainPoints = None
    test: TestPoints = None
    seed: SplitSeed = 0
    scaling: ScalingOption = "standard"
    targets: CodingOption = "auto"
    labels: LabelsOption = "original"
    label_seed: LabelSeed = 0

    def __post_init__(self) -> None:
        check_classes(self.classes)
        try:
            kept = self._kept()
        except DataError as error:
            raise ValueError(str(error)) from None
        if len(set(kept)) < len(kept):
            raise ValueError("classes names one class both by its number and by its name")
        check_coding(self.targets, len(kept))

    @classmethod
    @abstractmethod
    def bundled(cls) -> tuple[Array, ClassIndices]:
        """Return all inputs (n, …) and class numbers (n,)."""

    def load(self) -> Dataset:
        """Choose classes, split, scale and code.

        Raises
        ------
        DataError
            If there are fewer points than asked for, or a point cannot be scaled.
        """
        inputs, numbers = self.bundled()
        kept = self._kept()
        where, classes = positions(numbers, kept)
        points = Points(inputs[where], classes)
        seeds = SeedTree(self.seed).child("dataset", self.name)
        train, test = split(len(points), self.train, self.test, seeds.generator("split"))
        label_seeds = SeedTree(self.label_seed).child("dataset", self.name)
        return classification_data(
            points[train],
            points[test],
            source=f"{self.name}, bundled with scikit-learn",
            scaling=self.scaling,
            classes=[self.class_names[number] for number in kept],
            coding=self.targets,
            random_labels=label_seeds if self.labels == "random" else None,
        )

    def label(self) -> str:
        """Name, classes, training points where given, and what else differs from the default."""
        return label_of(self, first=("classes", "train"), bare=("classes",), without=("test",))

    def _kept(self) -> tuple[int, ...]:
        numbers = range(len(self.class_names))
        return tuple(
            find_class(wanted, numbers if isinstance(wanted, int) else self.class_names)
            for wanted in self.classes or numbers
        )


def _with_classes(table: Array) -> tuple[Array, ClassIndices]:
    """Split a table whose last column has the numbers of classes."""
    return np.ascontiguousarray(table[:, :-1]), table[:, -1].astype(np.intp)


@dataclass(frozen=True)
class Digits(BundledClassification):
    """Handwritten digits: 1,797 images of 8 × 8 pixels, ten classes (UCI, via scikit-learn)."""

    name: ClassVar[str] = "digits"
    class_names: ClassVar[tuple[str, ...]] = tuple("0123456789")

    # The pixels of an image share one scale, and some are constant but for a few images.
    scaling: ScalingOption = "unit_norm"

    image: bool = False
    """Keep inputs as images (8, 8, 1), for convolutions, in place of (64,)."""

    @classmethod
    def bundled(cls) -> tuple[Array, ClassIndices]:
        """Return pixels (1797, 64) and digits (1797,)."""
        table = bundled_table("digits.csv.gz", (1797, 65), header=False)
        if table is not None:
            return _with_classes(table)
        from sklearn.datasets import load_digits

        return cast("tuple[Array, ClassIndices]", load_digits(return_X_y=True))

    def load(self) -> Dataset:
        """Load as the base does; images are scaled as flat vectors of pixels."""
        flat = super().load()
        if not self.image:
            return flat
        return Dataset(
            flat.x_train.reshape(-1, 8, 8, 1),
            flat.y_train,
            flat.x_test.reshape(-1, 8, 8, 1),
            flat.y_test,
            classification=True,
            provenance=flat.provenance,
        )


@dataclass(frozen=True)
class Iris(BundledClassification):
    """Iris flowers: 150 points, 4 lengths, three species (Fisher 1936, via scikit-learn)."""

    name: ClassVar[str] = "iris"
    class_names: ClassVar[tuple[str, ...]] = ("setosa", "versicolor", "virginica")

    @classmethod
    def bundled(cls) -> tuple[Array, ClassIndices]:
        """Return lengths in cm (150, 4) and species (150,)."""
        table = bundled_table("iris.csv", (150, 5))
        if table is not None:
            return _with_classes(table)
        from sklearn.datasets import load_iris

        return cast("tuple[Array, ClassIndices]", load_iris(return_X_y=True))


@dataclass(frozen=True)
class Wine(BundledClassification):
    """Wines: 178 points, 13 chemical features, three cultivars (UCI, via scikit-learn)."""

    name: ClassVar[str] = "wine"
    class_names: ClassVar[tuple[str, ...]] = ("class_0", "class_1", "class_2")

    @classmethod
    def bundled(cls) -> tuple[Array, ClassIndices]:
        """Return features (178, 13) and cultivars (178,)."""
        table = bundled_table("wine_data.csv", (178, 14))
        if table is not None:
            return _with_classes(table)
        from sklearn.datasets import load_wine

        return cast("tuple[Array, ClassIndices]", load_wine(return_X_y=True))


@dataclass(frozen=True)
class BreastCancer(BundledClassification):
    """Breast tumours: 569 points, 30 features of cell nuclei, two classes (UCI, scikit-learn)."""

    name: ClassVar[str] = "breast_cancer"
    class_names: ClassVar[tuple[str, ...]] = ("malignant", "benign")

    @classmethod
    def bundled(cls) -> tuple[Array, ClassIndices]:
        """Return features (569, 30) and diagnoses (569,)."""
        table = bundled_table("breast_cancer.csv", (569, 31))
        if table is not None:
            return _with_classes(table)
        from sklearn.datasets import load_breast_cancer

        return cast("tuple[Array, ClassIndices]", load_breast_cancer(return_X_y=True))
