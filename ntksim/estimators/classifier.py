"""Classification by a network in training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from ntksim.estimators.base import NTKEstimator
from ntksim.estimators.votes import shares
from ntksim.types import Array


class NTKClassifier(ClassifierMixin, NTKEstimator):
    """Classification by a wide network trained on squared error, stopped at any time.

    The network is that of ``NTKRegressor``, with the same parameters. Two classes are one output
    with the targets −1 and +1, decided by its sign; C > 2 classes are C outputs with the targets
    1 − 1/C for the class and −1/C elsewhere, decided by the largest.

    Parameters
    ----------
    architecture, time, ridge, noise, kernel, width, initial_output, input_shape, random_state
        As those of ``NTKRegressor``.

    Attributes
    ----------
    classes_
        The classes, sorted.
    eigenvalues_, dynamics_, n_features_in_, feature_names_in_
        As those of ``NTKRegressor``.
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Decompose the tangent kernel of the training points; y (N,) are labels.

        Raises
        ------
        ValueError
            If the data or a parameter cannot be used, or there is one class only.
        """
        x, labels = self._validated(X, y)
        check_classification_targets(labels)
        self.classes_, indices = np.unique(labels, return_inverse=True)
        count = len(self.classes_)
        if count < 2:
            raise ValueError(
                f"y has one class, {self.classes_[0]}; a classifier needs 2 classes or more"
            )
        if count == 2:
            targets = np.where(indices == 1, 1.0, -1.0)[:, None]
        else:
            targets = np.eye(count)[indices] - 1.0 / count
        self._train(x, targets)
        return self

    @overload
    def predict(self, X: ArrayLike, return_std: Literal[False] = False) -> NDArray[Any]: ...
    @overload
    def predict(self, X: ArrayLike, return_std: Literal[True]) -> tuple[NDArray[Any], Array]: ...

    def predict(
        self, X: ArrayLike, return_std: bool = False
    ) -> NDArray[Any] | tuple[NDArray[Any], Array]:
        """Return the class of each point, on request with the deviation (M,) of its outputs.

        The standard deviation is that of ``NTKRegressor.predict``, of one output.
        """
        if not return_std:
            return self._decided(self._outputs(X, self._now())[0])
        outputs, std = self._outputs_and_std(X)
        return self._decided(outputs), std

    def predict_outputs(self, X: ArrayLike) -> Array:
        """Return the outputs of the network at ``time``, shape (M, 1) or (M, C)."""
        return self._outputs(X, self._now())[0]

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the share of networks that decide for each class, shape (M, C).

        The networks are an ensemble of infinitely wide ones, independently initialised, all trained
        to ``time``, on targets with ``noise`` if there is any: their outputs are independent
        Gaussians around the predicted ones. This is what the theory says of the decisions, and no
        calibrated frequency of classes: targets are codes, and squared error knows no likelihood of
        labels. Where the networks agree the shares are 0 and 1, as they do at training points at
        the end of training.
        """
        return shares(*self._outputs_and_std(X))

    def staged_predict(
        self, X: ArrayLike, times: ArrayLike | None = None
    ) -> Iterator[NDArray[Any]]:
        """Yield the classes at every time of training.

        Parameters
        ----------
        X
            Points (M, features).
        times
            Times, from 0 to infinity; by default those of ``staged_times``.
        """
        for outputs in self._outputs(X, self._stages(times)):
            yield self._decided(outputs)

    def _decided(self, outputs: Array) -> NDArray[Any]:
        if outputs.shape[1] == 1:
            return self.classes_[(outputs[:, 0] > 0).astype(np.intp)]
        return self.classes_[outputs.argmax(axis=1)]
