"""Data from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar, Literal

from ntksim import (
    Dataset,
    DatasetSource,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SeedTree,
)

from ntksim_builtin.datasets.labelling import label_of
from ntksim_builtin.datasets.preparing.assembly import classification_data, regression_data
from ntksim_builtin.datasets.preparing.coding import check_classes, check_coding
from ntksim_builtin.datasets.preparing.options import (
    CentreTargets,
    CodingOption,
    LabelSeed,
    LabelsOption,
    ScaleTargets,
    ScalingOption,
    SplitSeed,
)
from ntksim_builtin.datasets.preparing.points import Points
from ntksim_builtin.datasets.preparing.splitting import Fraction, split, subset
from ntksim_builtin.datasets.reading.array_files import SUFFIXES
from ntksim_builtin.datasets.reading.points_of_files import (
    as_labels,
    as_targets,
    check_codes,
    find_classes,
    keep_classes,
    read_sets,
    read_table,
)

_NAMED = ("x_train", "y_train", "x_test", "y_test")
_OF_CLASSIFICATION = ("classes", "coding", "labels", "label_seed")
_OF_REGRESSION = ("centre_targets", "scale_targets")


@dataclass(frozen=True)
class File(DatasetSource):
    """Arrays from a file of yours: ``.npz``, ``.csv`` with named columns, ``.nc`` or ``.zarr``.

    Either four arrays, or ``inputs`` and ``targets``, which are split into training and test
    points. The first axis of an array counts points. Nothing is ever unpickled.
    """

    name: ClassVar[str] = "file"

    path: str
    """The file, relative to the study and inside its folder, or absolute."""

    task: Literal["regression", "classification"] = "regression"
    """What the targets are: numbers, or labels of classes (whole numbers or words)."""

    x_train: str = "x_train"
    """Name of the array of training inputs."""

    y_train: str = "y_train"
    """Name of the array of training targets."""

    x_test: str | None = "x_test"
    """Name of the array of test inputs; null when there are none."""

    y_test: str | None = "y_test"
    """Name of the array of test targets; null when they are not known."""

    inputs: str | tuple[str, ...] | None = None
    """Name of the array of all inputs, to be split; several names are stacked as columns. For a
    ``.csv`` file all columns that are not targets, when not given."""

    targets: str | tuple[str, ...] | None = None
    """Name of the array of all targets, to be split; several names are stacked as columns."""

    train: PositiveInt | Fraction | None = None
    """Number of training points, or their fraction: drawn at random from those that there are."""

    test: NonNegativeInt | None = None
    """Number of test points, drawn at random from those that there are."""

    seed: SplitSeed = 0

    shape: tuple[PositiveInt, ...] = ()
    """Shape to give every input, such as [28, 28, 1] for a convolution or [784]."""

    scaling: ScalingOption = "none"
    centre_targets: CentreTargets = False
    scale_targets: ScaleTargets = False

    classes: tuple[int | str, ...] = ()
    """Labels to keep, in the order in which they are coded; all, sorted, when empty."""

    coding: CodingOption = "auto"
    labels: LabelsOption = "original"
    label_seed: LabelSeed = 0

    max_gigabytes: PositiveFloat = 2.0
    """Refuse arrays that take more than this, as float64."""

    def __post_init__(self) -> None:
        suffix = Path(self.path).suffix
        if suffix not in SUFFIXES or "\0" in self.path:
            raise ValueError(f"path {self.path!r} must end in one of {', '.join(sorted(SUFFIXES))}")
        if self.targets is None and suffix == ".csv":
            raise ValueError("a .csv file needs 'targets': the column, or columns, of the targets")
        if self.targets is None and self.inputs is not None:
            raise ValueError("'inputs' needs 'targets': the name of the array of targets")
        if self.inputs is None and self.targets is not None and suffix != ".csv":
            raise ValueError("'targets' needs 'inputs': the name of the array of inputs")
        if self.inputs == () or self.targets == ():
            raise ValueError("'inputs' and 'targets' need at least one name each")
        if self.x_test is None and self.test:
            raise ValueError(f"test: {self.test} asks for test points, but x_test is null")
        if self.targets is not None:
            self._refuse(_NAMED, "cannot be combined with 'inputs' and 'targets'")
        if self.task == "regression":
            self._refuse(_OF_CLASSIFICATION, "belongs to task: classification")
        else:
            self._refuse(_OF_REGRESSION, "belongs to task: regression")
        check_classes(self.classes)
        if self.classes:
            check_coding(self.coding, len(self.classes))

    def located(self, folder: Path) -> File:
        """Return the same source with its path resolved against the study's folder.

        Raises
        ------
        ValueError
            If a relative path leaves the folder, by ``..`` or through a symbolic link.
        """
        if Path(self.path).is_absolute():
            return self
        try:
            root = folder.resolve()
            path = (root / self.path).resolve()
        except (OSError, RuntimeError) as error:
            raise ValueError(f"path {self.path!r} cannot be resolved: {error}") from None
        if not path.is_relative_to(root):
            raise ValueError(
                f"path {self.path!r} leads out of the study's folder to {path}; "
                "write it as an absolute path if that is meant"
            )
        return replace(self, path=str(path))

    def load(self) -> Dataset:
        """Read, choose points, scale and code.

        Raises
        ------
        DataError
            If the file or an array is missing, damaged, too large or of another type, if shapes
            do not fit each other, or if there are fewer points than asked for.
        """
        sets = self._stored()
        source = f"file {Path(self.path).name}"
        if self.task == "regression":
            return regression_data(
                *self._chosen(sets),
                source=source,
                scaling=self.scaling,
                centre=self.centre_targets,
                scale=self.scale_targets,
            )
        classes = find_classes(sets, self.classes, source)
        check_codes(self.coding, len(classes), sum(map(len, sets)), self._limit, source)
        return classification_data(
            *self._chosen([keep_classes(points, classes) for points in sets]),
            source=source,
            scaling=self.scaling,
            classes=classes,
            coding=self.coding,
            random_labels=self._seeds(self.label_seed) if self.labels == "random" else None,
        )

    def label(self) -> str:
        """Name of the file without its ending, classes, and what differs from the default."""
        return label_of(
            self,
            name=Path(self.path).stem,
            first=("classes", "train"),
            bare=("classes",),
            without=("path", "task", "inputs", *_NAMED, "test", "max_gigabytes"),
        )

    @property
    def _limit(self) -> int:
        return int(self.max_gigabytes * 1e9)

    def _seeds(self, seed: int) -> SeedTree:
        return SeedTree(seed).child("dataset", self.name)

    def _refuse(self, options: tuple[str, ...], complaint: str) -> None:
        defaults = {field.name: field.default for field in fields(self)}
        for option in options:
            if getattr(self, option) != defaults[option]:
                raise ValueError(f"'{option}' {complaint}")

    def _stored(self) -> list[Points]:
        as_y = as_labels if self.task == "classification" else as_targets
        if self.targets is not None:
            whole = read_table(Path(self.path), self.inputs, self.targets, as_y, self._limit)
            sets = [whole]
        else:
            names = (self.x_train, self.y_train, self.x_test, self.y_test)
            sets = read_sets(Path(self.path), names, as_y, self._limit)
        return [points.reshaped(self.shape) for points in sets]

    def _chosen(self, sets: Sequence[Points]) -> tuple[Points, Points]:
        seeds = self._seeds(self.seed)
        if len(sets) == 1:
            train, test = split(len(sets[0]), self.train, self.test, seeds.generator("split"))
            return sets[0][train], sets[0][test]
        train = subset(len(sets[0]), self.train, "training", seeds.generator("train"))
        test = subset(len(sets[1]), self.test, "test", seeds.generator("test"))
        return sets[0][train], sets[1][test]
