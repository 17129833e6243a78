"""Labelled training and test data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ntksim.types.arrays import Array


class DataError(ValueError):
    """Data that cannot be used; the message says what and where."""


@dataclass(frozen=True)
class Dataset:
    """Inputs (N, *input_shape) and targets (N, K) for training, (M, …) for test; M may be 0.

    ``classification`` says that the targets are codes of classes, so that accuracy has a meaning:
    the predicted class is the largest output, or with one output its sign. ``provenance`` is
    stored with the results: where the data came from and what was done to it. All arrays are
    float64 and finite. Where nobody knows the answers at the test points, ``test_targets`` is
    false, ``y_test`` is all NaN, and nothing that compares with it is measured. ``feature_names``
    are the coordinate of the features in the results, for inputs that are vectors; without them
    features are counted. They are no part of the data's identity.

    Raises
    ------
    DataError
        If shapes do not fit each other, a value is not finite, there is no training point, or the
        names are not one for each feature.
    """

    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array
    classification: bool = False
    provenance: Mapping[str, str] = field(default_factory=dict)
    test_targets: bool = True
    feature_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            try:
                value = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            except (TypeError, ValueError) as error:
                raise DataError(f"{name} is not numeric: {error}") from None
            if name == "y_test" and not self.test_targets:
                if not np.isnan(value).all():
                    raise DataError("y_test must be all NaN where test_targets is false")
                value = np.full(value.shape, np.nan)  # one bit pattern, for the content hash
            elif not np.isfinite(value).all():
                where = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
                raise DataError(f"{name} holds {value[where]} at index {where}; it must be finite")
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            if x.ndim < 2 or y.ndim != 2:
                raise DataError(
                    f"x_{part} must be (points, features, …) and y_{part} (points, outputs); "
                    f"they have shapes {x.shape} and {y.shape}"
                )
            if len(x) != len(y):
                raise DataError(f"x_{part} has {len(x)} points but y_{part} has {len(y)}")
        if len(self.x_train) == 0:
            raise DataError("there is no training point")
        if self.x_train.shape[1:] != self.x_test.shape[1:]:
            raise DataError(
                f"training inputs have shape {self.x_train.shape[1:]} a point, "
                f"test inputs {self.x_test.shape[1:]}"
            )
        if self.y_train.shape[1] != self.y_test.shape[1] or self.y_train.shape[1] == 0:
            raise DataError(
                f"y_train has {self.y_train.shape[1]} outputs, y_test {self.y_test.shape[1]}"
            )

        object.__setattr__(self, "feature_names", tuple(map(str, self.feature_names)))
        names = self.feature_names
        if names and (self.input_shape != (len(names),) or len(set(names)) < len(names)):
            raise DataError(
                f"feature_names are {names}; inputs of shape {self.input_shape} need one for every "
                "feature of a vector, each another"
            )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return self.x_train.shape[1:]

    @property
    def outputs(self) -> int:
        """Number K of outputs."""
        return self.y_train.shape[1]

    @property
    def content_hash(self) -> str:
        """SHA-256 over the arrays, their shapes and the kind of task: the data's identity."""
        digest = hashlib.sha256(b"classification" if self.classification else b"regression")
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(repr(array.shape).encode())
            digest.update(array.astype("<f8", copy=False).tobytes())
        return digest.hexdigest()
