"""From chosen points to a dataset: scaling, random labels, coding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ntksim import Dataset, SeedTree

from ntksim_builtin.datasets.preparing.coding import Coding, encode
from ntksim_builtin.datasets.preparing.points import Points
from ntksim_builtin.datasets.preparing.scaling import InputScaling, scale_inputs, standardise


def regression_data(
    train: Points,
    test: Points,
    *,
    source: str,
    scaling: InputScaling,
    centre: bool,
    scale: bool,
) -> Dataset:
    """Scale inputs and, where asked, targets; targets that are not known become NaN.

    Raises
    ------
    DataError
        If a point cannot be scaled.
    """
    x_train, x_test = scale_inputs(scaling, train.x, test.x)
    y_train = train.known
    y_test = np.full((len(test), y_train.shape[1]), np.nan) if test.y is None else test.y
    y_train, y_test = standardise(y_train, y_test, centre=centre, scale=scale)
    return Dataset(
        x_train,
        y_train,
        x_test,
        y_test,
        provenance={"source": source},
        test_targets=test.y is not None,
        feature_names=train.names,
    )


def classification_data(
    train: Points,
    test: Points,
    *,
    source: str,
    scaling: InputScaling,
    classes: Sequence[int | str],
    coding: Coding,
    random_labels: SeedTree | None,
) -> Dataset:
    """Scale inputs and code classes; with ``random_labels`` training classes are drawn anew.

    They are independent and uniform over the classes; those of test points stay.

    Raises
    ------
    DataError
        If a point cannot be scaled.
    """
    x_train, x_test = scale_inputs(scaling, train.x, test.x)
    c_train = train.known
    if random_labels is not None:
        c_train = random_labels.generator("labels").integers(len(classes), size=len(train))
    y_train = encode(c_train, len(classes), coding)
    if test.y is None:
        y_test = np.full((len(test), y_train.shape[1]), np.nan)
    else:
        y_test = encode(test.y, len(classes), coding)
    return Dataset(
        x_train,
        y_train,
        x_test,
        y_test,
        classification=True,
        provenance={"source": source, "classes": ", ".join(map(str, classes))},
        test_targets=test.y is not None,
        feature_names=train.names,
    )
