"""The regression sets that scikit-learn carries."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, cast

from ntksim import Array, Dataset, DatasetSource, SeedTree

from ntksim_builtin.datasets.labelling import label_of
from ntksim_builtin.datasets.preparing.assembly import regression_data
from ntksim_builtin.datasets.preparing.options import (
    CentreTargets,
    ScaleTargets,
    ScalingOption,
    SplitSeed,
    TestPoints,
    TrainPoints,
)
from ntksim_builtin.datasets.preparing.points import Points
from ntksim_builtin.datasets.preparing.splitting import split
from ntksim_builtin.datasets.reading.bundled_tables import bundled_table


@dataclass(frozen=True)
class BundledRegression(DatasetSource):
    """What these sets have in common: a split, and the scaling of inputs and targets."""

    train: TrainPoints = None
    test: TestPoints = None
    seed: SplitSeed = 0
    scaling: ScalingOption = "standard"
    centre_targets: CentreTargets = True
    scale_targets: ScaleTargets = True

    @classmethod
    @abstractmethod
    def bundled(cls) -> tuple[Array, Array]:
        """Return all inputs (n, d) and targets (n, K)."""

    def load(self) -> Dataset:
        """Split and scale.

        Raises
        ------
        DataError
            If there are fewer points than asked for, or a point cannot be scaled.
        """
        points = Points(*self.bundled())
        seeds = SeedTree(self.seed).child("dataset", self.name)
        train, test = split(len(points), self.train, self.test, seeds.generator("split"))
        return regression_data(
            points[train],
            points[test],
            source=f"{self.name}, bundled with scikit-learn",
            scaling=self.scaling,
            centre=self.centre_targets,
            scale=self.scale_targets,
        )

    def label(self) -> str:
        """Name, training points where given, and what else differs from the default."""
        return label_of(self, without=("test",))


@dataclass(frozen=True)
class Diabetes(BundledRegression):
    """Progression of diabetes: 442 points, 10 features (Efron et al. 2004, via scikit-learn)."""

    name: ClassVar[str] = "diabetes"

    @classmethod
    def bundled(cls) -> tuple[Array, Array]:
        """Return raw features (442, 10) and progression (442, 1)."""
        features = bundled_table(
            "diabetes_data_raw.csv.gz", (442, 10), delimiter=None, header=False
        )
        progression = bundled_table(
            "diabetes_target.csv.gz", (442, 1), delimiter=None, header=False
        )
        if features is not None and progression is not None:
            return features, progression
        from sklearn.datasets import load_diabetes

        loaded = load_diabetes(return_X_y=True, scaled=False)
        inputs, targets = cast("tuple[Array, Array]", loaded)
        return inputs, targets[:, None]


@dataclass(frozen=True)
class Linnerud(BundledRegression):
    """Exercise and physiology: 20 points, 3 features, 3 outputs (Linnerud, via scikit-learn)."""

    name: ClassVar[str] = "linnerud"

    @classmethod
    def bundled(cls) -> tuple[Array, Array]:
        """Return exercises (20, 3) and weight, waist and pulse (20, 3)."""
        exercises = bundled_table("linnerud_exercise.csv", (20, 3), delimiter=None)
        physiology = bundled_table("linnerud_physiological.csv", (20, 3), delimiter=None)
        if exercises is not None and physiology is not None:
            return exercises, physiology
        from sklearn.datasets import load_linnerud

        return cast("tuple[Array, Array]", load_linnerud(return_X_y=True))
