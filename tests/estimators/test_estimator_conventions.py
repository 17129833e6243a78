"""The estimators are what scikit-learn takes for estimators."""

from typing import Any

import pytest
from ntksim import NTKClassifier, NTKRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

SMALL = {"name": "mlp", "depth": 1, "bias_std": 0.5}


@parametrize_with_checks([NTKRegressor(), NTKClassifier()])
def test_scikit_learn_s_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        NTKRegressor(SMALL, kernel="empirical", width=32, time=50.0, random_state=0),
        NTKClassifier(SMALL, kernel="empirical", width=32, ridge=0.1, random_state=0),
        NTKRegressor(SMALL, initial_output="zero", noise=0.1),
        NTKClassifier(SMALL, time=1.0),
    ]
)
def test_scikit_learn_s_checks_of_other_parameters(estimator: Any, check: Any) -> None:
    check(estimator)
